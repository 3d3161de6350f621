// What the tables have in common.
// Thread class: GUI thread.

#ifndef TIDEMARK_GUI_TABLES_H_
#define TIDEMARK_GUI_TABLES_H_

class QTableView;

namespace tidemark::gui {

// Whole-row single selection, sorting by header, no grid, no row numbers.
void setUpTable(QTableView* table);

}  // namespace tidemark::gui

#endif  // TIDEMARK_GUI_TABLES_H_
