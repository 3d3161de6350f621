// How values and names read on screen: human units, real minus signs, names that fit.
// Thread class: pure functions, any thread.

#ifndef TIDEMARK_GUI_FORMAT_H_
#define TIDEMARK_GUI_FORMAT_H_

#include <QString>
#include <optional>
#include <vector>

#include "absl/strings/string_view.h"
#include "analyzer/report/frame.h"

namespace tidemark::gui {

// UTF-8; bytes that are not become U+FFFD, control characters become spaces.
QString toQString(absl::string_view text);

// Three significant digits, 1024-based, in the units of pprof and the command line:
// "812 B", "1.50 MB", "−3.20 GB".
QString bytesText(double bytes);
// The same with an explicit plus; zero has no sign.
QString signedBytesText(double bytes);
// "+1.50 MB/min" or "+90.0 MB/h".
QString rateText(double bytesPerHour, bool perMinute);
// "12,345", in every locale.
QString countText(qint64 count);
// By a pprof unit: bytes and nanoseconds are scaled, anything else is "12,345 unit";
// counts carry no unit.
QString valueText(qint64 value, const QString& unit);
QString signedValueText(qint64 value, const QString& unit);
// "3.2 %", "+120 %"; "new" when there was nothing before and "—" for no change.
QString changeText(qint64 base, qint64 value);
// "± 12 %" of `value`, from the half width of its interval; empty when value is 0.
QString errorText(double value, double low, double high);
// "412 kB … 1.20 MB"
QString bytesIntervalText(double low, double high);

// A function's name as a person says it: without parameters, return type and its own
// template arguments, the types around it by their usual names.
QString shortFunction(const QString& function);
// "function", or "module+0xoffset" where it is unknown.
QString frameTitle(const report::Frame& frame);
// "store.cc:42" (the file's last component), or the module; "" when that is all there is.
QString frameWhere(const report::Frame& frame);
// One line per frame, leaf first, in full.
QString stackText(const std::vector<report::Frame>& stack);

}  // namespace tidemark::gui

#endif  // TIDEMARK_GUI_FORMAT_H_
