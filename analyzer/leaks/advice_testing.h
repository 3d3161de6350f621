// What tests of advice share: containers, a simulated process's snapshots, and what is advised of
// them.
//
// Thread class: one test, one thread.

#ifndef TIDEMARK_ANALYZER_LEAKS_ADVICE_TESTING_H_
#define TIDEMARK_ANALYZER_LEAKS_ADVICE_TESTING_H_

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "analyzer/leaks/advice.h"
#include "analyzer/leaks/ranking.h"
#include "analyzer/leaks/ranking_testing.h"
#include "analyzer/leaks/run.h"
#include "analyzer/leaks/simulated_process.h"
#include "gtest/gtest.h"

namespace tidemark::leaks {

inline constexpr const char* kHashNode =
    "std::__new_allocator<std::__detail::_Hash_node<std::pair<long const, long>, false> >"
    "::allocate(unsigned long, void const*)";
inline constexpr const char* kTreeNode =
    "std::__new_allocator<std::_Rb_tree_node<std::pair<int const, int> > >::allocate(unsigned "
    "long)";
inline constexpr const char* kListNode =
    "std::__new_allocator<std::_List_node<Job> >::allocate(unsigned long, void const*)";
inline constexpr const char* kRealloc = "void std::vector<int>::_M_realloc_insert<int>(int&&)";

inline Container Of(ContainerKind kind, std::string type, Operation operation,
                    std::string element = "") {
  return {kind, std::move(type), std::move(element), operation, Evidence::kMeasured};
}
inline Container HashMap(Operation operation) {
  return Of(ContainerKind::kMap, "std::unordered_map<long, long>", operation,
            "std::pair<const long, long>");
}
inline Container Ints(Operation operation) {
  return Of(ContainerKind::kSlice, "std::vector<int>", operation, "int");
}

inline Snapshots SnapshotsAt(const SimulatedProcess& process, const std::vector<double>& times_s) {
  Snapshots snapshots;
  for (double time_s : times_s) snapshots.push_back(process.SnapshotAt(time_s));
  return snapshots;
}

// What is advised about the site `function`; nothing also when it is no finding.
inline std::vector<Advice> AdviceOn(const std::string& function, const Snapshots& snapshots) {
  const auto ranking = Rank(snapshots, {});
  EXPECT_TRUE(ranking.ok()) << ranking.status();
  if (!ranking.ok()) return {};
  for (const Finding& finding : ranking->findings) {
    if (finding.site.function == function) return finding.advice;
  }
  return {};
}

inline std::vector<AdviceKind> Kinds(const std::vector<Advice>& all) {
  std::vector<AdviceKind> kinds;
  for (const Advice& advice : all) kinds.push_back(advice.kind);
  return kinds;
}

inline bool Has(AdviceKind kind, const std::vector<Advice>& all) {
  const std::vector<AdviceKind> kinds = Kinds(all);
  return std::find(kinds.begin(), kinds.end(), kind) != kinds.end();
}

// REQUIRES: there is one of that kind.
inline Advice Only(AdviceKind kind, const std::vector<Advice>& all) {
  for (const Advice& advice : all) {
    if (advice.kind == kind) return advice;
  }
  ADD_FAILURE() << "no advice " << Name(kind);
  return {};
}

inline double Number(const Advice& advice, const std::string& name) {
  for (const auto& [key, value] : advice.numbers) {
    if (key == name) return value;
  }
  ADD_FAILURE() << "no number " << name << " in " << advice.text;
  return 0;
}

inline const std::vector<double> kRun = {100, 200, 300, 400, 500};

}  // namespace tidemark::leaks

#endif  // TIDEMARK_ANALYZER_LEAKS_ADVICE_TESTING_H_
