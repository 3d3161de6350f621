// What the tables have in common.
// Thread class: GUI thread.

#ifndef TIDEMARK_GUI_TABLES_H_
#define TIDEMARK_GUI_TABLES_H_

class QTableView;

namespace tidemark::gui {

// Horizontal space left and right of a cell's and a header's text.
inline constexpr int kCellMargin = 8;

// Whole-row single selection, sorting by header, no grid, no row numbers; cells and
// headers keep kCellMargin.
void setUpTable(QTableView* table);

}  // namespace tidemark::gui

#endif  // TIDEMARK_GUI_TABLES_H_
