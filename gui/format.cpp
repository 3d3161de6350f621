#include "gui/format.h"

#include <QFileInfo>
#include <QLocale>
#include <QStringList>
#include <algorithm>
#include <array>
#include <cmath>

namespace tidemark::gui {
namespace {

constexpr QChar kMinus(0x2212);

// Three significant digits, never an exponent.
QString threeDigits(double magnitude) {
  const int decimals = magnitude < 9.995 ? 2 : magnitude < 99.95 ? 1 : 0;
  return QString::number(magnitude, 'f', decimals);
}

template <size_t N>
QString scaled(double value, double step, const std::array<const char*, N>& units) {
  double magnitude = std::fabs(value);
  size_t unit = 0;
  while (magnitude >= 999.5 && unit + 1 < N) {
    magnitude /= step;
    ++unit;
  }
  const bool whole = unit == 0 && std::nearbyint(magnitude) == magnitude;
  const QString digits = whole ? QString::number(magnitude, 'f', 0) : threeDigits(magnitude);
  const QString sign = value < 0 ? QString(kMinus) : QString();
  return sign + digits + QLatin1Char(' ') + QString::fromUtf8(units[unit]);
}

QString withPlus(double value, const QString& text) {
  return value > 0 ? QLatin1Char('+') + text : text;
}

}  // namespace

QString toQString(absl::string_view text) {
  QString result = QString::fromUtf8(text.data(), static_cast<qsizetype>(text.size()));
  for (QChar& c : result) {
    if (c.category() == QChar::Other_Control) c = QLatin1Char(' ');
  }
  return result;
}

QString bytesText(double bytes) {
  static constexpr std::array<const char*, 7> kUnits = {"B",   "KiB", "MiB", "GiB",
                                                        "TiB", "PiB", "EiB"};
  return scaled(std::fabs(bytes) < 999.5 ? std::nearbyint(bytes) : bytes, 1024, kUnits);
}

QString signedBytesText(double bytes) { return withPlus(std::nearbyint(bytes), bytesText(bytes)); }

QString countText(qint64 count) {
  QLocale c(QLocale::English, QLocale::UnitedStates);
  const QString digits = c.toString(std::fabs(static_cast<double>(count)), 'f', 0);
  return count < 0 ? kMinus + digits : digits;
}

QString valueText(qint64 value, const QString& unit) {
  if (unit == QLatin1String("bytes")) return bytesText(static_cast<double>(value));
  if (unit == QLatin1String("nanoseconds")) {
    static constexpr std::array<const char*, 4> kUnits = {"ns", "µs", "ms", "s"};
    return scaled(static_cast<double>(value), 1000, kUnits);
  }
  if (unit.isEmpty() || unit == QLatin1String("count")) return countText(value);
  return countText(value) + QLatin1Char(' ') + unit;
}

QString signedValueText(qint64 value, const QString& unit) {
  return withPlus(static_cast<double>(value), valueText(value, unit));
}

QString changeText(qint64 base, qint64 value) {
  if (base == value) return QStringLiteral("—");
  if (base == 0) return QStringLiteral("new");
  if (value == 0) return QStringLiteral("gone");
  const double percent = (static_cast<double>(value) - static_cast<double>(base)) /
                         std::fabs(static_cast<double>(base)) * 100;
  const double magnitude = std::fabs(percent);
  const QString digits =
      magnitude >= 10 ? countText(static_cast<qint64>(std::nearbyint(std::min(magnitude, 9e15))))
                      : QString::number(magnitude, 'f', 1);
  return (percent < 0 ? QString(kMinus) : QStringLiteral("+")) + digits + QStringLiteral(" %");
}

QString errorText(double value, double low, double high) {
  if (value == 0) return QString();
  const double percent = std::max(high - value, value - low) / std::fabs(value) * 100;
  if (!std::isfinite(percent)) return QString();
  return QStringLiteral("± %1 %").arg(QString::number(percent, 'f', percent < 9.95 ? 1 : 0));
}

QString bytesIntervalText(double low, double high) {
  return bytesText(low) + QStringLiteral(" … ") + bytesText(high);
}

QString shortFunction(const QString& function) {
  // Cut at the first parenthesis at template depth 0 that opens a parameter list, then
  // drop a return type: what stands before the last space at depth 0 of the rest.
  const QString anonymous = QStringLiteral("(anonymous namespace)");
  const QString call = QStringLiteral("operator()");
  int depth = 0;
  qsizetype end = function.size();
  qsizetype start = 0;
  bool in_operator = false;
  for (qsizetype i = 0; i < function.size(); ++i) {
    const QStringView rest = QStringView(function).mid(i);
    if (rest.startsWith(anonymous)) {
      i += anonymous.size() - 1;
    } else if (rest.startsWith(call)) {
      i += call.size() - 1;
    } else if (rest.startsWith(QLatin1String("operator")) && depth == 0) {
      in_operator = true;  // "operator<", "operator new": no more cutting of return types
      i += 7;
      while (i + 1 < function.size() && QStringLiteral("<>=-").contains(function[i + 1])) ++i;
    } else if (function[i] == QLatin1Char('<')) {
      ++depth;
    } else if (function[i] == QLatin1Char('>')) {
      --depth;
    } else if (function[i] == QLatin1Char('(') && depth == 0) {
      // Go's "(*Store).Put" and a pointer-to-function type open with a parenthesis that
      // closes before the name ends; only one that follows a name is a parameter list.
      const bool follows_name =
          i > 0 && function[i - 1] != QLatin1Char('.') && function[i - 1] != QLatin1Char(' ');
      if (follows_name) {
        end = i;
        break;
      }
    } else if (function[i] == QLatin1Char(' ') && depth == 0 && !in_operator) {
      start = i + 1;
    }
  }
  if (depth != 0 || end <= start) return function;  // not a C++ name: leave it alone
  return function.mid(start, end - start);
}

QString frameTitle(const report::Frame& frame) {
  if (!frame.function.empty()) return shortFunction(toQString(frame.function));
  return toQString(report::ToString(frame));
}

QString frameWhere(const report::Frame& frame) {
  if (!frame.file.empty()) {
    QString where = QFileInfo(toQString(frame.file)).fileName();
    if (frame.line > 0) where += QStringLiteral(":%1").arg(frame.line);
    return where;
  }
  if (!frame.module.empty()) return QFileInfo(toQString(frame.module)).fileName();
  return QString();
}

QString stackText(const std::vector<report::Frame>& stack) {
  QStringList lines;
  for (const report::Frame& frame : stack) lines << toQString(report::ToString(frame));
  return lines.join(QLatin1Char('\n'));
}

}  // namespace tidemark::gui
