// The window as a picture, for documentation and tests.
// Thread class: GUI thread.

#ifndef TIDEMARK_GUI_SCREENSHOT_H_
#define TIDEMARK_GUI_SCREENSHOT_H_

#include <QString>

#include "gui/mainwindow.h"

namespace tidemark::gui {

// Opens the request in a window of 1400x900, waits until it is shown, writes a PNG.
// Empty when it worked, else the error line; `badInput` then tells whose fault it was.
QString takeScreenshot(const OpenRequest& request, MainWindow::View view, const QString& path,
                       bool* badInput);

}  // namespace tidemark::gui

#endif  // TIDEMARK_GUI_SCREENSHOT_H_
