// The flame graph: a toolbar (search, inverted) over a scrolling canvas.
// Click zooms, Esc or Backspace zooms out, arrows walk the boxes, Enter zooms.
// Thread class: GUI thread.

#ifndef TIDEMARK_GUI_FLAMEVIEW_H_
#define TIDEMARK_GUI_FLAMEVIEW_H_

#include <QAbstractScrollArea>
#include <memory>
#include <optional>
#include <vector>

#include "gui/document.h"
#include "gui/flamelayout.h"

class QCheckBox;
class QLabel;
class QLineEdit;

namespace tidemark::gui {

class FlameCanvas : public QAbstractScrollArea {
  Q_OBJECT
 public:
  explicit FlameCanvas(QWidget* parent = nullptr);

  // Null or an errored tree shows the reason instead.
  void setReports(std::shared_ptr<const Reports> reports);
  // Case-insensitive substring; returns the share of the total that matches, in percent.
  double setSearch(const QString& text);

  uint32_t zoomed() const { return m_zoom; }
  void zoomTo(uint32_t node);
  void zoomOut();  // to the parent of the zoomed node's view before
  std::optional<uint32_t> nodeAt(const QPoint& viewportPosition) const;
  // Of the box's middle, in viewport coordinates; absent when it is not on screen.
  std::optional<QPoint> positionOf(uint32_t node) const;
  QString toolTipOf(uint32_t node) const;
  void copySelected() const;

 Q_SIGNALS:
  void hovered(const QString& description);  // empty when the mouse is over nothing

 protected:
  void paintEvent(QPaintEvent* event) override;
  void resizeEvent(QResizeEvent* event) override;
  void mousePressEvent(QMouseEvent* event) override;
  void mouseMoveEvent(QMouseEvent* event) override;
  void leaveEvent(QEvent* event) override;
  void keyPressEvent(QKeyEvent* event) override;
  bool viewportEvent(QEvent* event) override;

 private:
  const report::FlameTree* tree() const;
  int rowHeight() const;
  QString nodeName(uint32_t node) const;
  QColor colorOf(uint32_t node) const;
  void layOut();
  void select(uint32_t node);
  void walk(int key);
  void paintBox(QPainter& painter, const FlameBox& box, const QRectF& rect) const;

  std::shared_ptr<const Reports> m_reports;
  FlameLayout m_layout;
  std::vector<bool> m_matches;  // by FlameNode::name; empty without a search
  std::vector<uint32_t> m_zoomHistory;
  uint32_t m_zoom = 0;
  std::optional<uint32_t> m_hovered;
  std::optional<uint32_t> m_selected;
};

class FlameView : public QWidget {
  Q_OBJECT
 public:
  explicit FlameView(QWidget* parent = nullptr);
  void setReports(std::shared_ptr<const Reports> reports);
  FlameCanvas* canvas() const { return m_canvas; }
  void focusSearch();

 Q_SIGNALS:
  void invertedToggled(bool inverted);

 private:
  void showSearch();

  FlameCanvas* m_canvas;
  QLineEdit* m_search;
  QLabel* m_found;
  QCheckBox* m_inverted;
  QLabel* m_legend;
  QLabel* m_details;
};

}  // namespace tidemark::gui

#endif  // TIDEMARK_GUI_FLAMEVIEW_H_
