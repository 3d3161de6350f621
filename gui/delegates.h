// Cell painters shared by the tables: two-line names, badges, bars with their error,
// sparklines. They read the roles of LeaksModel; DiffModel offers the same ones.
// Thread class: GUI thread.

#ifndef TIDEMARK_GUI_DELEGATES_H_
#define TIDEMARK_GUI_DELEGATES_H_

#include <QStyledItemDelegate>

namespace tidemark::gui {

// The display text alone, with the tables' margin.
class TextDelegate : public QStyledItemDelegate {
  Q_OBJECT
 public:
  using QStyledItemDelegate::QStyledItemDelegate;
  void paint(QPainter* painter, const QStyleOptionViewItem& option,
             const QModelIndex& index) const override;
};

// A stack's frame on one line: the function, then its place (SubtextRole), dimmed.
class FrameDelegate : public QStyledItemDelegate {
  Q_OBJECT
 public:
  using QStyledItemDelegate::QStyledItemDelegate;
  void paint(QPainter* painter, const QStyleOptionViewItem& option,
             const QModelIndex& index) const override;
  QSize sizeHint(const QStyleOptionViewItem& option, const QModelIndex& index) const override;
};

// The display text over a dimmed second line (SubtextRole).
class TwoLineDelegate : public QStyledItemDelegate {
  Q_OBJECT
 public:
  using QStyledItemDelegate::QStyledItemDelegate;
  void paint(QPainter* painter, const QStyleOptionViewItem& option,
             const QModelIndex& index) const override;
  QSize sizeHint(const QStyleOptionViewItem& option, const QModelIndex& index) const override;
};

// The display text in a rounded badge; SubtextRole beside it.
class BadgeDelegate : public QStyledItemDelegate {
  Q_OBJECT
 public:
  enum class Kind { Verdict, Container };
  BadgeDelegate(Kind kind, QObject* parent) : QStyledItemDelegate(parent), m_kind(kind) {}
  void paint(QPainter* painter, const QStyleOptionViewItem& option,
             const QModelIndex& index) const override;

 private:
  Kind m_kind;
};

// The display text, and beneath it a bar for the value with a whisker for its interval
// (IntervalRole). Bars of values that can be negative start in the middle.
class ErrorBarDelegate : public QStyledItemDelegate {
  Q_OBJECT
 public:
  enum class Kind { FromLeft, FromMiddle };
  ErrorBarDelegate(Kind kind, QObject* parent) : QStyledItemDelegate(parent), m_kind(kind) {}
  void paint(QPainter* painter, const QStyleOptionViewItem& option,
             const QModelIndex& index) const override;

 private:
  Kind m_kind;
};

// The series of SeriesRole as a line from zero.
class SparklineDelegate : public QStyledItemDelegate {
  Q_OBJECT
 public:
  using QStyledItemDelegate::QStyledItemDelegate;
  void paint(QPainter* painter, const QStyleOptionViewItem& option,
             const QModelIndex& index) const override;
};

}  // namespace tidemark::gui

#endif  // TIDEMARK_GUI_DELEGATES_H_
