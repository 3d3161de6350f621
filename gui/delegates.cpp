#include "gui/delegates.h"

#include <QApplication>
#include <QPainter>
#include <QPainterPath>
#include <algorithm>
#include <cmath>

#include "gui/leaksmodel.h"
#include "gui/tables.h"
#include "gui/theme.h"

namespace tidemark::gui {
namespace {

constexpr int kMargin = kCellMargin;
constexpr int kBarHeight = 6;

// Background, selection and focus as the style draws them; the text is ours.
void paintBackground(QPainter* painter, const QStyleOptionViewItem& option) {
  const QStyle* style = option.widget ? option.widget->style() : QApplication::style();
  style->drawPrimitive(QStyle::PE_PanelItemViewItem, &option, painter, option.widget);
}

QColor textColor(const QStyleOptionViewItem& option) {
  const bool selected = option.state & QStyle::State_Selected;
  return option.palette.color(selected ? QPalette::HighlightedText : QPalette::Text);
}

QColor subtextColor(const QStyleOptionViewItem& option) {
  if (!(option.state & QStyle::State_Selected)) return dimText(option.palette);
  return blend(option.palette.color(QPalette::HighlightedText),
               option.palette.color(QPalette::Highlight), 0.25);
}

QFont smaller(const QFont& font) {
  QFont small = font;
  small.setPointSizeF(font.pointSizeF() * 0.88);
  return small;
}

void drawElided(QPainter* painter, const QRect& rect, int flags, const QString& text,
                Qt::TextElideMode mode = Qt::ElideRight) {
  painter->drawText(rect, flags,
                    painter->fontMetrics().elidedText(text, mode, std::max(0, rect.width())));
}

}  // namespace

void TextDelegate::paint(QPainter* painter, const QStyleOptionViewItem& option,
                         const QModelIndex& index) const {
  QStyleOptionViewItem o = option;
  initStyleOption(&o, index);
  paintBackground(painter, o);
  painter->save();
  painter->setPen(textColor(o));
  painter->setFont(o.font);
  drawElided(painter, o.rect.adjusted(kMargin, 0, -kMargin, 0),
             static_cast<int>(o.displayAlignment), o.text);
  painter->restore();
}

void FrameDelegate::paint(QPainter* painter, const QStyleOptionViewItem& option,
                          const QModelIndex& index) const {
  QStyleOptionViewItem o = option;
  initStyleOption(&o, index);
  paintBackground(painter, o);
  painter->save();
  const QRect area = o.rect.adjusted(kMargin, 0, -kMargin, 0);
  const QString where = index.data(LeaksModel::SubtextRole).toString();
  const int gap = 16;
  painter->setFont(o.font);
  const QFontMetrics metrics = painter->fontMetrics();
  const int room = area.width() - (where.isEmpty() ? 0 : metrics.horizontalAdvance(where) + gap);
  const QString name =
      metrics.elidedText(o.text, Qt::ElideMiddle, std::max(room, area.width() / 2));
  painter->setPen(textColor(o));
  painter->drawText(area, Qt::AlignLeft | Qt::AlignVCenter, name);
  painter->setPen(subtextColor(o));
  drawElided(painter, area.adjusted(metrics.horizontalAdvance(name) + gap, 0, 0, 0),
             Qt::AlignLeft | Qt::AlignVCenter, where);
  painter->restore();
}

QSize FrameDelegate::sizeHint(const QStyleOptionViewItem& option, const QModelIndex& index) const {
  // As wide as the view: long names are elided, not scrolled.
  return {QStyledItemDelegate::sizeHint(option, index).height(), option.fontMetrics.height() + 6};
}

void TwoLineDelegate::paint(QPainter* painter, const QStyleOptionViewItem& option,
                            const QModelIndex& index) const {
  QStyleOptionViewItem o = option;
  initStyleOption(&o, index);
  paintBackground(painter, o);
  painter->save();
  const QRect area = o.rect.adjusted(kMargin, 4, -kMargin, -4);
  const QString subtext = index.data(LeaksModel::SubtextRole).toString();
  painter->setPen(textColor(o));
  painter->setFont(o.font);
  if (subtext.isEmpty()) {
    drawElided(painter, area, Qt::AlignLeft | Qt::AlignVCenter, o.text, Qt::ElideMiddle);
  } else {
    drawElided(painter, area, Qt::AlignLeft | Qt::AlignTop, o.text, Qt::ElideMiddle);
    painter->setPen(subtextColor(o));
    painter->setFont(smaller(o.font));
    drawElided(painter, area, Qt::AlignLeft | Qt::AlignBottom, subtext, Qt::ElideMiddle);
  }
  painter->restore();
}

QSize TwoLineDelegate::sizeHint(const QStyleOptionViewItem& option,
                                const QModelIndex& index) const {
  const QSize hint = QStyledItemDelegate::sizeHint(option, index);
  return {hint.width() + 2 * kMargin, 2 * option.fontMetrics.height() + 10};
}

void BadgeDelegate::paint(QPainter* painter, const QStyleOptionViewItem& option,
                          const QModelIndex& index) const {
  QStyleOptionViewItem o = option;
  initStyleOption(&o, index);
  paintBackground(painter, o);
  const QVariant which = index.data(LeaksModel::ColorRole);
  if (!which.isValid()) return;
  const QColor color = m_kind == Kind::Verdict
                           ? verdictColor(static_cast<leaks::Verdict>(which.toInt()), o.palette)
                           : containerColor(static_cast<ContainerKind>(which.toInt()), o.palette);
  painter->save();
  painter->setRenderHint(QPainter::Antialiasing);
  painter->setFont(smaller(o.font));
  const QFontMetrics metrics = painter->fontMetrics();
  const int height = metrics.height() + 4;
  QRectF badge(o.rect.left() + kMargin, o.rect.center().y() + 1 - height / 2.0,
               metrics.horizontalAdvance(o.text) + 14, height);
  const QString subtext = index.data(LeaksModel::SubtextRole).toString();
  painter->setPen(Qt::NoPen);
  painter->setBrush(o.state & QStyle::State_Selected
                        ? o.palette.color(QPalette::Base)
                        : blend(o.palette.color(QPalette::Base), color, 0.18));
  painter->drawRoundedRect(badge, height / 2.0, height / 2.0);
  painter->setPen(color);
  painter->drawText(badge, Qt::AlignCenter, o.text);
  if (!subtext.isEmpty()) {
    painter->setPen(subtextColor(o));
    const QRect rest(static_cast<int>(badge.right()) + 8, o.rect.top(),
                     o.rect.right() - static_cast<int>(badge.right()) - 8 - kMargin,
                     o.rect.height());
    drawElided(painter, rest, Qt::AlignLeft | Qt::AlignVCenter, subtext);
  }
  painter->restore();
}

void ErrorBarDelegate::paint(QPainter* painter, const QStyleOptionViewItem& option,
                             const QModelIndex& index) const {
  QStyleOptionViewItem o = option;
  initStyleOption(&o, index);
  paintBackground(painter, o);
  painter->save();
  const QRect area = o.rect.adjusted(kMargin, 4, -kMargin, -4);
  const QVariantList bar = index.data(LeaksModel::IntervalRole).toList();
  painter->setPen(textColor(o));
  painter->setFont(o.font);
  const bool hasBar = bar.size() == 4 && bar[3].toDouble() > 0;
  drawElided(painter, area, Qt::AlignRight | (hasBar ? Qt::AlignTop : Qt::AlignVCenter), o.text);
  if (hasBar) {
    const double largest = bar[3].toDouble();
    const bool middle = m_kind == Kind::FromMiddle;
    const double zero = middle ? area.center().x() + 0.5 : area.left();
    const double scale = (middle ? area.width() / 2.0 : area.width()) / largest;
    const auto x = [&](double value) {
      return std::clamp<double>(zero + value * scale, area.left(), area.right());
    };
    const double value = bar[0].toDouble();
    const double low = bar[1].toDouble();
    const double high = bar[2].toDouble();
    const double y = area.bottom() - kBarHeight;
    const bool selected = o.state & QStyle::State_Selected;
    QColor fill = !middle     ? accent(o.palette)
                  : value < 0 ? shrinkColor(o.palette)
                              : growthColor(o.palette);
    if (selected) fill = o.palette.color(QPalette::HighlightedText);
    painter->setRenderHint(QPainter::Antialiasing);
    painter->fillRect(
        QRectF(area.left(), y, area.width(), kBarHeight),
        selected ? blend(o.palette.color(QPalette::Highlight), fill, 0.25) : gridLine(o.palette));
    fill.setAlphaF(0.75f);
    painter->fillRect(QRectF(QPointF(std::min(zero, x(value)), y),
                             QPointF(std::max(zero, x(value)), y + kBarHeight)),
                      fill);
    if (high > low) {
      painter->setPen(QPen(textColor(o), 1));
      const double center = y + kBarHeight / 2.0;
      painter->drawLine(QPointF(x(low), center), QPointF(x(high), center));
      for (const double end : {x(low), x(high)}) {
        painter->drawLine(QPointF(end, center - 4), QPointF(end, center + 4));
      }
    }
  }
  painter->restore();
}

void SparklineDelegate::paint(QPainter* painter, const QStyleOptionViewItem& option,
                              const QModelIndex& index) const {
  QStyleOptionViewItem o = option;
  initStyleOption(&o, index);
  paintBackground(painter, o);
  const QVariantList series = index.data(LeaksModel::SeriesRole).toList();
  if (series.size() < 2) return;
  double largest = 0;
  for (const QVariant& value : series) largest = std::max(largest, value.toDouble());
  if (largest <= 0) return;
  const QRectF area = QRectF(o.rect).adjusted(kMargin, 7, -kMargin - 2, -7);
  QPolygonF line;
  for (qsizetype i = 0; i < series.size(); ++i) {
    line << QPointF(area.left() + area.width() * static_cast<double>(i) /
                                      static_cast<double>(series.size() - 1),
                    area.bottom() - area.height() * std::max(0.0, series[i].toDouble()) / largest);
  }
  painter->save();
  painter->setRenderHint(QPainter::Antialiasing);
  QColor color = o.state & QStyle::State_Selected ? textColor(o) : accent(o.palette);
  QPolygonF filled = line;
  filled << area.bottomRight() << area.bottomLeft();
  QColor wash = color;
  wash.setAlphaF(0.15f);
  painter->setPen(Qt::NoPen);
  painter->setBrush(wash);
  painter->drawPolygon(filled);
  painter->setPen(QPen(color, 1.6));
  painter->setBrush(Qt::NoBrush);
  painter->drawPolyline(line);
  painter->setBrush(color);
  painter->setPen(Qt::NoPen);
  painter->drawEllipse(line.last(), 2.4, 2.4);
  painter->restore();
}

}  // namespace tidemark::gui
