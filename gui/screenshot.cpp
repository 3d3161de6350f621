#include "gui/screenshot.h"

#include <QCoreApplication>
#include <QEventLoop>
#include <QPixmap>
#include <QSaveFile>

namespace tidemark::gui {

QString takeScreenshot(const OpenRequest& request, MainWindow::View view, const QString& path,
                       bool* badInput) {
  *badInput = false;
  MainWindow window;
  window.resize(1400, 900);
  QEventLoop loop;
  QObject::connect(window.document(), &Document::busyChanged, &loop, [&] {
    if (!window.document()->isBusy()) loop.quit();
  });
  window.open(request);
  loop.exec();
  if (!window.document()->error().isEmpty()) {
    *badInput = true;
    return window.document()->error();
  }
  window.showView(view);
  window.show();
  // Layouts settle in a few rounds of events: sizes, then what depends on them.
  for (int i = 0; i < 3; ++i) QCoreApplication::processEvents();

  QSaveFile file(path);
  if (!file.open(QIODevice::WriteOnly) || !window.grab().save(&file, "PNG") || !file.commit()) {
    return QStringLiteral("tidemark: cannot write the picture: %1 (%2)")
        .arg(file.errorString(), path);
  }
  return QString();
}

}  // namespace tidemark::gui
