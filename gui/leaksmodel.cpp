#include "gui/leaksmodel.h"

#include <algorithm>
#include <cmath>

#include "gui/format.h"

namespace tidemark::gui {
namespace {

// The column is in bytes per minute when its fastest site grows or shrinks by as much.
constexpr double kReadablePerMinute = 1024;

std::optional<leaks::Interval> growthInterval(const leaks::Finding& finding) {
  return finding.slope_bytes_per_hour ? finding.slope_ci : finding.delta_ci;
}

}  // namespace

void LeaksModel::setSeries(std::shared_ptr<const Series> series) {
  beginResetModel();
  m_series = std::move(series);
  if (m_series && !m_series->ranking.ok()) m_series.reset();
  m_largestLive = 0;
  m_largestGrowth = 0;
  m_perMinute = false;
  m_hasRates = false;
  if (m_series) {
    m_hasRates = std::any_of(
        m_series->ranking->findings.begin(), m_series->ranking->findings.end(),
        [](const leaks::Finding& finding) { return finding.slope_bytes_per_hour.has_value(); });
    for (const leaks::Finding& finding : m_series->ranking->findings) {
      m_perMinute = m_perMinute ||
                    std::fabs(finding.slope_bytes_per_hour.value_or(0)) >= kReadablePerMinute * 60;
      const double live = static_cast<double>(finding.live_bytes);
      m_largestLive = std::max({m_largestLive, live, finding.live_ci ? finding.live_ci->high : 0});
      m_largestGrowth = std::max(m_largestGrowth, std::fabs(growthOf(finding).value_or(0)));
      if (const auto ci = growthInterval(finding); ci && growthOf(finding)) {
        m_largestGrowth = std::max({m_largestGrowth, std::fabs(ci->low), std::fabs(ci->high)});
      }
    }
  }
  endResetModel();
}

const leaks::Finding& LeaksModel::finding(int row) const {
  return m_series->ranking->findings[static_cast<size_t>(row)];
}

int LeaksModel::rowCount(const QModelIndex& parent) const {
  if (parent.isValid() || !m_series) return 0;
  return static_cast<int>(m_series->ranking->findings.size());
}

int LeaksModel::columnCount(const QModelIndex& parent) const {
  return parent.isValid() ? 0 : ColumnCount;
}

// A slope, or where none has one a difference. Bytes and rates are not to be compared.
std::optional<double> LeaksModel::growthOf(const leaks::Finding& finding) const {
  if (finding.slope_bytes_per_hour) return *finding.slope_bytes_per_hour;
  if (finding.delta_bytes && !m_hasRates) return static_cast<double>(*finding.delta_bytes);
  return std::nullopt;
}

QString LeaksModel::text(const leaks::Finding& finding, int column) const {
  switch (column) {
    case Rank:
      return QString::number(finding.rank);
    case Verdict:
      return QString::fromUtf8(leaks::Name(finding.verdict));
    case Site:
      return frameTitle(finding.site);
    case Container:
      return finding.container ? toQString(finding.container->badge) : QString();
    case Live:
      return bytesText(static_cast<double>(finding.live_bytes));
    case Growth:
      if (finding.slope_bytes_per_hour) {
        return rateText(*finding.slope_bytes_per_hour, m_perMinute);
      }
      if (finding.delta_bytes) return signedBytesText(static_cast<double>(*finding.delta_bytes));
      return QString();
    case Samples:
      return countText(finding.samples);
    default:
      return QString();
  }
}

QVariant LeaksModel::sortKey(const leaks::Finding& finding, int column) const {
  switch (column) {
    case Rank:
      return finding.rank;
    case Verdict:
      return static_cast<int>(finding.verdict);
    case Live:
      return QVariant::fromValue<qint64>(finding.live_bytes);
    case Growth:
      // What has no pace, as a step, does not grow now. No growth known sorts below every
      // shrinking site.
      return growthOf(finding).value_or(finding.delta_bytes ? 0 : -HUGE_VAL);
    case Samples:
      return QVariant::fromValue<qint64>(finding.samples);
    case Trend: {
      const auto& series = finding.series;
      const qint64 change = series.size() < 2 ? 0 : series.back() - series.front();
      return QVariant::fromValue<qint64>(change);
    }
    default:
      return text(finding, column);
  }
}

QVariant LeaksModel::interval(const leaks::Finding& finding, int column) const {
  if (column == Live) {
    const double value = static_cast<double>(finding.live_bytes);
    const leaks::Interval ci = finding.live_ci.value_or(leaks::Interval{value, value});
    return QVariantList{value, ci.low, ci.high, m_largestLive};
  }
  if (column == Growth && growthOf(finding)) {
    const double value = *growthOf(finding);
    const leaks::Interval ci = growthInterval(finding).value_or(leaks::Interval{value, value});
    return QVariantList{value, ci.low, ci.high, m_largestGrowth};
  }
  return {};
}

QString LeaksModel::toolTip(const leaks::Finding& finding, int column) const {
  switch (column) {
    case Verdict:
      return toQString(finding.reason);
    case Site:
      return toQString(report::ToString(finding.site));
    case Container:
      return finding.container ? toQString(finding.container->type) : QString();
    case Live: {
      const QString objects = tr("objects: %1").arg(countText(finding.live_objects));
      if (!finding.live_ci) return objects;
      return tr("95 % between %1\n%2")
          .arg(bytesIntervalText(finding.live_ci->low, finding.live_ci->high), objects);
    }
    case Growth:
      if (const auto ci = growthInterval(finding)) {
        const auto show = [&](double value) {
          return finding.slope_bytes_per_hour ? rateText(value, m_perMinute)
                                              : signedBytesText(value);
        };
        return tr("95 % between %1 and %2").arg(show(ci->low), show(ci->high));
      }
      return QString();
    case Trend: {
      QStringList values;
      for (const int64_t bytes : finding.series) values << bytesText(static_cast<double>(bytes));
      return values.join(QStringLiteral(" → "));
    }
    default:
      return QString();
  }
}

QVariant LeaksModel::data(const QModelIndex& index, int role) const {
  if (!checkIndex(index, CheckIndexOption::IndexIsValid)) return {};
  const leaks::Finding& f = finding(index.row());
  const int column = index.column();
  switch (role) {
    case Qt::DisplayRole:
      return text(f, column);
    case Qt::ToolTipRole:
      return toolTip(f, column);
    case Qt::TextAlignmentRole: {
      const bool number = column == Rank || column == Live || column == Growth || column == Samples;
      return static_cast<int>((number ? Qt::AlignRight : Qt::AlignLeft) | Qt::AlignVCenter);
    }
    case SortRole:
      return sortKey(f, column);
    case SubtextRole:
      if (column == Site) return frameWhere(f.site);
      if (column == Container && f.container) return toQString(f.container->type);
      return {};
    case ColorRole:
      if (column == Verdict) return static_cast<int>(f.verdict);
      if (column == Container && f.container) return static_cast<int>(f.container->kind);
      return {};
    case IntervalRole:
      return interval(f, column);
    case SeriesRole: {
      if (column != Trend) return {};
      QVariantList series;
      for (const int64_t bytes : f.series) series << QVariant::fromValue<qint64>(bytes);
      return series;
    }
    default:
      return {};
  }
}

QVariant LeaksModel::headerData(int section, Qt::Orientation orientation, int role) const {
  if (orientation != Qt::Horizontal || section < 0 || section >= ColumnCount) return {};
  if (role == Qt::TextAlignmentRole) {
    const bool number =
        section == Rank || section == Live || section == Growth || section == Samples;
    return static_cast<int>((number ? Qt::AlignRight : Qt::AlignLeft) | Qt::AlignVCenter);
  }
  if (role != Qt::DisplayRole && role != Qt::ToolTipRole) return {};
  static const char* const kNames[ColumnCount] = {"#",    "Verdict", "Site",    "Container",
                                                  "Live", "Growth",  "Samples", "Trend"};
  static const char* const kTips[ColumnCount] = {
      "Rank, worst first",
      "leak: growth beyond doubt; suspect: not enough snapshots to be sure",
      "The innermost frame of your own code",
      "What holds the memory at the site",
      "Estimated live bytes in the newest snapshot, with the 95 % interval",
      "A rate from three snapshots, the difference from two, with the 95 % interval",
      "Raw samples behind the estimate of live bytes",
      "Live bytes in each snapshot, oldest first"};
  return tr(role == Qt::DisplayRole ? kNames[section] : kTips[section]);
}

QString LeaksModel::rowText(int row) const {
  const leaks::Finding& f = finding(row);
  QStringList cells;
  for (int column = 0; column < Trend; ++column) cells << text(f, column);
  cells[Site] = toQString(report::ToString(f.site));
  if (f.container) cells[Container] += QLatin1Char(' ') + toQString(f.container->type);
  return cells.join(QLatin1Char('\t'));
}

LeaksProxy::LeaksProxy(QObject* parent) : QSortFilterProxyModel(parent) {
  setSortRole(LeaksModel::SortRole);
  setSortCaseSensitivity(Qt::CaseInsensitive);
}

void LeaksProxy::setFocusPattern(const QString& pattern) {
  m_focus = QRegularExpression(pattern);
  invalidateRowsFilter();
}

bool LeaksProxy::filterAcceptsRow(int row, const QModelIndex&) const {
  return matchesFocus(static_cast<const LeaksModel*>(sourceModel())->finding(row), m_focus);
}

}  // namespace tidemark::gui
