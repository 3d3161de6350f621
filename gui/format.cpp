#include "gui/format.h"

#include <QFileInfo>
#include <QLocale>
#include <QStringList>
#include <algorithm>
#include <array>
#include <cmath>

#include "analyzer/classify/cxx_name.h"

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
  static constexpr std::array<const char*, 7> kUnits = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
  return scaled(std::fabs(bytes) < 999.5 ? std::nearbyint(bytes) : bytes, 1024, kUnits);
}

QString signedBytesText(double bytes) { return withPlus(std::nearbyint(bytes), bytesText(bytes)); }

QString rateText(double bytesPerHour, bool perMinute) {
  return signedBytesText(perMinute ? bytesPerHour / 60 : bytesPerHour) +
         (perMinute ? QStringLiteral("/min") : QStringLiteral("/h"));
}

QString countText(qint64 count) {
  const QLocale english(QLocale::English, QLocale::UnitedStates);
  return english.toString(count).replace(QLatin1Char('-'), kMinus);
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
  if (magnitude < 0.05) return QStringLiteral("0 %");
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
  const std::string name = function.toStdString();
  const classify::FunctionName parts = classify::SplitFunctionName(name);
  QString result = toQString(parts.base);
  if (!parts.scope.empty()) {
    result.prepend(toQString(classify::ShortTypeName(parts.scope)) + QStringLiteral("::"));
  }
  // GCC's mark on functions that return a std::string.
  result.remove(QStringLiteral("[abi:cxx11]"));
  return result.isEmpty() ? function : result;
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
  // Without a function, the module is part of the title.
  if (!frame.function.empty()) return QFileInfo(toQString(frame.module)).fileName();
  return QString();
}

QString stackText(const std::vector<report::Frame>& stack) {
  QStringList lines;
  for (const report::Frame& frame : stack) lines << toQString(report::ToString(frame));
  return lines.join(QLatin1Char('\n'));
}

}  // namespace tidemark::gui
