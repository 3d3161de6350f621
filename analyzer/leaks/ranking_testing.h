// What tests of the ranking share: a simulated process ranked, and its findings looked up.
//
// Thread class: one test, one thread.

#ifndef TIDEMARK_ANALYZER_LEAKS_RANKING_TESTING_H_
#define TIDEMARK_ANALYZER_LEAKS_RANKING_TESTING_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "analyzer/leaks/ranking.h"
#include "analyzer/leaks/simulated_process.h"
#include "gtest/gtest.h"

namespace tidemark::leaks {

inline constexpr double kKb = 1024;
inline constexpr double kMb = 1024 * 1024;

inline Container MapOf(const std::string& type) {
  return {ContainerKind::kMap, type, "", Operation::kInsert, Evidence::kMeasured};
}

inline Ranking RankAt(const SimulatedProcess& process, const std::vector<double>& times) {
  std::vector<std::shared_ptr<const Profile>> snapshots;
  for (double t : times) snapshots.push_back(process.SnapshotAt(t));
  auto ranking = Rank(snapshots, Options());
  EXPECT_TRUE(ranking.ok()) << ranking.status();
  return *std::move(ranking);
}

inline const Finding& Find(const Ranking& ranking, const std::string& function) {
  for (const Finding& finding : ranking.findings) {
    if (finding.site.function == function) return finding;
  }
  ADD_FAILURE() << "no finding for " << function;
  static const Finding none;
  return none;
}

inline std::string Describe(const Ranking& ranking) {
  std::string result;
  for (const Finding& f : ranking.findings) {
    result += std::to_string(f.rank) + " " + Name(f.verdict) + " " + f.site.function + ": " +
              f.reason + "\n";
  }
  return result;
}

}  // namespace tidemark::leaks

#endif  // TIDEMARK_ANALYZER_LEAKS_RANKING_TESTING_H_
