// Two snapshots side by side as a table: one row per function, file or line.
// Thread class: GUI thread.

#ifndef TIDEMARK_GUI_DIFFMODEL_H_
#define TIDEMARK_GUI_DIFFMODEL_H_

#include <QAbstractTableModel>
#include <memory>

#include "gui/document.h"

namespace tidemark::gui {

class DiffModel : public QAbstractTableModel {
  Q_OBJECT
 public:
  enum Column { Name, Base, New, Delta, Interval, Change, TotalDelta, ColumnCount };

  explicit DiffModel(QObject* parent = nullptr) : QAbstractTableModel(parent) {}

  // Without a diff, or with one that failed, the table is empty.
  void setReports(std::shared_ptr<const Reports> reports);
  // Null when there is none.
  const report::DiffReport* diff() const;
  // The row as text, tabs between columns.
  QString rowText(int row) const;

  int rowCount(const QModelIndex& parent = {}) const override;
  int columnCount(const QModelIndex& parent = {}) const override;
  // Roles: those of LeaksModel::Role that apply (SortRole, SubtextRole, IntervalRole).
  QVariant data(const QModelIndex& index, int role = Qt::DisplayRole) const override;
  QVariant headerData(int section, Qt::Orientation orientation,
                      int role = Qt::DisplayRole) const override;

 private:
  QString text(const report::DiffRow& row, int column) const;
  QVariant sortKey(const report::DiffRow& row, int column) const;

  std::shared_ptr<const Reports> m_reports;
  QString m_unit;
  double m_largestDelta = 0;  // magnitudes, ends of intervals included
};

}  // namespace tidemark::gui

#endif  // TIDEMARK_GUI_DIFFMODEL_H_
