#include <QHelpEvent>
#include <QPainter>
#include <QPainterPath>
#include <QToolTip>
#include <algorithm>
#include <cmath>

#include "gui/escapeview.h"
#include "gui/format.h"
#include "gui/theme.h"

namespace tidemark::gui {
namespace {

constexpr int kMargin = 24;   // around the drawing
constexpr double kPadX = 12;  // inside a node
constexpr double kPadY = 8;
constexpr double kGapX = 48;
constexpr double kGapY = 52;      // room for the edge's words
constexpr int kWidestText = 420;  // pixels; longer names are elided
constexpr double kArrow = 9;

QColor roleColor(escape::NodeRole role, const QPalette& palette) {
  switch (role) {
    case escape::NodeRole::kAllocation:
      return dimText(palette);
    case escape::NodeRole::kContainer:
      return containerColor(ContainerKind::kMap, palette);
    case escape::NodeRole::kSite:
      return verdictColor(leaks::Verdict::kLeak, palette);
    case escape::NodeRole::kOutlived:
      return accent(palette);
    case escape::NodeRole::kEscapePoint:
      return verdictColor(leaks::Verdict::kSuspect, palette);
    case escape::NodeRole::kOwner:
      return verdictColor(leaks::Verdict::kShrinking, palette);
  }
  return dimText(palette);
}

QString roleName(escape::NodeRole role) {
  switch (role) {
    case escape::NodeRole::kAllocation:
      return EscapeCanvas::tr("allocation");
    case escape::NodeRole::kContainer:
      return EscapeCanvas::tr("container");
    case escape::NodeRole::kSite:
      return EscapeCanvas::tr("site");
    case escape::NodeRole::kOutlived:
      return EscapeCanvas::tr("outlived");
    case escape::NodeRole::kEscapePoint:
      return EscapeCanvas::tr("escape point");
    case escape::NodeRole::kOwner:
      return EscapeCanvas::tr("owner");
  }
  return QString();
}

Qt::PenStyle edgeStyle(Evidence evidence) {
  switch (evidence) {
    case Evidence::kMeasured:
      return Qt::SolidLine;
    case Evidence::kInferred:
      return Qt::DashLine;
    case Evidence::kCompiler:
      return Qt::DotLine;
  }
  return Qt::SolidLine;
}

// Without a measured step that leads to it, a frame is only known to be a caller.
bool isOnlyCaller(const escape::EscapeSite& site, size_t i) {
  if (site.nodes[i].role != escape::NodeRole::kOutlived) return false;
  return std::none_of(site.edges.begin(), site.edges.end(), [i](const escape::Edge& edge) {
    return edge.to == i && edge.evidence != Evidence::kInferred;
  });
}

// The second line: the role, where it is, how much reaches it.
QString nodeDetail(const escape::EscapeSite& site, size_t i) {
  const escape::Node& node = site.nodes[i];
  QStringList parts{isOnlyCaller(site, i) ? EscapeCanvas::tr("caller") : roleName(node.role)};
  const QString where = frameWhere(node.frame);
  if (!where.isEmpty()) {
    parts << where;
  } else if (!node.detail.empty()) {
    parts << toQString(node.detail);
  }
  if (node.bytes > 0) parts << bytesText(static_cast<double>(node.bytes));
  return parts.join(QStringLiteral("  ·  "));
}

}  // namespace

QString escapeTitle(const escape::Node& node) {
  return node.frame.function == node.title ? frameTitle(node.frame) : toQString(node.title);
}

EscapeCanvas::EscapeCanvas(QWidget* parent) : QWidget(parent) {
  setBackgroundRole(QPalette::Base);
  setAutoFillBackground(true);
}

QFont EscapeCanvas::titleFont() const {
  QFont bold = font();
  bold.setBold(true);
  return bold;
}

QFont EscapeCanvas::detailFont() const {
  QFont small = font();
  small.setPointSizeF(small.pointSizeF() * 0.9);
  return small;
}

escape::Size EscapeCanvas::measure(size_t i) const {
  const escape::Node& node = m_site->nodes[i];
  const QFontMetrics title(titleFont());
  const QFontMetrics detail(detailFont());
  const int text = std::max(title.horizontalAdvance(escapeTitle(node)),
                            detail.horizontalAdvance(nodeDetail(*m_site, i)));
  return {std::clamp(text, 120, kWidestText) + 2 * kPadX + 4,
          title.height() + detail.height() + 2 + 2 * kPadY};
}

void EscapeCanvas::setSite(const escape::EscapeSite* site) {
  m_site = site;
  m_layout = {};
  if (m_site != nullptr) {
    std::vector<escape::Size> sizes;
    for (size_t i = 0; i < m_site->nodes.size(); ++i) sizes.push_back(measure(i));
    m_layout = escape::LayOut(*m_site, sizes, kGapX, kGapY);
  }
  m_size = QSize(static_cast<int>(std::ceil(m_layout.size.width)) + 2 * kMargin,
                 static_cast<int>(std::ceil(m_layout.size.height)) + 2 * kMargin);
  // Words beside a vertical edge may reach further right than every node.
  m_size.rwidth() += 160;
  setMinimumSize(m_size);
  updateGeometry();
  update();
}

void EscapeCanvas::paintEdge(QPainter& painter, size_t i) const {
  const escape::Edge& edge = m_site->edges[i];
  const auto& points = m_layout.edges[i];
  if (points.size() < 2) return;
  const QColor color = blend(palette().color(QPalette::Text), palette().color(QPalette::Base), 0.3);
  QPolygonF line;
  for (const auto& [x, y] : points) line << QPointF(x, y);
  // The line ends where the arrow head begins, so that dashes do not blur it.
  const QPointF tip = line.last();
  QPointF along = tip - line[line.size() - 2];
  const double length = std::hypot(along.x(), along.y());
  if (length > 0) along /= length;
  const QPointF across(-along.y(), along.x());
  line.last() = tip - along * kArrow * 0.8;
  painter.setPen(QPen(color, 1.8, edgeStyle(edge.evidence), Qt::FlatCap, Qt::RoundJoin));
  painter.setBrush(Qt::NoBrush);
  painter.drawPolyline(line);
  painter.setPen(Qt::NoPen);
  painter.setBrush(color);
  painter.drawPolygon(QPolygonF{tip, tip - along * kArrow + across * kArrow * 0.45,
                                tip - along * kArrow - across * kArrow * 0.45});

  const size_t middle = static_cast<size_t>(line.size()) / 2;
  const QPointF at =
      (line[static_cast<qsizetype>(middle) - 1] + line[static_cast<qsizetype>(middle)]) / 2;
  QString words = toQString(edge.how);
  if (edge.bytes > 0) words += QStringLiteral(", ") + bytesText(static_cast<double>(edge.bytes));
  painter.setFont(detailFont());
  const QFontMetrics metrics(detailFont());
  const QRectF box(at.x() + 8, at.y() - metrics.height() / 2.0,
                   metrics.horizontalAdvance(words) + 4, metrics.height());
  painter.fillRect(box, palette().color(QPalette::Base));
  painter.setPen(dimText(palette()));
  painter.drawText(box, Qt::AlignLeft | Qt::AlignVCenter, words);
}

void EscapeCanvas::paintNode(QPainter& painter, size_t i) const {
  const escape::Node& node = m_site->nodes[i];
  const escape::Box& box = m_layout.nodes[i];
  const QRectF rect(box.x, box.y, box.width, box.height);
  const QColor color =
      isOnlyCaller(*m_site, i) ? dimText(palette()) : roleColor(node.role, palette());
  const QColor base = palette().color(QPalette::Base);
  painter.setPen(QPen(blend(base, color, 0.55), 1.2));
  painter.setBrush(blend(base, color, 0.10));
  painter.drawRoundedRect(rect, 6, 6);
  painter.save();  // a stripe of the role's colour down the left side
  QPainterPath clip;
  clip.addRoundedRect(rect, 6, 6);
  painter.setClipPath(clip);
  painter.fillRect(QRectF(rect.left(), rect.top(), 5, rect.height()), color);
  painter.restore();

  const QRectF text = rect.adjusted(kPadX + 3, kPadY, -kPadX + 1, -kPadY);
  const int width = static_cast<int>(std::ceil(text.width()));
  painter.setFont(titleFont());
  painter.setPen(palette().color(QPalette::Text));
  painter.drawText(text, Qt::AlignLeft | Qt::AlignTop | Qt::TextSingleLine,
                   painter.fontMetrics().elidedText(escapeTitle(node), Qt::ElideMiddle, width));
  painter.setFont(detailFont());
  painter.setPen(dimText(palette()));
  painter.drawText(
      text, Qt::AlignLeft | Qt::AlignBottom | Qt::TextSingleLine,
      painter.fontMetrics().elidedText(nodeDetail(*m_site, i), Qt::ElideMiddle, width));
}

void EscapeCanvas::paintEvent(QPaintEvent*) {
  if (m_site == nullptr) return;
  QPainter painter(this);
  painter.setRenderHint(QPainter::Antialiasing);
  // Small drawings stand in the middle of the view.
  const int left = std::max(0, (width() - m_size.width()) / 2);
  painter.translate(left + kMargin, kMargin);
  for (size_t i = 0; i < m_site->edges.size(); ++i) paintEdge(painter, i);
  for (size_t i = 0; i < m_site->nodes.size(); ++i) paintNode(painter, i);
}

bool EscapeCanvas::event(QEvent* event) {
  if (event->type() != QEvent::ToolTip || m_site == nullptr) return QWidget::event(event);
  const auto* help = static_cast<QHelpEvent*>(event);
  const double left = std::max(0, (width() - m_size.width()) / 2);
  const QPointF at = QPointF(help->pos()) - QPointF(left + kMargin, kMargin);
  for (size_t i = 0; i < m_layout.nodes.size(); ++i) {
    const escape::Box& box = m_layout.nodes[i];
    if (!QRectF(box.x, box.y, box.width, box.height).contains(at)) continue;
    const escape::Node& node = m_site->nodes[i];
    QToolTip::showText(help->globalPos(),
                       toQString(node.title) + QLatin1Char('\n') + toQString(node.detail), this);
    return true;
  }
  QToolTip::hideText();
  return true;
}

}  // namespace tidemark::gui
