#include "gui/tables.h"

#include <QHeaderView>
#include <QProxyStyle>
#include <QTableView>

#include "gui/delegates.h"

namespace tidemark::gui {
namespace {

// Headers stand above their cells' text.
class HeaderStyle : public QProxyStyle {
 public:
  int pixelMetric(PixelMetric metric, const QStyleOption* option,
                  const QWidget* widget) const override {
    if (metric == PM_HeaderMargin) return kCellMargin;
    return QProxyStyle::pixelMetric(metric, option, widget);
  }
};

}  // namespace

void setUpTable(QTableView* table) {
  table->setSelectionBehavior(QAbstractItemView::SelectRows);
  table->setSelectionMode(QAbstractItemView::SingleSelection);
  table->setEditTriggers(QAbstractItemView::NoEditTriggers);
  table->setSortingEnabled(true);
  table->setShowGrid(false);
  table->setAlternatingRowColors(true);
  table->setWordWrap(false);
  table->setTabKeyNavigation(false);
  table->setFrameShape(QFrame::NoFrame);
  table->verticalHeader()->hide();
  table->verticalHeader()->setSectionResizeMode(QHeaderView::Fixed);
  table->horizontalHeader()->setHighlightSections(false);
  table->horizontalHeader()->setMinimumSectionSize(36);
  auto* style = new HeaderStyle;
  style->setParent(table);
  table->horizontalHeader()->setStyle(style);
  table->setItemDelegate(new TextDelegate(table));
}

}  // namespace tidemark::gui
