#include <QApplication>
#include <QClipboard>
#include <QHelpEvent>
#include <QMouseEvent>
#include <QPainter>
#include <QScrollBar>
#include <QToolTip>
#include <algorithm>

#include "gui/flameview.h"
#include "gui/format.h"
#include "gui/theme.h"

namespace tidemark::gui {
namespace {

constexpr double kNarrowest = 1.0;  // pixels; narrower boxes are not drawn
constexpr int kTextFrom = 40;       // pixels; narrower boxes carry no text

// FNV-1a: the same function has the same colour in every file and run.
uint32_t hashName(const std::string& name) {
  uint32_t hash = 2166136261u;
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619u;
  return hash;
}

}  // namespace

FlameCanvas::FlameCanvas(QWidget* parent) : QAbstractScrollArea(parent) {
  setFrameShape(QFrame::NoFrame);
  setFocusPolicy(Qt::StrongFocus);
  setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
  viewport()->setMouseTracking(true);
  setMinimumHeight(120);
}

const report::FlameTree* FlameCanvas::tree() const {
  if (!m_reports || !m_reports->flame.ok() || m_reports->flame->nodes.empty()) return nullptr;
  return &*m_reports->flame;
}

int FlameCanvas::rowHeight() const { return fontMetrics().height() + 5; }

void FlameCanvas::setReports(std::shared_ptr<const Reports> reports) {
  m_reports = std::move(reports);
  m_zoom = 0;
  m_zoomHistory.clear();
  m_matches.clear();
  m_hovered.reset();
  m_selected.reset();
  layOut();
}

double FlameCanvas::setSearch(const QString& text) {
  m_matches.clear();
  viewport()->update();
  const report::FlameTree* t = tree();
  if (t == nullptr || text.isEmpty()) return 0;
  m_matches.reserve(t->names.size());
  for (const std::string& name : t->names) {
    m_matches.push_back(toQString(name).contains(text, Qt::CaseInsensitive));
  }
  // A stack counts once, at its outermost match: parents come before children.
  std::vector<bool> below(t->nodes.size(), false);
  double matched = 0;
  for (size_t i = 1; i < t->nodes.size(); ++i) {
    const report::FlameNode& node = t->nodes[i];
    below[i] = below[node.parent] || m_matches[node.name];
    if (below[i] && !below[node.parent]) matched += static_cast<double>(node.value);
  }
  const double total = static_cast<double>(t->nodes[0].value);
  return total == 0 ? 0 : matched / total * 100;
}

QString FlameCanvas::nodeName(uint32_t node) const {
  if (node == 0) return tr("all");
  return toQString(tree()->names[tree()->nodes[node].name]);
}

void FlameCanvas::layOut() {
  int height = 0;
  if (const report::FlameTree* t = tree()) {
    m_layout.layOut(*t, m_zoom, std::max(1, viewport()->width()), kNarrowest);
    height = static_cast<int>(m_layout.rows().size()) * rowHeight();
  }
  verticalScrollBar()->setPageStep(viewport()->height());
  verticalScrollBar()->setSingleStep(rowHeight());
  verticalScrollBar()->setRange(0, std::max(0, height - viewport()->height()));
  viewport()->update();
}

void FlameCanvas::zoomTo(uint32_t node) {
  if (tree() == nullptr || node >= tree()->nodes.size() || node == m_zoom) return;
  m_zoomHistory.push_back(m_zoom);
  m_zoom = node;
  m_selected = node;
  layOut();
}

void FlameCanvas::zoomOut() {
  if (tree() == nullptr || m_zoom == 0) return;
  if (m_zoomHistory.empty()) {
    m_zoom = 0;
  } else {
    m_zoom = m_zoomHistory.back();
    m_zoomHistory.pop_back();
  }
  layOut();
}

std::optional<uint32_t> FlameCanvas::nodeAt(const QPoint& position) const {
  if (tree() == nullptr || position.y() < 0) return std::nullopt;
  return m_layout.nodeAt(position.x(), (position.y() + verticalScrollBar()->value()) / rowHeight());
}

std::optional<QPoint> FlameCanvas::positionOf(uint32_t node) const {
  if (tree() == nullptr) return std::nullopt;
  const FlameBox* box = m_layout.boxOf(*tree(), node);
  if (box == nullptr) return std::nullopt;
  const int row = static_cast<int>(tree()->nodes[node].depth);
  return QPoint(static_cast<int>(box->x + box->width / 2),
                row * rowHeight() + rowHeight() / 2 - verticalScrollBar()->value());
}

QString FlameCanvas::toolTipOf(uint32_t node) const {
  const report::FlameNode& n = tree()->nodes[node];
  const QString unit = toQString(tree()->unit);
  const auto share = [&](int64_t of) {
    return of == 0 ? 0.0 : static_cast<double>(n.value) / static_cast<double>(of) * 100;
  };
  QString text = QStringLiteral("%1\n%2").arg(
      nodeName(node),
      tr("%1 (%2 % of all, %3 % of its parent), %4 in itself")
          .arg(valueText(n.value, unit), QString::number(share(tree()->nodes[0].value), 'f', 1),
               QString::number(share(tree()->nodes[n.parent].value), 'f', 1),
               valueText(n.self, unit)));
  if (m_reports->options.base >= 0) {
    text += tr("\nbase %1, change %2 (%3)")
                .arg(valueText(n.base_value, unit), signedValueText(n.value - n.base_value, unit),
                     changeText(n.base_value, n.value));
  }
  return text;
}

QColor FlameCanvas::colorOf(uint32_t node) const {
  const report::FlameNode& n = tree()->nodes[node];
  const bool dark = isDark(palette());
  if (m_reports->options.base >= 0) {
    const double change = changeShare(n);
    const QColor neutral = dark ? QColor(0x5a, 0x5d, 0x63) : QColor(0xe2, 0xe4, 0xe8);
    const QColor grown = dark ? QColor(0xc4, 0x4f, 0x45) : QColor(0xf2, 0x8b, 0x7d);
    const QColor shrunk = dark ? QColor(0x3f, 0x7f, 0xbf) : QColor(0x86, 0xb8, 0xea);
    return blend(neutral, change > 0 ? grown : shrunk, std::abs(change));
  }
  if (node == 0) return dark ? QColor(0x5a, 0x5d, 0x63) : QColor(0xd8, 0xda, 0xde);
  const uint32_t hash = hashName(tree()->names[n.name]);
  return QColor::fromHsl(static_cast<int>(14 + hash % 36), dark ? 120 : 215,
                         static_cast<int>((dark ? 92 : 158) + (hash >> 8) % 28));
}

void FlameCanvas::paintBox(QPainter& painter, const FlameBox& box, const QRectF& rect) const {
  const report::FlameNode& node = tree()->nodes[box.node];
  QColor color = colorOf(box.node);
  const bool searching = !m_matches.empty();
  const bool match = searching && box.node != 0 && m_matches[node.name];
  if (match) color = isDark(palette()) ? QColor(0x9b, 0x59, 0xd0) : QColor(0xc5, 0x8a, 0xf0);
  if (searching && !match) color = blend(color, palette().color(QPalette::Base), 0.55);
  if (m_layout.rows().size() > 0 && node.depth < tree()->nodes[m_zoom].depth) {
    color = blend(color, palette().color(QPalette::Base), 0.5);  // context above the zoom
  }
  if (m_hovered == box.node) color = color.lighter(isDark(palette()) ? 125 : 108);
  painter.fillRect(rect.adjusted(0, 0, rect.width() > 3 ? -1 : 0, -1), color);
  if (m_selected == box.node) {
    painter.setPen(QPen(palette().color(QPalette::Highlight), 2));
    painter.drawRect(rect.adjusted(1, 1, -2, -2));
  }
  if (rect.width() < kTextFrom) return;
  const QString name = shortFunction(nodeName(box.node));
  painter.setPen(color.lightness() > 120 ? QColor(0x20, 0x20, 0x20) : QColor(0xf2, 0xf2, 0xf2));
  const QRectF text = rect.adjusted(4, 0, -4, -1);
  painter.drawText(
      text, Qt::AlignLeft | Qt::AlignVCenter | Qt::TextSingleLine,
      painter.fontMetrics().elidedText(name, Qt::ElideRight, static_cast<int>(text.width())));
}

void FlameCanvas::paintEvent(QPaintEvent* event) {
  QPainter painter(viewport());
  painter.fillRect(event->rect(), palette().color(QPalette::Base));
  if (tree() == nullptr || tree()->nodes[0].value == 0) {
    const QString why = m_reports && !m_reports->flame.ok()
                            ? toQString(m_reports->flame.status().message())
                            : tr("Nothing to show.");
    painter.setPen(dimText(palette()));
    painter.drawText(viewport()->rect().adjusted(24, 24, -24, -24),
                     Qt::AlignCenter | Qt::TextWordWrap, why);
    return;
  }
  const int height = rowHeight();
  const int scroll = verticalScrollBar()->value();
  const auto& rows = m_layout.rows();
  const int first = std::max(0, (event->rect().top() + scroll) / height);
  const int last =
      std::min(static_cast<int>(rows.size()) - 1, (event->rect().bottom() + scroll) / height);
  for (int row = first; row <= last; ++row) {
    for (const FlameBox& box : rows[static_cast<size_t>(row)]) {
      paintBox(painter, box, QRectF(box.x, row * height - scroll, box.width, height));
    }
  }
}

void FlameCanvas::resizeEvent(QResizeEvent* event) {
  QAbstractScrollArea::resizeEvent(event);
  layOut();
}

void FlameCanvas::select(uint32_t node) {
  m_selected = node;
  Q_EMIT hovered(toolTipOf(node));
  const int top = static_cast<int>(tree()->nodes[node].depth) * rowHeight();
  QScrollBar* bar = verticalScrollBar();
  if (top < bar->value()) bar->setValue(top);
  if (top + rowHeight() > bar->value() + viewport()->height()) {
    bar->setValue(top + rowHeight() - viewport()->height());
  }
  viewport()->update();
}

void FlameCanvas::mousePressEvent(QMouseEvent* event) {
  const std::optional<uint32_t> node = nodeAt(event->position().toPoint());
  if (!node) return;
  if (event->button() == Qt::LeftButton) {
    zoomTo(*node);
    select(*node);
  } else if (event->button() == Qt::RightButton) {
    select(*node);
  }
}

void FlameCanvas::mouseMoveEvent(QMouseEvent* event) {
  const std::optional<uint32_t> node = nodeAt(event->position().toPoint());
  if (node == m_hovered) return;
  m_hovered = node;
  Q_EMIT hovered(node ? toolTipOf(*node) : QString());
  viewport()->update();
}

void FlameCanvas::leaveEvent(QEvent* event) {
  QAbstractScrollArea::leaveEvent(event);
  m_hovered.reset();
  Q_EMIT hovered(QString());
  viewport()->update();
}

bool FlameCanvas::viewportEvent(QEvent* event) {
  if (event->type() == QEvent::ToolTip) {
    const auto* help = static_cast<QHelpEvent*>(event);
    if (const auto node = nodeAt(help->pos())) {
      QToolTip::showText(help->globalPos(), toolTipOf(*node), viewport());
    } else {
      QToolTip::hideText();
    }
    return true;
  }
  if (event->type() == QEvent::Leave) leaveEvent(event);
  return QAbstractScrollArea::viewportEvent(event);
}

void FlameCanvas::walk(int key) {
  const report::FlameTree& t = *tree();
  const uint32_t from = m_selected.value_or(m_zoom);
  const report::FlameNode& node = t.nodes[from];
  if (!m_selected) return select(from);
  if (key == Qt::Key_Up && from != 0) return select(node.parent);
  if (key == Qt::Key_Down && node.child_count > 0 && m_layout.boxOf(t, node.first_child)) {
    return select(node.first_child);
  }
  if (key != Qt::Key_Left && key != Qt::Key_Right) return;
  if (node.depth >= m_layout.rows().size()) return;
  const std::vector<FlameBox>& row = m_layout.rows()[node.depth];
  for (size_t i = 0; i < row.size(); ++i) {
    if (row[i].node != from) continue;
    if (key == Qt::Key_Left && i > 0) return select(row[i - 1].node);
    if (key == Qt::Key_Right && i + 1 < row.size()) return select(row[i + 1].node);
    return;
  }
}

void FlameCanvas::keyPressEvent(QKeyEvent* event) {
  if (tree() == nullptr) return QAbstractScrollArea::keyPressEvent(event);
  if (event->matches(QKeySequence::Copy)) return copySelected();
  switch (event->key()) {
    case Qt::Key_Escape:
    case Qt::Key_Backspace:
      return zoomOut();
    case Qt::Key_Home:
      return zoomTo(0);
    case Qt::Key_Return:
    case Qt::Key_Enter:
      if (m_selected) zoomTo(*m_selected);
      return;
    case Qt::Key_Up:
    case Qt::Key_Down:
    case Qt::Key_Left:
    case Qt::Key_Right:
      return walk(event->key());
    default:
      QAbstractScrollArea::keyPressEvent(event);
  }
}

void FlameCanvas::copySelected() const {
  if (tree() == nullptr || !m_selected) return;
  // The path from the box to the root, as stacks are written: leaf first.
  QStringList lines;
  for (uint32_t node = *m_selected; node != 0; node = tree()->nodes[node].parent) {
    lines << nodeName(node);
  }
  if (m_reports->options.inverted) std::reverse(lines.begin(), lines.end());
  QApplication::clipboard()->setText(lines.join(QLatin1Char('\n')));
}

}  // namespace tidemark::gui
