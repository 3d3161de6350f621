// The window: wires the document to the views. No logic of its own.
// Thread class: GUI thread.

#ifndef TIDEMARK_GUI_MAINWINDOW_H_
#define TIDEMARK_GUI_MAINWINDOW_H_

#include <QMainWindow>
#include <QSettings>

#include "gui/document.h"

class QComboBox;
class QLabel;
class QLineEdit;
class QProgressBar;
class QStackedWidget;
class QTabWidget;
class QToolButton;

namespace tidemark::gui {

class DiffView;
class EscapeView;
class FlameView;
class LeaksView;
class RecentFiles;
class SummaryBar;

class MainWindow : public QMainWindow {
  Q_OBJECT
 public:
  enum class View { Leaks, Flame, Escape, Diff };

  // Without settings nothing is remembered or restored; they must outlive the window.
  explicit MainWindow(QSettings* settings = nullptr, QWidget* parent = nullptr);
  ~MainWindow() override;

  void open(const OpenRequest& request);
  void showView(View view);
  View currentView() const;
  Document* document() const { return m_document; }
  LeaksView* leaksView() const { return m_leaks; }
  FlameView* flameView() const { return m_flame; }
  EscapeView* escapeView() const { return m_escape; }
  DiffView* diffView() const { return m_diff; }
  // A dark palette for the whole application, or the desktop's own.
  void setDark(bool dark);

 protected:
  void changeEvent(QEvent* event) override;
  void closeEvent(QCloseEvent* event) override;
  void dragEnterEvent(QDragEnterEvent* event) override;
  void dropEvent(QDropEvent* event) override;

 private:
  void createMenus();
  void createToolBar();
  void createViews();
  void createStatusBar();
  void connectDocument();
  void chooseFiles();
  void chooseBase();
  void showAbout();
  void showSeries();
  void showReports();
  void showBusy();
  void showMessage(const QString& message);
  void applyColors();
  void applyOptions();
  void showEscapeOfSelection();

  QSettings* m_settings;
  Document* m_document;
  RecentFiles* m_recent;
  QStackedWidget* m_pages;  // the welcome, or the document
  QLabel* m_message;        // one line: what went wrong
  SummaryBar* m_summary;
  QTabWidget* m_tabs;
  LeaksView* m_leaks;
  FlameView* m_flame;
  EscapeView* m_escape;
  DiffView* m_diff;
  QComboBox* m_snapshot;
  QComboBox* m_base;
  QComboBox* m_sampleType;
  QLineEdit* m_focus;
  QAction* m_baseAction;
  QAction* m_reloadAction;
  QAction* m_cancelAction;
  QAction* m_darkAction;
  QLabel* m_progressText;
  QProgressBar* m_progress;
  QToolButton* m_cancel;
};

// "leaks", "flame", "escape", "diff"; absent for any other word.
std::optional<MainWindow::View> viewFromName(const QString& name);

}  // namespace tidemark::gui

#endif  // TIDEMARK_GUI_MAINWINDOW_H_
