// The leak ranking: the table above, the reason and the stack of the selected site below.
// Thread class: GUI thread.

#ifndef TIDEMARK_GUI_LEAKSVIEW_H_
#define TIDEMARK_GUI_LEAKSVIEW_H_

#include <QWidget>

#include "gui/leaksmodel.h"

class QLabel;
class QListWidget;
class QTableView;

namespace tidemark::gui {

class LeaksView : public QWidget {
  Q_OBJECT
 public:
  explicit LeaksView(QWidget* parent = nullptr);

  void setSeries(std::shared_ptr<const Series> series);
  void setFocusPattern(const QString& pattern);
  // Of the selected row; null when there is none. Lives as long as the series.
  const leaks::Finding* selected() const;
  void copyRow() const;
  void copyStack() const;

 Q_SIGNALS:
  void selectionChanged();
  void escapePathRequested();  // double click, Enter, or the context menu

 private:
  void showDetails();
  void showContextMenu(const QPoint& position);

  LeaksModel* m_model;
  LeaksProxy* m_proxy;
  QTableView* m_table;
  QLabel* m_title;
  QLabel* m_reason;
  QLabel* m_facts;
  QListWidget* m_stack;
  std::shared_ptr<const Series> m_series;
};

}  // namespace tidemark::gui

#endif  // TIDEMARK_GUI_LEAKSVIEW_H_
