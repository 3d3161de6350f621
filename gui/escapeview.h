// The escape path of one site: a combo of sites, the drawing, the explanation, a legend.
// Measured steps are drawn solid, inferred ones dashed, the compiler's dotted.
// Thread class: GUI thread.

#ifndef TIDEMARK_GUI_ESCAPEVIEW_H_
#define TIDEMARK_GUI_ESCAPEVIEW_H_

#include <QWidget>
#include <memory>
#include <vector>

#include "analyzer/escape/layout.h"
#include "gui/document.h"

class QComboBox;
class QLabel;
class QScrollArea;

namespace tidemark::gui {

// Paints one site; as large as its drawing.
class EscapeCanvas : public QWidget {
  Q_OBJECT
 public:
  explicit EscapeCanvas(QWidget* parent = nullptr);
  // Null clears. The site must live until the next call.
  void setSite(const escape::EscapeSite* site);
  const escape::Layout& pathLayout() const { return m_layout; }
  QSize sizeHint() const override { return m_size; }

 protected:
  void paintEvent(QPaintEvent* event) override;
  bool event(QEvent* event) override;

 private:
  QFont titleFont() const;
  QFont detailFont() const;
  escape::Size measure(size_t node) const;
  void paintEdge(QPainter& painter, size_t edge) const;
  void paintNode(QPainter& painter, size_t node) const;

  const escape::EscapeSite* m_site = nullptr;
  escape::Layout m_layout;
  QSize m_size;
};

class EscapeView : public QWidget {
  Q_OBJECT
 public:
  explicit EscapeView(QWidget* parent = nullptr);

  void setReports(std::shared_ptr<const Reports> reports);
  // Shows the site of this frame; false when it has no path of its own.
  bool showSite(const report::Frame& site);
  const escape::EscapeSite* current() const;
  EscapeCanvas* canvas() const { return m_canvas; }
  void copyPath() const;

 private:
  void showCurrent();

  std::shared_ptr<const Reports> m_reports;
  QComboBox* m_sites;
  QLabel* m_explanation;
  EscapeCanvas* m_canvas;
  QScrollArea* m_scroll;
};

// "Session::create 1.2 MB -> stored in map<…> …", one line per step.
QString escapeText(const escape::EscapeSite& site);
// A node's name; functions by their short names.
QString escapeTitle(const escape::Node& node);
// The explanation, with functions by their short names.
QString escapeExplanation(const escape::EscapeSite& site);

}  // namespace tidemark::gui

#endif  // TIDEMARK_GUI_ESCAPEVIEW_H_
