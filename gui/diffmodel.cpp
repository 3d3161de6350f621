#include "gui/diffmodel.h"

#include <QFileInfo>
#include <algorithm>
#include <cmath>

#include "gui/format.h"
#include "gui/leaksmodel.h"

namespace tidemark::gui {
namespace {

QString fileAndLine(const report::DiffRow& row) {
  if (row.file.empty()) return QString();
  const QString file = toQString(row.file);
  return row.line > 0 ? QStringLiteral("%1:%2").arg(file).arg(row.line) : file;
}

QString shortFileAndLine(const report::DiffRow& row) {
  return fileAndLine(row).section(QLatin1Char('/'), -1);
}

QString fullName(const report::DiffRow& row) {
  QStringList parts;
  if (!row.function.empty()) parts << toQString(row.function);
  if (!row.file.empty()) parts << fileAndLine(row);
  if (parts.isEmpty()) parts << QStringLiteral("0x") + QString::number(row.address, 16);
  return parts.join(QLatin1Char(' '));
}

bool isNumber(int column) { return column != DiffModel::Name; }

}  // namespace

const report::DiffReport* DiffModel::diff() const {
  if (!m_reports || !m_reports->diff || !m_reports->diff->ok()) return nullptr;
  return &**m_reports->diff;
}

void DiffModel::setReports(std::shared_ptr<const Reports> reports) {
  beginResetModel();
  m_reports = std::move(reports);
  m_largestDelta = 0;
  m_unit.clear();
  if (const report::DiffReport* report = diff()) {
    m_unit = toQString(report->unit);
    for (const report::DiffRow& row : report->rows) {
      if (row.delta_flat == 0) continue;  // no bar either
      m_largestDelta = std::max(m_largestDelta, std::fabs(static_cast<double>(row.delta_flat)));
      if (!row.delta_ci) continue;
      m_largestDelta =
          std::max({m_largestDelta, std::fabs(static_cast<double>(row.delta_ci->first)),
                    std::fabs(static_cast<double>(row.delta_ci->second))});
    }
  }
  endResetModel();
}

int DiffModel::rowCount(const QModelIndex& parent) const {
  if (parent.isValid() || diff() == nullptr) return 0;
  return static_cast<int>(diff()->rows.size());
}

int DiffModel::columnCount(const QModelIndex& parent) const {
  return parent.isValid() ? 0 : ColumnCount;
}

QString DiffModel::text(const report::DiffRow& row, int column) const {
  switch (column) {
    case Name:
      if (!row.function.empty()) return shortFunction(toQString(row.function));
      return row.file.empty() ? fullName(row) : fileAndLine(row);
    case Base:
      return valueText(row.base_flat, m_unit);
    case New:
      return valueText(row.flat, m_unit);
    case Delta:
      return signedValueText(row.delta_flat, m_unit);
    case Interval:
      if (!row.delta_ci || (row.base_flat == 0 && row.flat == 0)) return QString();
      return signedValueText(row.delta_ci->first, m_unit) + QStringLiteral(" … ") +
             signedValueText(row.delta_ci->second, m_unit);
    case Change:
      return changeText(row.base_flat, row.flat);
    case TotalDelta:
      return signedValueText(row.delta_cum, m_unit);
    default:
      return QString();
  }
}

QVariant DiffModel::sortKey(const report::DiffRow& row, int column) const {
  switch (column) {
    case Base:
      return QVariant::fromValue<qint64>(row.base_flat);
    case New:
      return QVariant::fromValue<qint64>(row.flat);
    case Delta:
      return QVariant::fromValue<qint64>(row.delta_flat);
    case Interval:  // the end nearest to zero: what is growth beyond doubt comes first
      return QVariant::fromValue<qint64>(row.delta_ci ? row.delta_ci->first : row.delta_flat);
    case Change:
      if (row.base_flat == 0) return row.flat == 0 ? 0.0 : HUGE_VAL;
      return static_cast<double>(row.delta_flat) / std::fabs(static_cast<double>(row.base_flat));
    case TotalDelta:
      return QVariant::fromValue<qint64>(row.delta_cum);
    default:
      return text(row, column);
  }
}

QVariant DiffModel::data(const QModelIndex& index, int role) const {
  if (!checkIndex(index, CheckIndexOption::IndexIsValid)) return {};
  const report::DiffRow& row = diff()->rows[static_cast<size_t>(index.row())];
  const int column = index.column();
  switch (role) {
    case Qt::DisplayRole:
      return text(row, column);
    case Qt::ToolTipRole:
      return column == Name ? fullName(row) : QVariant();
    case Qt::TextAlignmentRole:
      return static_cast<int>((isNumber(column) ? Qt::AlignRight : Qt::AlignLeft) |
                              Qt::AlignVCenter);
    case LeaksModel::SortRole:
      return sortKey(row, column);
    case LeaksModel::SubtextRole:
      return column == Name && !row.function.empty() ? shortFileAndLine(row) : QVariant();
    case LeaksModel::IntervalRole: {
      if (column != Delta || row.delta_flat == 0) return {};
      const double delta = static_cast<double>(row.delta_flat);
      const double low = row.delta_ci ? static_cast<double>(row.delta_ci->first) : delta;
      const double high = row.delta_ci ? static_cast<double>(row.delta_ci->second) : delta;
      return QVariantList{delta, low, high, m_largestDelta};
    }
    default:
      return {};
  }
}

QVariant DiffModel::headerData(int section, Qt::Orientation orientation, int role) const {
  if (orientation != Qt::Horizontal || section < 0 || section >= ColumnCount) return {};
  if (role == Qt::TextAlignmentRole) {
    return static_cast<int>((isNumber(section) ? Qt::AlignRight : Qt::AlignLeft) |
                            Qt::AlignVCenter);
  }
  if (role != Qt::DisplayRole && role != Qt::ToolTipRole) return {};
  static const char* const kNames[ColumnCount] = {
      "Where", "Base", "New", "Delta", "95 % interval", "Change", "Delta with callees"};
  static const char* const kTips[ColumnCount] = {
      "Where the memory was allocated",
      "In the base snapshot, in the function itself",
      "In the newer snapshot, in the function itself",
      "New minus base",
      "Where the true difference lies, 19 times in 20",
      "Delta as a share of the base",
      "New minus base, everything the function called included"};
  return tr(role == Qt::DisplayRole ? kNames[section] : kTips[section]);
}

QString DiffModel::rowText(int row) const {
  const report::DiffRow& r = diff()->rows[static_cast<size_t>(row)];
  QStringList cells{fullName(r)};
  for (int column = Base; column < ColumnCount; ++column) cells << text(r, column);
  return cells.join(QLatin1Char('\t'));
}

}  // namespace tidemark::gui
