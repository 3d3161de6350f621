#include "gui/summary.h"

#include <gtest/gtest.h>

#include "gui/summarybar.h"
#include "gui/testing.h"

namespace tidemark::gui {
namespace {

TEST(Summary, ReadsTheCommentsOfTheRecorder) {
  const auto profile = makeTestProfile(
      {{{"leaf"}, 1 << 20}}, 90,
      {"tidemark.pid=42", "tidemark.command_line=demo --x=1", "tidemark.rss_bytes=4194304",
       "tidemark.mode=sampled", "tidemark.truncated_samples=5", "tidemark.samples=1000",
       "tidemark.loss.live_full=7", "tidemark.loss.stack_truncated=5", "tidemark.loss.none=0",
       "tidemark.rate_bytes=many", "tidemark.nonsense", "another tool=1"});
  const Summary summary = summarize(*profile);
  EXPECT_EQ(summary.pid, 42);
  EXPECT_EQ(summary.commandLine.toStdString(), "demo --x=1");
  EXPECT_EQ(summary.rssBytes, 4194304);
  EXPECT_FALSE(summary.exact);
  EXPECT_EQ(summary.rateBytes, std::nullopt);
  ASSERT_EQ(summary.losses.size(), 2u);
  EXPECT_EQ(summary.losses[0].first.toStdString(), "live_full");
  EXPECT_EQ(summaryLosses(summary).join("; ").toStdString(),
            "lost: live full 7; truncated stacks: 5 (0.5 %)");
}

TEST(Summary, SaysHowSureTheEstimateIs) {
  // Two sites of 1 MB ± 50 % each: 2 MB ± sqrt(2)/2 of 1 MB.
  auto series = std::make_shared<Series>(
      *makeTestSeries({makeTestFinding(1, leaks::Verdict::kSuspect, "a", 1 << 20),
                       makeTestFinding(2, leaks::Verdict::kSuspect, "b", 1 << 20)}));
  const LiveEstimate estimate = estimateLive(*series->ranking);
  EXPECT_EQ(estimate.bytes, 2 << 20);
  ASSERT_TRUE(estimate.error.has_value());
  EXPECT_NEAR(*estimate.error, (1 << 20) * 0.70711, 10);

  series->snapshots.resize(1);
  series->snapshots[0].profile = makeTestProfile({{{"leaf"}, 2 << 20}}, 90);
  series->snapshots[0].summary.rssBytes = 4 << 20;
  EXPECT_EQ(summaryFacts(*series, 0).join("; ").toStdString(),
            "Live 2.00 MB ± 35 %; 50 % of RSS 4.00 MB; sampled every 512 kB; after 1 min 30 s");
}

TEST(Summary, IsShortForOtherToolsProfiles) {
  auto series = std::make_shared<Series>(*makeTestSeries({}));
  series->snapshots.resize(1);
  EXPECT_EQ(summaryFacts(*series, 0).join("; ").toStdString(),
            "Live 4.00 kB; sampled every 512 kB; after 1 s");
  EXPECT_TRUE(summaryLosses(series->snapshots[0].summary).isEmpty());
}

}  // namespace
}  // namespace tidemark::gui
