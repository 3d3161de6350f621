#include "analyzer/leaks/run.h"

#include "analyzer/leaks/simulated_process.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace tidemark::leaks {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// A process of `bytes` that began at `begin`, with its snapshots at `times` after that.
Snapshots Process(const std::string& id, int pid, double bytes, double begin,
                  std::vector<double> times) {
  SimulatedProcess process(1, 1);
  process.Allocate(process.AddSite("f"), bytes, 0.5);
  process.set_process_id(id);
  process.set_pid(pid);
  process.set_begin(begin);
  Snapshots result;
  for (double time : times) result.push_back(process.SnapshotAt(time));
  return result;
}

Snapshots operator+(Snapshots a, const Snapshots& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

int64_t Epoch(double seconds) {
  return SimulatedProcess::kEpoch + static_cast<int64_t>(seconds * 1e9);
}

TEST(Run, RestartKeepsTheNewestProcess) {
  const auto run =
      ChooseRun(Process("aa", 1, 100, 0, {5, 6, 7}) + Process("bb", 1, 10, 10, {5, 6}), {});
  ASSERT_TRUE(run.ok());
  EXPECT_EQ(run->snapshots.size(), 2u);
  EXPECT_THAT(run->notes,
              ElementsAre("3 snapshots are of another process (was it restarted?) and left out: "
                          "only the newest process counts",
                          "the process before has 3 snapshots: leaks --until 2023-11-14T22:13:27Z "
                          "judges it"));
}

TEST(Run, SinceAndUntilChooseTheProcessBefore) {
  const Snapshots all = Process("aa", 1, 100, 0, {5, 6, 7}) + Process("bb", 1, 10, 10, {5, 6});
  const auto before = ChooseRun(all, {.until_ns = Epoch(7)});
  ASSERT_TRUE(before.ok());
  EXPECT_EQ(before->snapshots.size(), 3u);
  EXPECT_THAT(before->notes, ElementsAre("2 snapshots are left out by --since, --until or --pid"));
  const auto part = ChooseRun(all, {.since_ns = Epoch(6), .until_ns = Epoch(7)});
  ASSERT_TRUE(part.ok());
  EXPECT_EQ(part->snapshots.size(), 2u);
  EXPECT_EQ(ChooseRun(all, {.since_ns = Epoch(100)}).status().message(),
            "none of the 5 snapshots is left by --since, --until and --pid");
}

// Go's profiles have no process ids: those of two services in one folder are told apart by their
// programs.
TEST(Run, ProgramsWithoutIdsAreNotMixed) {
  const auto service = [](const std::string& file, double bytes, double begin,
                          const std::vector<double>& times) {
    SimulatedProcess process(1, 1);
    process.set_plain(true);
    process.set_libraries({file});
    process.Allocate(process.AddSite("f"), bytes, 0.5);
    process.set_begin(begin);
    Snapshots result;
    for (double time : times) result.push_back(process.SnapshotAt(time));
    return result;
  };
  const Snapshots api = service("/usr/bin/api", 100, 0, {5, 6, 7, 8});
  const auto beside = ChooseRun(api + service("/usr/bin/proxy", 10, 0.5, {5, 6, 7, 8}), {});
  ASSERT_TRUE(beside.ok());
  EXPECT_EQ(beside->snapshots, api);
  EXPECT_THAT(beside->notes,
              ElementsAre("4 snapshots are of other processes that ran beside program "
                          "/usr/bin/api, which held most, and left out: give the files of another "
                          "alone"));
  // A new build that took over.
  const auto after = ChooseRun(api + service("/usr/bin/api2", 10, 20, {5, 6, 7}), {});
  ASSERT_TRUE(after.ok());
  EXPECT_EQ(after->snapshots.size(), 3u);
  EXPECT_THAT(after->notes, ElementsAre(HasSubstr("was it restarted?")));
}

// A shell that started the server ends last and is not what one wants to know of.
TEST(Run, OfProcessesSideBySideTheOneThatHeldMost) {
  const Snapshots all =
      Process("shell", 7, 10, 0, {20}) + Process("server", 8, 100, 1, {5, 10, 15});
  const auto run = ChooseRun(all, {});
  ASSERT_TRUE(run.ok());
  EXPECT_EQ(run->snapshots.size(), 3u);
  ASSERT_EQ(run->notes.size(), 1u);
  EXPECT_THAT(run->notes[0], HasSubstr("ran beside process 8, which held most"));
  const auto shell = ChooseRun(all, {.pid = 7});
  ASSERT_TRUE(shell.ok());
  EXPECT_EQ(shell->snapshots.size(), 1u);
  EXPECT_FALSE(ChooseRun(all, {.pid = 9}).ok());
}

TEST(Run, AFallingCounterIsARestart) {
  const auto run = ChooseRun(Process("", 0, 100, 0, {5}) + Process("", 0, 10, 10, {10}), {});
  ASSERT_TRUE(run.ok());
  EXPECT_EQ(run->snapshots.size(), 1u);
}

// The recorder restates what was allocated when it thins its live table.
TEST(Run, AFallingCounterOfOneProcessIsNone) {
  const auto run = ChooseRun(Process("a", 7, 100, 0, {5}) + Process("a", 7, 10, 0, {10}), {});
  ASSERT_TRUE(run.ok());
  EXPECT_EQ(run->snapshots.size(), 2u);
}

TEST(Run, ASnapshotGivenTwiceCountsOnce) {
  const Snapshots all = Process("", 0, 100, 0, {5, 10, 15});
  const auto run = ChooseRun(all + all, {});
  ASSERT_TRUE(run.ok());
  EXPECT_EQ(run->snapshots.size(), 3u);
  EXPECT_THAT(run->notes, ElementsAre(HasSubstr("3 snapshots are given twice")));
  // Two in one second, by a clock that knows no less, are not the same.
  EXPECT_EQ(ChooseRun(all + Process("", 0, 110, 0, {15}), {})->snapshots.size(), 4u);
}

TEST(Run, TeardownAtExitIsLeftOut) {
  SimulatedProcess process(1, 1);
  process.Allocate(process.AddSite("f"), 100, 1, 9);
  Snapshots snapshots = {process.SnapshotAt(4), process.SnapshotAt(8)};
  process.set_reason("exit");
  snapshots.push_back(process.SnapshotAt(10));
  const auto run = ChooseRun(snapshots, {});
  ASSERT_TRUE(run.ok());
  EXPECT_EQ(run->snapshots.size(), 2u);
  EXPECT_EQ(run->notes.size(), 1u);
  // Alone, it is all there is; with its heap intact it counts.
  EXPECT_EQ(ChooseRun(Snapshots{snapshots[2]}, {})->snapshots.size(), 1u);
  SimulatedProcess leaky(1, 1);
  leaky.Allocate(leaky.AddSite("f"), 100, 1);
  snapshots = {leaky.SnapshotAt(4)};
  leaky.set_reason("exit");
  snapshots.push_back(leaky.SnapshotAt(10));
  EXPECT_EQ(ChooseRun(snapshots, {})->snapshots.size(), 2u);
}

}  // namespace
}  // namespace tidemark::leaks
