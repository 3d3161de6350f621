// What a profile says about itself beside its samples: the process, the memory the
// system saw, what the recorder lost. From `tidemark.KEY=VALUE` comments; profiles of
// other tools have none and most fields stay empty.
// Thread class: pure functions, any thread.

#ifndef TIDEMARK_GUI_SUMMARY_H_
#define TIDEMARK_GUI_SUMMARY_H_

#include <QString>
#include <optional>
#include <utility>
#include <vector>

#include "analyzer/leaks/ranking.h"
#include "analyzer/model/profile.h"

namespace tidemark::gui {

struct Summary {
  QString version;
  QString commandLine;
  QString reason;  // why the snapshot was made
  bool exact = false;
  std::optional<qint64> pid;
  std::optional<qint64> rateBytes;
  std::optional<qint64> samples;
  std::optional<qint64> liveSamples;
  std::optional<qint64> liveBytes;
  std::optional<qint64> truncatedSamples;
  std::optional<qint64> rssBytes;
  std::optional<qint64> anonymousBytes;
  std::vector<std::pair<QString, qint64>> losses;  // name, count > 0
};

Summary summarize(const Profile& profile);

// The estimate of all live bytes with its 95 % half width, adding up the findings'
// variances: sites are sampled independently. Without intervals the error is absent.
struct LiveEstimate {
  double bytes = 0;
  std::optional<double> error;
};
LiveEstimate estimateLive(const leaks::Ranking& ranking);

}  // namespace tidemark::gui

#endif  // TIDEMARK_GUI_SUMMARY_H_
