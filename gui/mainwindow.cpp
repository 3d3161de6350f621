#include "gui/mainwindow.h"

#include <QAction>
#include <QApplication>
#include <QCloseEvent>
#include <QComboBox>
#include <QDir>
#include <QFileDialog>
#include <QFileInfo>
#include <QLabel>
#include <QLineEdit>
#include <QMenuBar>
#include <QMessageBox>
#include <QMimeData>
#include <QProgressBar>
#include <QShortcut>
#include <QStackedWidget>
#include <QStatusBar>
#include <QTabWidget>
#include <QTimer>
#include <QToolBar>
#include <QToolButton>
#include <QVBoxLayout>

#include "gui/diffview.h"
#include "gui/escapeview.h"
#include "gui/flameview.h"
#include "gui/format.h"
#include "gui/leaksview.h"
#include "gui/recentfiles.h"
#include "gui/summarybar.h"
#include "gui/theme.h"

namespace tidemark::gui {
namespace {

constexpr int kFilterDelayMs = 300;
const QString kGeometryKey = QStringLiteral("geometry");
const QString kDarkKey = QStringLiteral("dark");

QString fileFilter() {
  return MainWindow::tr("Profiles (*.pb.gz *.pb *.pprof *.heap *.prof);;All files (*)");
}

// "2 leaks, 1 suspect, 14 steady"
QString verdictCounts(const Series& series) {
  if (!series.ranking.ok()) return QString();
  int counts[4] = {0, 0, 0, 0};
  for (const leaks::Finding& finding : series.ranking->findings) {
    ++counts[static_cast<int>(finding.verdict)];
  }
  QStringList parts;
  if (counts[0] > 0)
    parts << (counts[0] == 1 ? MainWindow::tr("1 leak")
                             : MainWindow::tr("%1 leaks").arg(counts[0]));
  if (counts[1] > 0)
    parts << (counts[1] == 1 ? MainWindow::tr("1 suspect")
                             : MainWindow::tr("%1 suspects").arg(counts[1]));
  if (counts[2] > 0) parts << MainWindow::tr("%1 steady").arg(counts[2]);
  if (counts[3] > 0) parts << MainWindow::tr("%1 shrinking").arg(counts[3]);
  return parts.join(QStringLiteral(", "));
}

}  // namespace

std::optional<MainWindow::View> viewFromName(const QString& name) {
  if (name == QLatin1String("leaks")) return MainWindow::View::Leaks;
  if (name == QLatin1String("flame")) return MainWindow::View::Flame;
  if (name == QLatin1String("escape")) return MainWindow::View::Escape;
  if (name == QLatin1String("diff")) return MainWindow::View::Diff;
  return std::nullopt;
}

MainWindow::MainWindow(QSettings* settings, QWidget* parent)
    : QMainWindow(parent), m_settings(settings), m_document(new Document(this)) {
  setWindowTitle(tr("Tidemark"));
  setAcceptDrops(true);
  createViews();
  createMenus();
  createToolBar();
  createStatusBar();
  connectDocument();
  resize(1280, 820);
  applyColors();
  if (m_settings != nullptr) {
    restoreGeometry(m_settings->value(kGeometryKey).toByteArray());
    // Off means what the desktop says, which may be dark too.
    if (m_settings->value(kDarkKey).toBool()) m_darkAction->trigger();
  }
  showBusy();
}

// The views hold no pointer into the document's results beyond their shared ones, so
// QObject's order of destruction is fine; the document waits for its threads.
MainWindow::~MainWindow() = default;

void MainWindow::createViews() {
  m_message = new QLabel;
  m_message->setTextFormat(Qt::PlainText);
  m_message->setTextInteractionFlags(Qt::TextSelectableByMouse);
  m_message->setWordWrap(true);
  m_message->setContentsMargins(12, 6, 12, 6);
  m_message->setAutoFillBackground(true);
  m_message->hide();
  m_summary = new SummaryBar;
  m_tabs = new QTabWidget;
  m_tabs->setDocumentMode(true);
  m_leaks = new LeaksView;
  m_flame = new FlameView;
  m_escape = new EscapeView;
  m_diff = new DiffView;
  // In the order of View.
  m_tabs->addTab(m_leaks, tr("Leaks"));
  m_tabs->addTab(m_flame, tr("Flame graph"));
  m_tabs->addTab(m_escape, tr("Escape path"));
  m_tabs->addTab(m_diff, tr("Diff"));

  auto* content = new QWidget;
  auto* contentLayout = new QVBoxLayout(content);
  contentLayout->setContentsMargins(0, 0, 0, 0);
  contentLayout->setSpacing(0);
  contentLayout->addWidget(m_summary);
  contentLayout->addWidget(m_tabs, 1);
  auto* welcome =
      new QLabel(tr("Drop heap profiles here, or open them with Ctrl+O.\n\n"
                    "One snapshot shows suspects, two show growth, three or more show leaks."));
  welcome->setAlignment(Qt::AlignCenter);
  m_pages = new QStackedWidget;
  m_pages->addWidget(welcome);
  m_pages->addWidget(content);
  auto* central = new QWidget;
  auto* layout = new QVBoxLayout(central);
  layout->setContentsMargins(0, 0, 0, 0);
  layout->setSpacing(0);
  layout->addWidget(m_message);
  layout->addWidget(m_pages, 1);
  setCentralWidget(central);

  connect(m_leaks, &LeaksView::escapePathRequested, this, &MainWindow::showEscapeOfSelection);
  connect(m_leaks, &LeaksView::selectionChanged, this, [this] {
    if (const leaks::Finding* finding = m_leaks->selected()) m_escape->showSite(finding->site);
  });
  connect(m_flame, &FlameView::invertedToggled, this, [this](bool inverted) {
    ViewOptions options = m_document->options();
    options.inverted = inverted;
    m_document->setOptions(options);
  });
  connect(m_diff, &DiffView::rowsChanged, this, [this](DiffRows rows) {
    ViewOptions options = m_document->options();
    options.diffRows = rows;
    m_document->setOptions(options);
  });
}

void MainWindow::createMenus() {
  QMenu* file = menuBar()->addMenu(tr("&File"));
  file->addAction(tr("&Open…"), QKeySequence::Open, this, &MainWindow::chooseFiles);
  m_baseAction = file->addAction(tr("Open &base…"), QKeySequence(Qt::CTRL | Qt::Key_B), this,
                                 &MainWindow::chooseBase);
  m_recent = new RecentFiles(m_settings, this);
  connect(m_recent, &RecentFiles::chosen, this, &MainWindow::open);
  file->addMenu(m_recent);
  m_reloadAction = file->addAction(tr("&Reload"), QKeySequence::Refresh, this,
                                   [this] { open(m_document->request()); });
  m_cancelAction = file->addAction(tr("&Cancel"), QKeySequence(Qt::CTRL | Qt::Key_Period),
                                   m_document, &Document::cancel);
  file->addSeparator();
  file->addAction(tr("&Quit"), QKeySequence::Quit, this, &QWidget::close);

  QMenu* view = menuBar()->addMenu(tr("&View"));
  for (int i = 0; i < m_tabs->count(); ++i) {
    view->addAction(m_tabs->tabText(i), QKeySequence(Qt::ALT | static_cast<Qt::Key>(Qt::Key_1 + i)),
                    this, [this, i] { m_tabs->setCurrentIndex(i); });
  }
  view->addSeparator();
  view->addAction(tr("&Filter"), QKeySequence(Qt::CTRL | Qt::Key_L), this, [this] {
    m_focus->setFocus();
    m_focus->selectAll();
  });
  view->addAction(tr("&Search"), QKeySequence::Find, this, [this] {
    showView(View::Flame);
    m_flame->focusSearch();
  });
  view->addSeparator();
  QAction* frames = view->addAction(tr("Show &container frames"));
  frames->setCheckable(true);
  connect(frames, &QAction::toggled, this, [this](bool on) {
    ViewOptions options = m_document->options();
    options.containerFrames = on;
    m_document->setOptions(options);
  });
  // What is opened anew begins with the default.
  connect(m_document, &Document::seriesChanged, frames, [frames] { frames->setChecked(false); });
  m_darkAction = view->addAction(tr("&Dark theme"), this, &MainWindow::setDark);
  m_darkAction->setCheckable(true);

  QMenu* help = menuBar()->addMenu(tr("&Help"));
  help->addAction(tr("&About Tidemark"), this, &MainWindow::showAbout);
}

void MainWindow::createToolBar() {
  QToolBar* bar = addToolBar(tr("Main"));
  bar->setMovable(false);
  bar->setContextMenuPolicy(Qt::PreventContextMenu);
  bar->addAction(tr("Open…"), this, &MainWindow::chooseFiles);
  bar->addSeparator();
  const auto addCombo = [&](const QString& label, const QString& tip, int characters) {
    auto* text = new QLabel(label);
    text->setContentsMargins(8, 0, 4, 0);
    bar->addWidget(text);
    auto* combo = new QComboBox;
    combo->setToolTip(tip);
    combo->setSizeAdjustPolicy(QComboBox::AdjustToMinimumContentsLengthWithIcon);
    combo->setMinimumContentsLength(characters);
    connect(combo, &QComboBox::activated, this, &MainWindow::applyOptions);
    bar->addWidget(combo);
    return combo;
  };
  m_snapshot = addCombo(tr("Snapshot"), tr("The snapshot that the reports show"), 22);
  m_base = addCombo(tr("Base"), tr("The snapshot that it is compared with"), 22);
  m_sampleType = addCombo(tr("Value"), tr("What the flame graph and the diff count"), 14);
  auto* spring = new QWidget;
  spring->setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Preferred);
  bar->addWidget(spring);
  m_focus = new QLineEdit;
  m_focus->setPlaceholderText(tr("Filter: functions or files (regular expression)"));
  m_focus->setObjectName(QStringLiteral("filter"));
  m_focus->setClearButtonEnabled(true);
  m_focus->setMinimumWidth(200);
  m_focus->setMaximumWidth(330);
  bar->addWidget(m_focus);
  auto* delay = new QTimer(this);
  delay->setSingleShot(true);
  delay->setInterval(kFilterDelayMs);
  connect(m_focus, &QLineEdit::textEdited, delay, qOverload<>(&QTimer::start));
  connect(m_focus, &QLineEdit::textChanged, this, [delay](const QString& text) {
    if (text.isEmpty()) delay->start();  // the clear button is no edit
  });
  connect(delay, &QTimer::timeout, this, &MainWindow::applyOptions);
}

void MainWindow::createStatusBar() {
  m_progressText = new QLabel;
  m_progress = new QProgressBar;
  m_progress->setMaximumWidth(220);
  m_progress->setTextVisible(false);
  m_cancel = new QToolButton;
  m_cancel->setDefaultAction(m_cancelAction);
  statusBar()->addPermanentWidget(m_progressText);
  statusBar()->addPermanentWidget(m_progress);
  statusBar()->addPermanentWidget(m_cancel);
}

void MainWindow::connectDocument() {
  connect(m_document, &Document::busyChanged, this, &MainWindow::showBusy);
  connect(m_document, &Document::progressChanged, this, [this](const QString& what, int percent) {
    m_progressText->setText(what);
    m_progress->setRange(0, percent < 0 ? 0 : 100);
    if (percent >= 0) m_progress->setValue(percent);
  });
  connect(m_document, &Document::seriesChanged, this, &MainWindow::showSeries);
  connect(m_document, &Document::reportsChanged, this, &MainWindow::showReports);
  connect(m_document, &Document::failed, this, &MainWindow::showMessage);
}

void MainWindow::open(const OpenRequest& request) {
  showMessage(QString());
  m_document->open(request);
}

void MainWindow::showView(View view) { m_tabs->setCurrentIndex(static_cast<int>(view)); }

MainWindow::View MainWindow::currentView() const {
  return static_cast<View>(m_tabs->currentIndex());
}

void MainWindow::chooseFiles() {
  const QStringList files = QFileDialog::getOpenFileNames(
      this, tr("Open profiles (several make a series)"), QString(), fileFilter());
  if (!files.isEmpty()) open({files, QString()});
}

void MainWindow::chooseBase() {
  const QString base = QFileDialog::getOpenFileName(this, tr("Open the base to compare with"),
                                                    QString(), fileFilter());
  if (base.isEmpty()) return;
  OpenRequest request = m_document->request();
  request.base = base;
  open(request);
}

void MainWindow::showAbout() {
  QMessageBox::about(
      this, tr("About Tidemark"),
      tr("<h3>Tidemark %1</h3>"
         "<p>Which container leaks, why its memory outlives the code that made it, and how "
         "much worse it got between two snapshots.</p>"
         "<p>Reads pprof heap profiles. Apache License 2.0.</p>")
          .arg(QApplication::applicationVersion()));
}

void MainWindow::showSeries() {
  const std::shared_ptr<const Series> series = m_document->series();
  m_pages->setCurrentIndex(1);
  m_snapshot->clear();
  m_base->clear();
  m_base->addItem(tr("none"), -1);
  for (size_t i = 0; i < series->snapshots.size(); ++i) {
    const QString& path = series->snapshots[i].path;
    m_snapshot->addItem(QFileInfo(path).fileName(), static_cast<int>(i));
    m_base->addItem(QFileInfo(path).fileName(), static_cast<int>(i));
    m_snapshot->setItemData(static_cast<int>(i), path, Qt::ToolTipRole);
    m_base->setItemData(static_cast<int>(i) + 1, path, Qt::ToolTipRole);
  }
  m_focus->clear();
  m_leaks->setFocusPattern(QString());
  m_leaks->setSeries(series);
  const QString first = QFileInfo(m_document->request().paths.first()).fileName();
  setWindowTitle(tr("%1 – Tidemark").arg(first));
  m_recent->add(m_document->request());
  statusBar()->showMessage(verdictCounts(*series));
  if (!series->ranking.ok() && currentView() == View::Leaks) showView(View::Flame);
}

void MainWindow::showReports() {
  const std::shared_ptr<const Series> series = m_document->series();
  const std::shared_ptr<const Reports> reports = m_document->reports();
  const ViewOptions& options = m_document->options();
  m_snapshot->setCurrentIndex(options.snapshot);
  m_base->setCurrentIndex(m_base->findData(options.base));
  const Profile& profile = *series->snapshots[static_cast<size_t>(options.snapshot)].profile;
  m_sampleType->clear();
  for (const ValueType& type : profile.sample_types()) {
    m_sampleType->addItem(toQString(profile.string(type.type)));
  }
  const int chosen = options.sampleType.empty() ? -1 : profile.FindSampleType(options.sampleType);
  m_sampleType->setCurrentIndex(chosen >= 0 ? chosen : profile.default_sample_type_index());

  m_summary->setSeries(*series, options.snapshot);
  m_flame->setReports(reports);
  m_escape->setReports(reports);
  m_diff->setReports(reports);
  if (const leaks::Finding* finding = m_leaks->selected()) m_escape->showSite(finding->site);
  showMessage(reports->flame.ok() ? QString() : toQString(reports->flame.status().message()));
}

void MainWindow::showBusy() {
  const bool busy = m_document->isBusy();
  const bool open = m_document->series() != nullptr;
  for (QWidget* widget : std::initializer_list<QWidget*>{m_progress, m_progressText, m_cancel}) {
    widget->setVisible(busy);
  }
  if (!busy) {
    m_progressText->clear();
    m_progress->setRange(0, 100);
    m_progress->setValue(0);
  }
  m_cancelAction->setEnabled(busy);
  m_reloadAction->setEnabled(open);
  m_baseAction->setEnabled(open);
  const bool ready = open && m_document->state() == Document::State::Ready;
  for (QWidget* widget :
       std::initializer_list<QWidget*>{m_snapshot, m_base, m_sampleType, m_focus}) {
    widget->setEnabled(ready);
  }
}

void MainWindow::showMessage(const QString& message) {
  m_message->setText(message);
  m_message->setVisible(!message.isEmpty());
}

void MainWindow::applyColors() {
  const QColor red = verdictColor(leaks::Verdict::kLeak, palette());
  QPalette colors;
  colors.setColor(QPalette::Window, blend(palette().color(QPalette::Base), red, 0.15));
  colors.setColor(QPalette::WindowText, red);
  m_message->setPalette(colors);
}

void MainWindow::setDark(bool dark) {
  QApplication::setPalette(dark ? darkPalette() : QPalette());
  if (m_settings != nullptr) m_settings->setValue(kDarkKey, dark);
}

void MainWindow::changeEvent(QEvent* event) {
  if (event->type() == QEvent::PaletteChange) applyColors();
  QMainWindow::changeEvent(event);
}

void MainWindow::applyOptions() {
  ViewOptions options = m_document->options();
  options.snapshot = m_snapshot->currentIndex();
  options.base = m_base->currentData().toInt();
  options.sampleType = m_sampleType->currentText().toStdString();
  options.focus = m_focus->text().toStdString();
  m_leaks->setFocusPattern(m_focus->text());
  m_document->setOptions(options);
}

void MainWindow::showEscapeOfSelection() {
  const leaks::Finding* finding = m_leaks->selected();
  if (finding == nullptr) return;
  if (!m_escape->showSite(finding->site)) {
    statusBar()->showMessage(tr("This site has no escape path in the snapshot shown."), 5000);
    return;
  }
  showView(View::Escape);
}

void MainWindow::closeEvent(QCloseEvent* event) {
  if (m_settings != nullptr) m_settings->setValue(kGeometryKey, saveGeometry());
  QMainWindow::closeEvent(event);
}

void MainWindow::dragEnterEvent(QDragEnterEvent* event) {
  for (const QUrl& url : event->mimeData()->urls()) {
    if (url.isLocalFile()) return event->acceptProposedAction();
  }
}

void MainWindow::dropEvent(QDropEvent* event) {
  OpenRequest request;
  for (const QUrl& url : event->mimeData()->urls()) {
    if (url.isLocalFile()) request.paths << url.toLocalFile();
  }
  if (request.paths.isEmpty()) return;
  event->acceptProposedAction();
  open(request);
}

}  // namespace tidemark::gui
