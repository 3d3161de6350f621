// The recently opened profiles, kept in the user's settings and shown as a menu.
// Thread class: GUI thread.

#ifndef TIDEMARK_GUI_RECENTFILES_H_
#define TIDEMARK_GUI_RECENTFILES_H_

#include <QMenu>
#include <QSettings>

#include "gui/document.h"

namespace tidemark::gui {

class RecentFiles : public QMenu {
  Q_OBJECT
 public:
  // Without settings nothing is remembered. The settings must outlive the menu.
  explicit RecentFiles(QSettings* settings, QWidget* parent = nullptr);
  void add(const OpenRequest& request);
  QList<OpenRequest> entries() const;

 Q_SIGNALS:
  void chosen(const OpenRequest& request);

 private:
  void fill();

  QSettings* m_settings;
};

}  // namespace tidemark::gui

#endif  // TIDEMARK_GUI_RECENTFILES_H_
