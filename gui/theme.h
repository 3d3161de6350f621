// Colours derived from the widget's palette, so that light and dark themes both work.
// Thread class: GUI thread.

#ifndef TIDEMARK_GUI_THEME_H_
#define TIDEMARK_GUI_THEME_H_

#include <QColor>
#include <QPalette>

#include "analyzer/leaks/ranking.h"
#include "analyzer/model/annotations.h"

namespace tidemark::gui {

bool isDark(const QPalette& palette);
// t = 0 gives a, t = 1 gives b.
QColor blend(const QColor& a, const QColor& b, double t);
// Secondary text on the palette's base colour.
QColor dimText(const QPalette& palette);
QColor gridLine(const QPalette& palette);

// Readable as text and as a fill with white text, on the palette's base colour.
QColor accent(const QPalette& palette);
QColor verdictColor(leaks::Verdict verdict, const QPalette& palette);
QColor containerColor(ContainerKind kind, const QPalette& palette);
QColor growthColor(const QPalette& palette);
QColor shrinkColor(const QPalette& palette);

// A dark Fusion palette, for desktops that ask for one without providing it.
QPalette darkPalette();

}  // namespace tidemark::gui

#endif  // TIDEMARK_GUI_THEME_H_
