// The one open thing: a series of snapshots, oldest first, what they rank to, and the
// reports of the chosen snapshot against the chosen base.
//
// Thread class: every member on the GUI thread. Files are read and reports computed on
// a pool of the document's own; results arrive by queued call, and a result whose job
// was superseded or cancelled is dropped. Series and Reports never change once shown.

#ifndef TIDEMARK_GUI_DOCUMENT_H_
#define TIDEMARK_GUI_DOCUMENT_H_

#include <QObject>
#include <QRegularExpression>
#include <QString>
#include <QStringList>
#include <QThreadPool>
#include <QTimer>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "analyzer/base/progress.h"
#include "analyzer/escape/path_graph.h"
#include "analyzer/leaks/ranking.h"
#include "analyzer/model/profile.h"
#include "analyzer/report/diff.h"
#include "analyzer/report/flame.h"
#include "gui/summary.h"

namespace tidemark::gui {

struct OpenRequest {
  QStringList paths;  // files, or directories standing for the profiles in them
  QString base;       // empty: the oldest of several files is the base
  friend bool operator==(const OpenRequest&, const OpenRequest&) = default;
};

struct Snapshot {
  QString path;
  std::shared_ptr<const Profile> profile;  // symbolized and classified
  Summary summary;
};

struct Series {
  std::vector<Snapshot> snapshots;  // oldest first, at least one
  int baseIndex = -1;               // into snapshots; -1: nothing to compare with
  absl::StatusOr<leaks::Ranking> ranking = leaks::Ranking();  // an error for profiles of CPU time
  QStringList warnings;                                       // one line each
  size_t newest() const { return snapshots.size() - 1; }
};

// What the diff has a row for. Sites are compared by live bytes, whatever the sample type.
enum class DiffRows { Sites, Functions, Lines, Files };

// What the reports show. Indices are into Series::snapshots.
struct ViewOptions {
  int snapshot = 0;
  int base = -1;           // -1: none
  std::string sampleType;  // empty: the profile's default
  std::string focus;       // a regular expression; empty: everything
  bool inverted = false;   // flame graph merged from the leaf
  // In the flame graph and the diff, the frames of a container's library instead of the
  // container as one frame.
  bool containerFrames = false;
  DiffRows diffRows = DiffRows::Sites;
  friend bool operator==(const ViewOptions&, const ViewOptions&) = default;
};

struct Reports {
  ViewOptions options;
  absl::StatusOr<report::FlameTree> flame = report::FlameTree();
  std::optional<absl::StatusOr<report::DiffReport>> diff;  // absent without a base
  absl::StatusOr<std::vector<escape::EscapeSite>> escapes = std::vector<escape::EscapeSite>();
};

// What a running job reports to the thread that watches. Any thread.
struct JobProgress {
  Progress progress;                   // of the current step
  std::atomic<int> file{0};            // index of the file being read
  std::atomic<int> files{0};           // how many there are
  std::atomic<bool> analysing{false};  // files are read; reports are being computed
};

// Whether the site, or a frame of its heaviest stack, has a function, file or module that
// matches.
bool matchesFocus(const leaks::Finding& finding, const QRegularExpression& focus);

// Reads, symbolizes, classifies and ranks. Errors: io::OpenFile's; kCancelled.
absl::StatusOr<std::shared_ptr<const Series>> loadSeries(const OpenRequest& request,
                                                         JobProgress& job);
// REQUIRES: the options' indices are inside the series.
Reports makeReports(const Series& series, const ViewOptions& options, JobProgress& job);

class Document : public QObject {
  Q_OBJECT
 public:
  enum class State { Empty, Loading, Ready };

  explicit Document(QObject* parent = nullptr);
  ~Document() override;  // cancels and waits

  // Replaces what is open once it is read; a load under way is cancelled.
  void open(const OpenRequest& request);
  // Back to what was shown before.
  void cancel();
  // Recomputes the reports. Ignored while nothing is open.
  void setOptions(const ViewOptions& options);

  State state() const;
  // Of the last open(); empty when it succeeded, was cancelled or still runs.
  const QString& error() const { return m_error; }
  const OpenRequest& request() const { return m_request; }              // of what is shown
  std::shared_ptr<const Series> series() const { return m_series; }     // null when Empty
  std::shared_ptr<const Reports> reports() const { return m_reports; }  // null when Empty
  const ViewOptions& options() const { return m_options; }
  bool isBusy() const { return m_job != nullptr; }

 Q_SIGNALS:
  void busyChanged();
  // percent -1: not known.
  void progressChanged(const QString& what, int percent);
  void seriesChanged();
  void reportsChanged();
  void failed(const QString& message);

 private:
  struct Job;
  void start(std::shared_ptr<Job> job);
  void finish(const std::shared_ptr<Job>& job);
  void dropJob();
  void pollProgress();

  QThreadPool m_pool;
  QTimer m_poll;
  std::shared_ptr<Job> m_job;  // the one whose result is awaited
  OpenRequest m_request;
  ViewOptions m_options;
  std::shared_ptr<const Series> m_series;
  std::shared_ptr<const Reports> m_reports;
  QString m_error;
};

}  // namespace tidemark::gui

#endif  // TIDEMARK_GUI_DOCUMENT_H_
