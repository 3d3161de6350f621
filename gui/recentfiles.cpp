#include "gui/recentfiles.h"

#include <QFileInfo>

namespace tidemark::gui {
namespace {

constexpr int kMostEntries = 10;
const QString kKey = QStringLiteral("recentFiles");

QStringList toList(const OpenRequest& request) {
  // The base comes first, empty when there is none.
  return QStringList{request.base} + request.paths;
}

}  // namespace

RecentFiles::RecentFiles(QSettings* settings, QWidget* parent)
    : QMenu(tr("Open &recent"), parent), m_settings(settings) {
  setToolTipsVisible(true);
  fill();
}

QList<OpenRequest> RecentFiles::entries() const {
  QList<OpenRequest> entries;
  if (m_settings == nullptr) return entries;
  for (const QVariant& value : m_settings->value(kKey).toList()) {
    const QStringList list = value.toStringList();
    if (list.size() >= 2) entries << OpenRequest{list.mid(1), list.first()};
  }
  return entries;
}

void RecentFiles::add(const OpenRequest& request) {
  if (m_settings == nullptr || request.paths.isEmpty()) return;
  OpenRequest absolute;
  for (const QString& path : request.paths) absolute.paths << QFileInfo(path).absoluteFilePath();
  if (!request.base.isEmpty()) absolute.base = QFileInfo(request.base).absoluteFilePath();
  QList<OpenRequest> all = entries();
  all.removeAll(absolute);
  all.prepend(absolute);
  QVariantList saved;
  for (const OpenRequest& entry : all.mid(0, kMostEntries)) saved << QVariant(toList(entry));
  m_settings->setValue(kKey, saved);
  fill();
}

void RecentFiles::fill() {
  clear();
  for (const OpenRequest& entry : entries()) {
    QString text = QFileInfo(entry.paths.first()).fileName();
    if (entry.paths.size() > 1) text += tr(" and %1 more").arg(entry.paths.size() - 1);
    if (!entry.base.isEmpty()) text += tr(" against %1").arg(QFileInfo(entry.base).fileName());
    QAction* action = addAction(text.replace(QLatin1Char('&'), QStringLiteral("&&")));
    action->setToolTip(entry.paths.join(QLatin1Char('\n')));
    connect(action, &QAction::triggered, this, [this, entry] { Q_EMIT chosen(entry); });
  }
  setEnabled(!isEmpty());
}

}  // namespace tidemark::gui
