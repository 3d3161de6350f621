#include "gui/testing.h"

#include <QDir>
#include <QFile>
#include <stdexcept>

#include "analyzer/io/pprof_export.h"
#include "analyzer/model/profile_builder.h"

namespace tidemark::gui {

std::shared_ptr<const Profile> makeTestProfile(const std::vector<TestRow>& rows, int timeSeconds,
                                               const std::vector<std::string>& comments) {
  ProfileBuilder b;
  const StringId count = b.AddString("count");
  const StringId bytes = b.AddString("bytes");
  b.SetSampleTypes({{b.AddString("alloc_objects"), count},
                    {b.AddString("alloc_space"), bytes},
                    {b.AddString("inuse_objects"), count},
                    {b.AddString("inuse_space"), bytes}});
  b.SetDefaultSampleType(b.AddString("inuse_space"));
  b.SetPeriod({b.AddString("space"), bytes}, 524288);
  b.SetTime(int64_t{1700000000000000000} + timeSeconds * int64_t{1000000000},
            timeSeconds * int64_t{1000000000});
  Mapping mapping;
  mapping.start = 0x1000;
  mapping.limit = 0x100000;
  mapping.file = b.AddString("/usr/bin/demo");
  mapping.has_functions = true;
  mapping.has_filenames = true;
  mapping.has_line_numbers = true;
  const MappingId mappingId = b.AddMapping(mapping);
  uint64_t address = 0x2000;
  for (const TestRow& row : rows) {
    std::vector<LocationId> stack;
    for (const std::string& name : row.stack) {
      Function function;
      function.name = b.AddString(name);
      function.system_name = function.name;
      function.filename = b.AddString("/src/demo.cc");
      const Line line{b.AddFunction(function), static_cast<int64_t>(name.size())};
      stack.push_back(b.AddLocation(address += 16, mappingId, false, {line}));
    }
    const int64_t objects = row.liveBytes / 64;
    b.AddSample(b.AddStack(stack), b.AddLabels({}),
                {objects, row.liveBytes, objects, row.liveBytes});
  }
  for (const std::string& comment : comments) b.AddComment(b.AddString(comment));
  auto profile = b.Build();
  if (!profile.ok()) throw std::runtime_error(std::string(profile.status().message()));
  return *profile;
}

QString writeTestProfile(const QString& directory, const QString& name, const Profile& profile) {
  const QString path = QDir(directory).filePath(name);
  const absl::Status status =
      io::WriteFileAtomically(path.toStdString(), io::ToPprof(profile, io::Compression::kGzip));
  if (!status.ok()) throw std::runtime_error(std::string(status.message()));
  return path;
}

leaks::Finding makeTestFinding(int rank, leaks::Verdict verdict, const std::string& function,
                               int64_t liveBytes) {
  leaks::Finding finding;
  finding.rank = rank;
  finding.verdict = verdict;
  finding.reason = "because of " + function;
  finding.site.function = function;
  finding.site.file = "/src/demo.cc";
  finding.site.line = rank * 10;
  finding.live_bytes = liveBytes;
  finding.live_ci = leaks::Interval{liveBytes * 0.5, liveBytes * 1.5};
  finding.live_objects = liveBytes / 64;
  finding.samples = liveBytes / 1024;
  finding.stack = {finding.site};
  report::Frame caller;
  caller.function = "main";
  finding.stack.push_back(caller);
  return finding;
}

std::shared_ptr<const Series> makeTestSeries(std::vector<leaks::Finding> findings) {
  auto series = std::make_shared<Series>();
  leaks::Ranking ranking;
  for (const leaks::Finding& finding : findings) ranking.total_live_bytes += finding.live_bytes;
  ranking.findings = std::move(findings);
  series->ranking = std::move(ranking);
  const auto profile = makeTestProfile({{{"leaf", "main"}, 4096}}, 1);
  for (const char* path : {"a.pb.gz", "b.pb.gz", "c.pb.gz"}) {
    series->snapshots.push_back({QString::fromUtf8(path), profile, Summary()});
  }
  return series;
}

QString tableText(const QAbstractItemModel& model) {
  QStringList lines;
  for (int row = 0; row < model.rowCount(); ++row) {
    QStringList cells;
    for (int column = 0; column < model.columnCount(); ++column) {
      cells << model.index(row, column).data().toString();
    }
    lines << cells.join(QLatin1Char('|'));
  }
  return lines.join(QLatin1Char('\n'));
}

QString columnText(const QAbstractItemModel& model, int column) {
  QStringList cells;
  for (int row = 0; row < model.rowCount(); ++row)
    cells << model.index(row, column).data().toString();
  return cells.join(QLatin1Char(' '));
}

}  // namespace tidemark::gui
