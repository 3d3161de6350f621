#include "gui/leaksmodel.h"

#include <gtest/gtest.h>

#include <QAbstractItemModelTester>

#include "gui/testing.h"

namespace tidemark::gui {
namespace {

using leaks::Verdict;

std::shared_ptr<const Series> threeFindings() {
  std::vector<leaks::Finding> findings = {
      makeTestFinding(1, Verdict::kLeak, "Cache::insert(int)", 3 << 20),
      makeTestFinding(2, Verdict::kSuspect, "Log::append", 9 << 20),
      makeTestFinding(3, Verdict::kShrinking, "Pool::take", 1 << 10)};
  findings[0].container =
      Container{ContainerKind::kMap, "std::map<int, Session>", "Session",
                Operation::kInsert,  Evidence::kMeasured,      "map<int, Session>"};
  findings[0].slope_bytes_per_hour = 2.0 * (1 << 20);
  findings[0].slope_ci = leaks::Interval{1 << 20, 3 << 20};
  findings[0].series = {1 << 20, 2 << 20, 3 << 20};
  findings[2].delta_bytes = -4096;
  return makeTestSeries(findings);
}

TEST(LeaksModel, ShowsFindingsAsText) {
  LeaksModel model;
  QAbstractItemModelTester tester(&model, QAbstractItemModelTester::FailureReportingMode::Fatal);
  model.setSeries(threeFindings());
  EXPECT_EQ(tableText(model).toStdString(),
            "1|leak|Cache::insert|map<int, Session>|3.00 MB|+34.1 kB/min|3,072|\n"
            "2|suspect|Log::append||9.00 MB||9,216|\n"
            "3|shrinking|Pool::take||1.00 kB|−4.00 kB|1|");
  model.setSeries(nullptr);
  EXPECT_EQ(model.rowCount(), 0);
}

TEST(LeaksModel, SlowRatesArePerHour) {
  leaks::Finding slow = makeTestFinding(1, Verdict::kLeak, "Log::append", 1 << 20);
  slow.slope_bytes_per_hour = 30 * 1024;
  leaks::Finding fast = slow;
  fast.slope_bytes_per_hour = 60 * 1024;
  LeaksModel model;
  model.setSeries(makeTestSeries({slow}));
  EXPECT_EQ(columnText(model, LeaksModel::Growth).toStdString(), "+30.0 kB/h");
  model.setSeries(makeTestSeries({slow, fast}));  // one unit for the column
  EXPECT_EQ(columnText(model, LeaksModel::Growth).toStdString(), "+512 B/min +1.00 kB/min");
}

TEST(LeaksModel, BarsShareTheColumnsScale) {
  LeaksModel model;
  model.setSeries(threeFindings());
  const QVariantList bar = model.index(0, LeaksModel::Live).data(LeaksModel::IntervalRole).toList();
  ASSERT_EQ(bar.size(), 4);
  EXPECT_EQ(bar[0].toDouble(), 3 << 20);
  EXPECT_EQ(bar[1].toDouble(), 1.5 * (1 << 20));
  EXPECT_EQ(bar[2].toDouble(), 4.5 * (1 << 20));
  EXPECT_EQ(bar[3].toDouble(), 13.5 * (1 << 20));  // the upper end of the largest
  EXPECT_FALSE(model.index(1, LeaksModel::Growth).data(LeaksModel::IntervalRole).isValid());
  EXPECT_EQ(model.index(0, LeaksModel::Trend).data(LeaksModel::SeriesRole).toList().size(), 3);
}

// What came in a step has no rate: a bar of its bytes would be beside bars of rates.
TEST(LeaksModel, BytesHaveNoBarBesideRates) {
  leaks::Finding step = makeTestFinding(1, Verdict::kSuspect, "Table::load", 8 << 20);
  step.delta_bytes = 8 << 20;
  step.delta_ci = leaks::Interval{7 << 20, 9 << 20};
  leaks::Finding slow = makeTestFinding(2, Verdict::kSuspect, "Log::append", 1 << 20);
  slow.slope_bytes_per_hour = 30 * 1024;
  const auto hasBar = [](const LeaksModel& model) {
    return model.index(0, LeaksModel::Growth).data(LeaksModel::IntervalRole).isValid();
  };
  LeaksModel model;
  model.setSeries(makeTestSeries({step, slow}));
  EXPECT_EQ(columnText(model, LeaksModel::Growth).toStdString(), "+8.00 MB +30.0 kB/h");
  EXPECT_FALSE(hasBar(model));
  model.setSeries(makeTestSeries({step}));
  EXPECT_TRUE(hasBar(model));
}

TEST(LeaksModel, ARankingThatFailedIsAnEmptyTable) {
  auto series = std::make_shared<Series>(*threeFindings());
  series->ranking = absl::InvalidArgumentError("no in-use sample type");
  LeaksModel model;
  model.setSeries(series);
  EXPECT_EQ(model.rowCount(), 0);
}

TEST(LeaksModel, CopiesARowInFull) {
  LeaksModel model;
  model.setSeries(threeFindings());
  EXPECT_EQ(model.rowText(0).toStdString(),
            "1\tleak\tCache::insert(int) /src/demo.cc:10\tmap<int, Session> std::map<int, "
            "Session>\t3.00 MB\t"
            "+34.1 kB/min\t3,072");
}

TEST(LeaksProxy, SortsByNumbersNotByText) {
  LeaksModel model;
  model.setSeries(threeFindings());
  LeaksProxy proxy;
  QAbstractItemModelTester tester(&proxy, QAbstractItemModelTester::FailureReportingMode::Fatal);
  proxy.setSourceModel(&model);
  proxy.sort(LeaksModel::Live, Qt::DescendingOrder);
  EXPECT_EQ(columnText(proxy, LeaksModel::Live).toStdString(), "9.00 MB 3.00 MB 1.00 kB");
  proxy.sort(LeaksModel::Growth, Qt::DescendingOrder);
  EXPECT_EQ(columnText(proxy, LeaksModel::Rank).toStdString(), "1 3 2");
  proxy.sort(LeaksModel::Verdict, Qt::AscendingOrder);
  EXPECT_EQ(columnText(proxy, LeaksModel::Verdict).toStdString(), "leak suspect shrinking");
}

TEST(LeaksProxy, FiltersBySiteAndStack) {
  LeaksModel model;
  model.setSeries(threeFindings());
  LeaksProxy proxy;
  proxy.setSourceModel(&model);
  proxy.setFocusPattern("Cache|Pool");
  EXPECT_EQ(columnText(proxy, LeaksModel::Rank).toStdString(), "1 3");
  proxy.setFocusPattern("^main$");  // every stack has it
  EXPECT_EQ(proxy.rowCount(), 3);
  proxy.setFocusPattern("nowhere");
  EXPECT_EQ(proxy.rowCount(), 0);
  proxy.setFocusPattern("(");  // does not compile
  EXPECT_EQ(proxy.rowCount(), 3);
}

}  // namespace
}  // namespace tidemark::gui
