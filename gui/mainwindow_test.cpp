#include "gui/mainwindow.h"

#include <gtest/gtest.h>

#include <QApplication>
#include <QClipboard>
#include <QComboBox>
#include <QDropEvent>
#include <QLabel>
#include <QLineEdit>
#include <QMimeData>
#include <QSet>
#include <QTemporaryDir>
#include <QTest>
#include <QToolTip>

#include "gui/escapeview.h"
#include "gui/flameview.h"
#include "gui/leaksview.h"
#include "gui/recentfiles.h"
#include "gui/screenshot.h"
#include "gui/testing.h"

namespace tidemark::gui {
namespace {

constexpr int kPatienceMs = 60000;  // under a sanitizer on a busy machine

class MainWindowTest : public testing::Test {
 protected:
  void SetUp() override {
    for (int i = 1; i <= 3; ++i) {
      const auto profile = makeTestProfile(
          {{{"operator new(unsigned long)", "Cache::insert(int)", "serve", "main"}, i * (4 << 20)},
           {{"operator new(unsigned long)", "Pool::take()", "serve", "main"}, 2 << 20},
           {{"malloc", "startUp", "main"}, 1 << 20}},
          i * 3600, {"tidemark.pid=42", "tidemark.command_line=demo --serve"});
      m_files << writeTestProfile(m_dir.path(), QStringLiteral("demo.%1.pb.gz").arg(i), *profile);
    }
  }
  void open(MainWindow& window, const OpenRequest& request) {
    window.open(request);
    ASSERT_TRUE(QTest::qWaitFor([&] { return !window.document()->isBusy(); }, kPatienceMs));
    ASSERT_EQ(window.document()->error().toStdString(), "");
  }
  QString visibleText(const QWidget& window) {
    QStringList texts;
    for (const QLabel* label : window.findChildren<QLabel*>()) {
      if (label->isVisibleTo(&window)) texts << label->text();
    }
    return texts.join(QLatin1Char('\n'));
  }

  QTemporaryDir m_dir;
  QStringList m_files;
};

TEST_F(MainWindowTest, EveryViewMakesAPictureThatIsNotBlank) {
  QList<QByteArray> pictures;
  for (const char* name : {"leaks", "flame", "escape", "diff"}) {
    const QString path = m_dir.filePath(QStringLiteral("%1.png").arg(QLatin1String(name)));
    bool badInput = false;
    const QString error =
        takeScreenshot({m_files, QString()}, *viewFromName(QLatin1String(name)), path, &badInput);
    ASSERT_EQ(error.toStdString(), "");
    const QImage image(path);
    ASSERT_EQ(image.size(), QSize(1400, 900));
    QSet<QRgb> colors;
    for (int y = 0; y < image.height(); y += 3) {
      for (int x = 0; x < image.width(); x += 3) colors.insert(image.pixel(x, y));
    }
    EXPECT_GT(colors.size(), 25) << name;  // text alone gives dozens of greys
    pictures << QByteArray(reinterpret_cast<const char*>(image.constBits()),
                           static_cast<qsizetype>(image.sizeInBytes()));
  }
  for (qsizetype i = 1; i < pictures.size(); ++i) EXPECT_NE(pictures[0], pictures[i]);
}

TEST_F(MainWindowTest, APictureOfBadInputIsAnError) {
  bool badInput = false;
  const QString out = m_dir.filePath(QStringLiteral("out.png"));
  const QString error = takeScreenshot({{m_dir.filePath(QStringLiteral("no.pb.gz"))}, QString()},
                                       MainWindow::View::Leaks, out, &badInput);
  EXPECT_TRUE(badInput);
  EXPECT_TRUE(error.contains(QStringLiteral("no.pb.gz"))) << error.toStdString();
  EXPECT_FALSE(QFile::exists(out));
  EXPECT_NE(takeScreenshot({m_files, QString()}, MainWindow::View::Leaks,
                           QStringLiteral("/no/such/directory/out.png"), &badInput),
            QString());
  EXPECT_FALSE(badInput);
}

TEST_F(MainWindowTest, TheFlameGraphZoomsByMouseAndBackByKey) {
  MainWindow window;
  window.resize(1000, 700);
  open(window, {m_files, QString()});
  window.showView(MainWindow::View::Flame);
  window.show();
  QCoreApplication::processEvents();
  FlameCanvas* canvas = window.flameView()->canvas();
  const report::FlameTree& tree = *window.document()->reports()->flame;
  // all > main > serve > …: the second level's largest child.
  const uint32_t mainNode = tree.nodes[0].first_child;
  const uint32_t serve = tree.nodes[mainNode].first_child;
  ASSERT_EQ(tree.names[tree.nodes[serve].name], "serve");
  const std::optional<QPoint> at = canvas->positionOf(serve);
  ASSERT_TRUE(at.has_value());
  EXPECT_EQ(canvas->nodeAt(*at), serve);
  QTest::mouseClick(canvas->viewport(), Qt::LeftButton, Qt::NoModifier, *at);
  EXPECT_EQ(canvas->zoomed(), serve);
  EXPECT_TRUE(canvas->toolTipOf(serve).contains(QStringLiteral("base 6.00 MB")))
      << canvas->toolTipOf(serve).toStdString();
  QTest::keyClick(canvas, Qt::Key_Return);  // already there
  EXPECT_EQ(canvas->zoomed(), serve);
  QTest::keyClick(canvas, Qt::Key_Escape);
  EXPECT_EQ(canvas->zoomed(), 0u);
  QTest::keyClick(canvas, Qt::Key_Backspace);  // nothing left
  EXPECT_EQ(canvas->zoomed(), 0u);
  QTest::keyClick(canvas, Qt::Key_Down);
  QTest::keyClick(canvas, Qt::Key_Return);
  EXPECT_NE(canvas->zoomed(), 0u);
  QTest::keyClick(canvas, Qt::Key_Home);
  EXPECT_EQ(canvas->zoomed(), 0u);
}

TEST_F(MainWindowTest, SearchSaysHowMuchMatches) {
  MainWindow window;
  open(window, {{m_files[0]}, QString()});
  FlameCanvas* canvas = window.flameView()->canvas();
  // 4 MB of 7; "operator new" below a matching frame does not count twice.
  EXPECT_NEAR(canvas->setSearch(QStringLiteral("cache")), 100.0 * 4 / 7, 0.1);
  EXPECT_NEAR(canvas->setSearch(QStringLiteral("main")), 100, 0.1);
  EXPECT_EQ(canvas->setSearch(QStringLiteral("nowhere")), 0);
  EXPECT_EQ(canvas->setSearch(QString()), 0);
}

TEST_F(MainWindowTest, SelectingALeakSelectsItsEscapePathAndCopies) {
  MainWindow window;
  open(window, {m_files, QString()});
  const leaks::Finding* finding = window.leaksView()->selected();
  ASSERT_NE(finding, nullptr);
  const escape::EscapeSite* site = window.escapeView()->current();
  ASSERT_NE(site, nullptr);
  EXPECT_EQ(site->site.function, finding->site.function);
  EXPECT_EQ(window.escapeView()->canvas()->pathLayout().nodes.size(), site->nodes.size());
  window.leaksView()->copyStack();
  EXPECT_TRUE(QApplication::clipboard()->text().contains(QStringLiteral("main /src/demo.cc")))
      << QApplication::clipboard()->text().toStdString();
  window.leaksView()->copyRow();
  EXPECT_TRUE(QApplication::clipboard()->text().contains(QLatin1Char('\t')));
  window.escapeView()->copyPath();
  EXPECT_TRUE(
      QApplication::clipboard()->text().contains(QString::fromStdString(site->explanation)));
}

TEST_F(MainWindowTest, ErrorsStandInTheWindow) {
  MainWindow window;
  open(window, {m_files, QString()});
  const QString bad = m_dir.filePath(QStringLiteral("bad.pb"));
  {
    QFile file(bad);
    ASSERT_TRUE(file.open(QIODevice::WriteOnly));
    file.write("nonsense");
  }
  window.open({{bad}, QString()});
  ASSERT_TRUE(QTest::qWaitFor([&] { return !window.document()->isBusy(); }, kPatienceMs));
  EXPECT_TRUE(visibleText(window).contains(QStringLiteral("bad.pb")))
      << visibleText(window).toStdString();
  EXPECT_TRUE(visibleText(window).contains(QStringLiteral("process 42")));  // still open
  open(window, {{m_files[0]}, QString()});
  EXPECT_FALSE(visibleText(window).contains(QStringLiteral("bad.pb")));
}

TEST_F(MainWindowTest, DroppedFilesAreOpened) {
  MainWindow window;
  QMimeData mime;
  QList<QUrl> urls;
  for (const QString& file : m_files) urls << QUrl::fromLocalFile(file);
  mime.setUrls(urls);
  // Qt delivers a drop only to a widget that took the drag.
  QDragEnterEvent enter(QPoint(10, 10), Qt::CopyAction, &mime, Qt::LeftButton, Qt::NoModifier);
  QApplication::sendEvent(&window, &enter);
  EXPECT_TRUE(enter.isAccepted());
  QDropEvent drop(QPointF(10, 10), Qt::CopyAction, &mime, Qt::LeftButton, Qt::NoModifier);
  QApplication::sendEvent(&window, &drop);
  ASSERT_TRUE(QTest::qWaitFor([&] { return !window.document()->isBusy(); }, kPatienceMs));
  ASSERT_NE(window.document()->series(), nullptr);
  EXPECT_EQ(window.document()->series()->snapshots.size(), 3u);
}

TEST_F(MainWindowTest, TheFilterNarrowsEveryView) {
  MainWindow window;
  open(window, {m_files, QString()});
  auto* filter = window.findChild<QLineEdit*>(QStringLiteral("filter"));
  ASSERT_NE(filter, nullptr);
  QTest::keyClicks(filter, QStringLiteral("Pool"));
  ASSERT_TRUE(QTest::qWaitFor([&] { return window.document()->reports()->options.focus == "Pool"; },
                              kPatienceMs));
  EXPECT_EQ(window.document()->reports()->flame->nodes[0].value, 2 << 20);
  ASSERT_NE(window.leaksView()->selected(), nullptr);
  EXPECT_EQ(window.leaksView()->selected()->site.function, "Pool::take()");
}

TEST_F(MainWindowTest, RecentFilesAreRememberedOnceEach) {
  QSettings settings(m_dir.filePath(QStringLiteral("settings.ini")), QSettings::IniFormat);
  {
    MainWindow window(&settings);
    open(window, {{m_files[0]}, QString()});
    open(window, {{m_files[1]}, m_files[0]});
    open(window, {{m_files[0]}, QString()});
  }
  RecentFiles recent(&settings);
  const QList<OpenRequest> entries = recent.entries();
  ASSERT_EQ(entries.size(), 2);
  EXPECT_EQ(entries[0], (OpenRequest{{m_files[0]}, QString()}));
  EXPECT_EQ(entries[1], (OpenRequest{{m_files[1]}, m_files[0]}));
}

TEST_F(MainWindowTest, DarkAndBackAgain) {
  MainWindow window;
  window.show();
  window.setDark(true);
  QCoreApplication::processEvents();
  EXPECT_LT(window.palette().color(QPalette::Base).lightness(), 128);
  window.setDark(false);
  QCoreApplication::processEvents();
  EXPECT_GT(window.palette().color(QPalette::Base).lightness(), 128);
}

TEST_F(MainWindowTest, ViewNames) {
  EXPECT_EQ(viewFromName(QStringLiteral("escape")), MainWindow::View::Escape);
  EXPECT_EQ(viewFromName(QStringLiteral("nothing")), std::nullopt);
}

}  // namespace
}  // namespace tidemark::gui
