#include "gui/document.h"

#include <QDir>
#include <QFileInfo>
#include <algorithm>
#include <new>
#include <utility>

#include "analyzer/classify/classifier.h"
#include "analyzer/classify/fold.h"
#include "analyzer/io/open.h"
#include "analyzer/symbolize/symbolizer.h"
#include "gui/format.h"

namespace tidemark::gui {
namespace {

constexpr int kPollMs = 60;
// Sites with an escape path of their own; more are reached through the filter.
constexpr size_t kMaxEscapeSites = 200;

absl::Status checkCancelled(const JobProgress& job) {
  return job.progress.cancelled ? absl::CancelledError("cancelled") : absl::OkStatus();
}

std::string toStd(const QString& path) {
  const QByteArray bytes = QFile::encodeName(path);
  return std::string(bytes.constData(), static_cast<size_t>(bytes.size()));
}

// Directories become the profiles in them, by name.
absl::StatusOr<QStringList> expandDirectories(const QStringList& paths) {
  QStringList files;
  for (const QString& path : paths) {
    if (!QFileInfo(path).isDir()) {
      files << path;
      continue;
    }
    const QStringList patterns = {QStringLiteral("*.pb.gz"), QStringLiteral("*.pb"),
                                  QStringLiteral("*.heap"), QStringLiteral("*.pprof")};
    const QFileInfoList entries = QDir(path).entryInfoList(patterns, QDir::Files, QDir::Name);
    if (entries.empty()) {
      return absl::NotFoundError("no profiles (*.pb.gz, *.pb, *.heap) in the directory (" +
                                 toStd(path) + ")");
    }
    for (const QFileInfo& entry : entries) files << entry.filePath();
  }
  return files;
}

void addWarnings(const std::vector<std::string>& lines, QStringList& warnings) {
  for (const std::string& warning : lines) {
    const QString line = toQString(warning);
    if (!warnings.contains(line)) warnings << line;
  }
}

// Programs are looked for as for their symbols.
absl::StatusOr<std::shared_ptr<const Profile>> classifyWithPrograms(
    const std::shared_ptr<const Profile>& profile, const std::vector<std::string>& searchPath,
    QStringList& warnings) {
  std::vector<std::string> lines;
  classify::ClassifyOptions options;
  options.warnings = &lines;
  options.find_binary = [&](const Profile& of, MappingId mapping) {
    return symbolize::ModulePath(of, mapping, searchPath);
  };
  auto classified = classify::Classify(profile, options);
  addWarnings(lines, warnings);
  return classified;
}

absl::StatusOr<Snapshot> loadSnapshot(const QString& path, JobProgress& job,
                                      QStringList& warnings) {
  job.progress.done = 0;
  job.progress.total = 0;
  absl::StatusOr<std::shared_ptr<const Profile>> opened = io::OpenFile(toStd(path), &job.progress);
  if (!opened.ok()) return opened.status();

  symbolize::Options symbolizeOptions;
  symbolizeOptions.progress = &job.progress;
  absl::StatusOr<symbolize::Result> symbolized = symbolize::Symbolize(*opened, symbolizeOptions);
  if (!symbolized.ok()) return symbolized.status();
  addWarnings(symbolized->warnings, warnings);
  if (absl::Status status = checkCancelled(job); !status.ok()) return status;

  absl::StatusOr<std::shared_ptr<const Profile>> classified =
      classifyWithPrograms(symbolized->profile, symbolizeOptions.search_path, warnings);
  if (!classified.ok()) return classified.status();
  return Snapshot{path, *classified, summarize(**classified)};
}

absl::StatusOr<std::shared_ptr<const Series>> loadUnguarded(const OpenRequest& request,
                                                            JobProgress& job) {
  absl::StatusOr<QStringList> files = expandDirectories(request.paths);
  if (!files.ok()) return files.status();
  if (files->empty()) return absl::InvalidArgumentError("no file given");
  // Snapshots of unknown time keep this order: the base first, two files being FILE BASE.
  if (!request.base.isEmpty()) {
    files->removeAll(request.base);
    files->prepend(request.base);
  } else if (files->size() == 2) {
    files->swapItemsAt(0, 1);
  }

  auto series = std::make_shared<Series>();
  job.files = static_cast<int>(files->size());
  for (int i = 0; i < files->size(); ++i) {
    job.file = i;
    if (absl::Status status = checkCancelled(job); !status.ok()) return status;
    absl::StatusOr<Snapshot> snapshot = loadSnapshot(files->at(i), job, series->warnings);
    if (!snapshot.ok()) return snapshot.status();
    series->snapshots.push_back(*std::move(snapshot));
  }
  std::stable_sort(series->snapshots.begin(), series->snapshots.end(),
                   [&](const Snapshot& a, const Snapshot& b) {
                     return a.profile->time_ns() < b.profile->time_ns();
                   });

  std::vector<std::shared_ptr<const Profile>> profiles;
  for (size_t i = 0; i < series->snapshots.size(); ++i) {
    profiles.push_back(series->snapshots[i].profile);
    if (series->snapshots[i].path == request.base) series->baseIndex = static_cast<int>(i);
  }
  if (series->baseIndex < 0 && series->snapshots.size() > 1) series->baseIndex = 0;

  job.analysing = true;
  leaks::Options rankOptions;
  rankOptions.progress = &job.progress;
  series->ranking = leaks::Rank(profiles, rankOptions);
  if (absl::Status status = checkCancelled(job); !status.ok()) return status;
  return std::shared_ptr<const Series>(std::move(series));
}

// The snapshot that the reports show first: the newest one that is not the base.
ViewOptions initialOptions(const Series& series) {
  ViewOptions options;
  options.base = series.baseIndex;
  options.snapshot = static_cast<int>(series.newest());
  if (options.snapshot == options.base && options.snapshot > 0) --options.snapshot;
  return options;
}

report::Options withGranularity(report::Options reportOptions, const ViewOptions& options) {
  reportOptions.granularity = options.diffRows == DiffRows::Lines ? report::Granularity::kLines
                              : options.diffRows == DiffRows::Files
                                  ? report::Granularity::kFiles
                                  : report::Granularity::kFunctions;
  return reportOptions;
}

// The ranking of two snapshots knows each site's difference and how sure it is: functions
// do not, as in C++ nearly all memory is operator new's own.
absl::StatusOr<report::DiffReport> diffSites(const Series& series, const ViewOptions& options,
                                             JobProgress& job) {
  const auto& base = series.snapshots[static_cast<size_t>(options.base)].profile;
  const auto& profile = series.snapshots[static_cast<size_t>(options.snapshot)].profile;
  // Rank puts the older one first, which the base need not be.
  const bool forward = base->time_ns() <= profile->time_ns();
  const std::shared_ptr<const Profile> pair[] = {forward ? base : profile,
                                                 forward ? profile : base};
  leaks::Options rankOptions;
  rankOptions.progress = &job.progress;
  absl::StatusOr<leaks::Ranking> ranking = leaks::Rank(pair, rankOptions);
  if (!ranking.ok()) return ranking.status();
  const QRegularExpression focus(QString::fromStdString(options.focus));

  report::DiffReport diff;
  diff.sample_type = "inuse_space";
  diff.unit = "bytes";
  for (const leaks::Finding& finding : ranking->findings) {
    if (finding.series.size() != 2 || !matchesFocus(finding, focus)) continue;
    report::DiffRow row;
    row.function =
        finding.site.function.empty() ? report::ToString(finding.site) : finding.site.function;
    row.file = finding.site.file;
    row.line = finding.site.line;
    row.address = finding.site.address;
    row.base_flat = row.base_cum = finding.series[forward ? 0 : 1];
    row.flat = row.cum = finding.series[forward ? 1 : 0];
    row.delta_flat = row.delta_cum = row.flat - row.base_flat;
    if (finding.delta_ci) {
      const auto low = static_cast<int64_t>(finding.delta_ci->low);
      const auto high = static_cast<int64_t>(finding.delta_ci->high);
      row.delta_ci = forward ? std::pair(low, high) : std::pair(-high, -low);
    }
    diff.base_total += row.base_flat;
    diff.total += row.flat;
    diff.rows.push_back(std::move(row));
  }
  return diff;
}

// What the flame graph and the diff show, with containers as one frame each or as they are.
struct Shown {
  std::shared_ptr<const Profile> profile;
  std::shared_ptr<const Profile> base;  // null: none
};

absl::StatusOr<Shown> shownProfiles(const Series& series, const ViewOptions& options) {
  Shown shown;
  shown.profile = series.snapshots[static_cast<size_t>(options.snapshot)].profile;
  if (options.base >= 0) shown.base = series.snapshots[static_cast<size_t>(options.base)].profile;
  if (options.containerFrames) return shown;
  for (std::shared_ptr<const Profile>* one : {&shown.profile, &shown.base}) {
    if (*one == nullptr) continue;
    auto folded = classify::FoldContainers(*one, {.inferred = options.base < 0});
    if (!folded.ok()) return folded.status();
    *one = *std::move(folded);
  }
  return shown;
}

QString errorLine(const absl::Status& status) {
  QString message = toQString(status.message());
  if (message.isEmpty()) message = toQString(absl::StatusCodeToString(status.code()));
  const QString prefix = QStringLiteral("tidemark: ");
  return message.startsWith(prefix) ? message : prefix + message;
}

}  // namespace

bool matchesFocus(const leaks::Finding& finding, const QRegularExpression& focus) {
  // A pattern that does not compile is an error of the reports that share it.
  if (focus.pattern().isEmpty() || !focus.isValid()) return true;
  const auto matches = [&focus](const report::Frame& frame) {
    return focus.match(toQString(frame.function)).hasMatch() ||
           focus.match(toQString(frame.file)).hasMatch() ||
           focus.match(toQString(frame.module)).hasMatch();
  };
  return matches(finding.site) || std::any_of(finding.stack.begin(), finding.stack.end(), matches);
}

absl::StatusOr<std::shared_ptr<const Series>> loadSeries(const OpenRequest& request,
                                                         JobProgress& job) {
  // A hostile file may still ask for more memory than there is.
  try {
    return loadUnguarded(request, job);
  } catch (const std::bad_alloc&) {
    return absl::ResourceExhaustedError("not enough memory to open the profile");
  }
}

Reports makeReports(const Series& series, const ViewOptions& options, JobProgress& job) {
  job.analysing = true;
  Reports reports;
  reports.options = options;
  const Profile& profile = *series.snapshots[static_cast<size_t>(options.snapshot)].profile;
  const Profile* base = options.base < 0
                            ? nullptr
                            : series.snapshots[static_cast<size_t>(options.base)].profile.get();

  report::Options reportOptions;
  reportOptions.sample_index = options.sampleType;
  reportOptions.focus = options.focus;
  const absl::StatusOr<Shown> shown = shownProfiles(series, options);
  if (!shown.ok()) {
    reports.flame = shown.status();
    return reports;
  }
  reports.flame =
      report::Flame(*shown->profile, shown->base.get(), reportOptions, options.inverted);
  if (job.progress.cancelled) return reports;

  if (base != nullptr) {
    reports.diff =
        options.diffRows == DiffRows::Sites
            ? diffSites(series, options, job)
            : report::Diff(*shown->base, *shown->profile, withGranularity(reportOptions, options));
    if (job.progress.cancelled) return reports;
  }
  escape::Options escapeOptions;
  escapeOptions.limit = kMaxEscapeSites;
  escapeOptions.focus = options.focus;
  escapeOptions.base = base;
  reports.escapes = escape::FindEscapes(profile, escapeOptions);
  return reports;
}

struct Document::Job : JobProgress {
  // Inputs: a request to open, or new options for the series that is open.
  std::optional<OpenRequest> request;
  ViewOptions options;
  // Input or result.
  std::shared_ptr<const Series> series;
  // Results, written by the pool's thread before it queues finish().
  absl::Status status;
  std::shared_ptr<const Reports> reports;

  void run() {
    if (request) {
      absl::StatusOr<std::shared_ptr<const Series>> loaded = loadSeries(*request, *this);
      status = loaded.status();
      if (!status.ok()) return;
      series = *std::move(loaded);
      options = initialOptions(*series);
    }
    try {
      reports = std::make_shared<const Reports>(makeReports(*series, options, *this));
    } catch (const std::bad_alloc&) {
      status = absl::ResourceExhaustedError("not enough memory for the reports");
    }
  }
};

Document::Document(QObject* parent) : QObject(parent) {
  // One at work and one winding down after its cancellation.
  m_pool.setMaxThreadCount(2);
  m_poll.setInterval(kPollMs);
  connect(&m_poll, &QTimer::timeout, this, &Document::pollProgress);
}

Document::~Document() {
  if (m_job) m_job->progress.cancelled = true;
  m_pool.waitForDone();
}

Document::State Document::state() const {
  if (m_job && m_job->request) return State::Loading;
  return m_series ? State::Ready : State::Empty;
}

void Document::open(const OpenRequest& request) {
  auto job = std::make_shared<Job>();
  job->request = request;
  m_error.clear();
  start(std::move(job));
}

void Document::setOptions(const ViewOptions& options) {
  if (!m_series || (m_job && m_job->request)) return;
  if (options == m_options) return;
  const int count = static_cast<int>(m_series->snapshots.size());
  if (options.snapshot < 0 || options.snapshot >= count || options.base >= count) return;
  auto job = std::make_shared<Job>();
  job->series = m_series;
  job->options = options;
  m_options = options;
  start(std::move(job));
}

void Document::cancel() {
  if (!m_job) return;
  if (!m_job->request && m_reports) m_options = m_reports->options;
  dropJob();
  m_poll.stop();
  Q_EMIT busyChanged();
}

void Document::dropJob() {
  if (m_job) m_job->progress.cancelled = true;
  m_job.reset();
}

void Document::start(std::shared_ptr<Job> job) {
  dropJob();
  m_job = job;
  m_poll.start();
  Q_EMIT busyChanged();
  m_pool.start([this, job] {
    job->run();
    QMetaObject::invokeMethod(
        this, [this, job] { finish(job); }, Qt::QueuedConnection);
  });
}

void Document::finish(const std::shared_ptr<Job>& job) {
  if (job != m_job) return;  // superseded or cancelled
  m_job.reset();
  m_poll.stop();
  if (job->status.ok()) {
    m_reports = job->reports;
    m_options = job->options;
    if (job->request) {
      m_request = *job->request;
      m_series = job->series;
      Q_EMIT seriesChanged();
    }
    Q_EMIT reportsChanged();
  } else {
    m_error = errorLine(job->status);
    Q_EMIT failed(m_error);
  }
  Q_EMIT busyChanged();
}

void Document::pollProgress() {
  if (!m_job) return;
  if (m_job->analysing) {
    Q_EMIT progressChanged(tr("Analysing…"), -1);
    return;
  }
  const int file = m_job->file;
  const int files = std::max<int>(m_job->files, 1);
  const uint64_t total = m_job->progress.total;
  const uint64_t done = std::min<uint64_t>(m_job->progress.done, total);
  const double part = total == 0 ? 0 : static_cast<double>(done) / static_cast<double>(total);
  const int percent = files == 1 && total == 0 ? -1 : static_cast<int>((file + part) * 100 / files);
  const QString what =
      files > 1 ? tr("Reading snapshot %1 of %2…").arg(file + 1).arg(files) : tr("Reading…");
  Q_EMIT progressChanged(what, percent);
}

}  // namespace tidemark::gui
