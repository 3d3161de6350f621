#include "gui/document.h"

#include <gtest/gtest.h>

#include <QDir>
#include <QFile>
#include <QSignalSpy>
#include <QTemporaryDir>
#include <QTest>

#include "gui/testing.h"

namespace tidemark::gui {
namespace {

constexpr int kPatienceMs = 60000;  // under a sanitizer on a busy machine

// Of the function's row in the diff; 0 without one.
int64_t deltaOf(const Reports& reports, const std::string& function) {
  if (!reports.diff || !reports.diff->ok()) return 0;
  for (const report::DiffRow& row : (*reports.diff)->rows) {
    if (row.function == function) return row.delta_flat;
  }
  return 0;
}

class DocumentTest : public testing::Test {
 protected:
  QString write(const QString& name, int timeSeconds, int64_t cacheBytes) {
    return writeTestProfile(m_dir.path(), name,
                            *makeTestProfile({{{"Cache::insert", "serve", "main"}, cacheBytes},
                                              {{"Pool::take", "serve", "main"}, 1 << 20}},
                                             timeSeconds));
  }
  QString writeBytes(const QString& name, const QByteArray& bytes) {
    const QString path = m_dir.filePath(name);
    QFile file(path);
    EXPECT_TRUE(file.open(QIODevice::WriteOnly));
    file.write(bytes);
    return path;
  }
  void waitUntilIdle() {
    ASSERT_TRUE(QTest::qWaitFor([&] { return !m_document.isBusy(); }, kPatienceMs));
  }

  QTemporaryDir m_dir;
  Document m_document;
};

TEST_F(DocumentTest, OpensASeriesInTheOrderOfItsTimes) {
  const QString later = write("later.pb.gz", 20, 8 << 20);
  const QString first = write("first.pb.gz", 10, 4 << 20);
  QSignalSpy opened(&m_document, &Document::seriesChanged);
  m_document.open({{later, first}, QString()});
  EXPECT_EQ(m_document.state(), Document::State::Loading);
  waitUntilIdle();
  ASSERT_EQ(m_document.error().toStdString(), "");
  EXPECT_EQ(opened.count(), 1);
  EXPECT_EQ(m_document.state(), Document::State::Ready);
  const auto series = m_document.series();
  ASSERT_EQ(series->snapshots.size(), 2u);
  EXPECT_EQ(series->snapshots[0].path, first);
  EXPECT_EQ(series->snapshots[1].path, later);
  EXPECT_EQ(series->baseIndex, 0);
  EXPECT_TRUE(series->ranking.ok());
  const auto reports = m_document.reports();
  ASSERT_TRUE(reports->flame.ok());
  EXPECT_EQ(reports->flame->nodes[0].value, 9 << 20);
  EXPECT_EQ(reports->flame->nodes[0].base_value, 5 << 20);
  ASSERT_TRUE(reports->diff && reports->diff->ok());
  EXPECT_EQ(deltaOf(*reports, "Cache::insert"), 4 << 20);
}

TEST_F(DocumentTest, ANamedBaseIsTheBaseWhateverItsTime) {
  const QString a = write("a.pb.gz", 10, 4 << 20);
  const QString b = write("b.pb.gz", 20, 8 << 20);
  m_document.open({{a}, b});
  waitUntilIdle();
  ASSERT_EQ(m_document.error().toStdString(), "");
  EXPECT_EQ(m_document.series()->baseIndex, 1);
  EXPECT_EQ(m_document.options().snapshot, 0);
  for (const DiffRows rows : {DiffRows::Sites, DiffRows::Functions}) {
    ViewOptions options = m_document.options();
    options.diffRows = rows;
    m_document.setOptions(options);
    waitUntilIdle();
    EXPECT_EQ(deltaOf(*m_document.reports(), "Cache::insert"), -(4 << 20));
  }
}

TEST_F(DocumentTest, OneSnapshotHasNoDiff) {
  m_document.open({{write("a.pb.gz", 10, 4 << 20)}, QString()});
  waitUntilIdle();
  EXPECT_EQ(m_document.series()->baseIndex, -1);
  EXPECT_FALSE(m_document.reports()->diff.has_value());
}

TEST_F(DocumentTest, ADirectoryStandsForItsProfiles) {
  write("a.pb.gz", 10, 4 << 20);
  write("b.pb.gz", 20, 4 << 20);
  writeBytes("notes.txt", "not a profile");
  m_document.open({{m_dir.path()}, QString()});
  waitUntilIdle();
  ASSERT_EQ(m_document.error().toStdString(), "");
  EXPECT_EQ(m_document.series()->snapshots.size(), 2u);

  QTemporaryDir empty;
  m_document.open({{empty.path()}, QString()});
  waitUntilIdle();
  EXPECT_TRUE(m_document.error().contains(QStringLiteral("no profiles")));
}

TEST_F(DocumentTest, BadInputIsOneLineThatNamesTheFile) {
  QByteArray good;
  {
    QFile file(write("good.pb.gz", 10, 4 << 20));
    ASSERT_TRUE(file.open(QIODevice::ReadOnly));
    good = file.readAll();
  }
  const QStringList bad = {
      writeBytes("truncated.pb.gz", good.left(good.size() / 2)), writeBytes("empty.pb.gz", ""),
      writeBytes("noise.pb.gz", QByteArray::fromHex("1f8b0800") + "and then nothing of use"),
      writeBytes("text.pb", "hello\n"), m_dir.filePath(QStringLiteral("missing.pb.gz"))};
  for (const QString& path : bad) {
    QSignalSpy failed(&m_document, &Document::failed);
    m_document.open({{path}, QString()});
    waitUntilIdle();
    EXPECT_EQ(failed.count(), 1) << path.toStdString();
    const QString error = m_document.error();
    EXPECT_TRUE(error.startsWith(QStringLiteral("tidemark: "))) << error.toStdString();
    EXPECT_TRUE(error.contains(QFileInfo(path).fileName())) << error.toStdString();
    EXPECT_FALSE(error.contains(QLatin1Char('\n'))) << error.toStdString();
    EXPECT_EQ(m_document.state(), Document::State::Empty);
  }
}

TEST_F(DocumentTest, AFailureKeepsWhatWasOpen) {
  m_document.open({{write("a.pb.gz", 10, 4 << 20)}, QString()});
  waitUntilIdle();
  const auto before = m_document.series();
  m_document.open({{writeBytes("bad.pb", "x")}, QString()});
  waitUntilIdle();
  EXPECT_FALSE(m_document.error().isEmpty());
  EXPECT_EQ(m_document.series(), before);
  EXPECT_EQ(m_document.state(), Document::State::Ready);
}

TEST_F(DocumentTest, ACancelledLoadChangesNothing) {
  QSignalSpy opened(&m_document, &Document::seriesChanged);
  QSignalSpy failed(&m_document, &Document::failed);
  m_document.open({{write("a.pb.gz", 10, 4 << 20)}, QString()});
  m_document.cancel();
  EXPECT_FALSE(m_document.isBusy());
  EXPECT_EQ(m_document.state(), Document::State::Empty);
  QTest::qWait(200);
  EXPECT_EQ(opened.count(), 0);
  EXPECT_EQ(failed.count(), 0);
}

TEST_F(DocumentTest, OpeningAnotherFileCancelsTheFirst) {
  const QString a = write("a.pb.gz", 10, 4 << 20);
  const QString b = write("b.pb.gz", 20, 8 << 20);
  QSignalSpy opened(&m_document, &Document::seriesChanged);
  m_document.open({{a}, QString()});
  m_document.open({{b}, QString()});
  waitUntilIdle();
  QTest::qWait(100);
  EXPECT_EQ(opened.count(), 1);
  EXPECT_EQ(m_document.series()->snapshots[0].path, b);
}

TEST_F(DocumentTest, DestroyedWhileLoading) {
  const QString a = write("a.pb.gz", 10, 4 << 20);
  for (int i = 0; i < 5; ++i) {
    Document document;
    document.open({{a}, QString()});
  }
  QCoreApplication::processEvents();
}

TEST_F(DocumentTest, ACancelledJobIsRefusedByTheLoader) {
  JobProgress job;
  job.progress.cancelled = true;
  const auto result = loadSeries({{write("a.pb.gz", 10, 4 << 20)}, QString()}, job);
  EXPECT_EQ(result.status().code(), absl::StatusCode::kCancelled);
}

TEST_F(DocumentTest, OptionsRecomputeTheReports) {
  m_document.open({{write("a.pb.gz", 10, 4 << 20), write("b.pb.gz", 20, 8 << 20)}, QString()});
  waitUntilIdle();
  QSignalSpy changed(&m_document, &Document::reportsChanged);
  ViewOptions options = m_document.options();
  options.inverted = true;
  options.base = -1;
  options.focus = "Cache";
  m_document.setOptions(options);
  waitUntilIdle();
  EXPECT_EQ(changed.count(), 1);
  const auto reports = m_document.reports();
  EXPECT_FALSE(reports->diff.has_value());
  ASSERT_TRUE(reports->flame.ok());
  EXPECT_EQ(reports->flame->nodes[0].value, 8 << 20);
  const report::FlameNode& leaf = reports->flame->nodes[reports->flame->nodes[0].first_child];
  EXPECT_EQ(reports->flame->names[leaf.name], "Cache::insert");

  options.focus = "(";
  m_document.setOptions(options);
  waitUntilIdle();
  EXPECT_EQ(m_document.reports()->flame.status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace tidemark::gui
