// The diff table under a line with the totals and the choice of rows.
// Thread class: GUI thread.

#ifndef TIDEMARK_GUI_DIFFVIEW_H_
#define TIDEMARK_GUI_DIFFVIEW_H_

#include <QWidget>

#include "gui/diffmodel.h"

class QComboBox;
class QLabel;
class QSortFilterProxyModel;
class QStackedWidget;
class QTableView;

namespace tidemark::gui {

class DiffView : public QWidget {
  Q_OBJECT
 public:
  explicit DiffView(QWidget* parent = nullptr);
  void setReports(std::shared_ptr<const Reports> reports);
  void copyRow() const;

 Q_SIGNALS:
  void rowsChanged(DiffRows rows);

 private:
  DiffModel* m_model;
  QSortFilterProxyModel* m_proxy;
  QTableView* m_table;
  QLabel* m_totals;
  QComboBox* m_rows;
  QLabel* m_placeholder;
  QStackedWidget* m_pages;  // the table, or why there is none
};

}  // namespace tidemark::gui

#endif  // TIDEMARK_GUI_DIFFVIEW_H_
