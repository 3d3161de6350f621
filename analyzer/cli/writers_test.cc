// Text that must fit other programs: Go's layout, CSV, JSON in a page.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "analyzer/cli/csv_writer.h"
#include "analyzer/cli/flame_html.h"
#include "analyzer/cli/go_text.h"
#include "nlohmann/json.hpp"

namespace tidemark::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(GoText, PadsByCodePoints) {
  EXPECT_EQ(PadLeft("1kB", 6), "   1kB");
  EXPECT_EQ(PadLeft("läuft", 6), " läuft");
  EXPECT_EQ(PadLeft("\xff\xc0\xaf", 4), " \xff\xc0\xaf");  // no UTF-8: each byte is one
  EXPECT_EQ(PadLeft("longer than that", 4), "longer than that");
  EXPECT_EQ(FirstRunes("1µs2", 3), "1µs");
  EXPECT_EQ(RuneCount("\xf0\x9f\x8c\x8a\xed\xa0\x80"), 4u);  // a wave; a surrogate is none
}

TEST(GoText, Durations) {
  EXPECT_EQ(GoDuration(0), "0s");
  EXPECT_EQ(GoDuration(999), "999ns");
  EXPECT_EQ(GoDuration(1500), "1.5µs");
  EXPECT_EQ(GoDuration(250000000), "250ms");
  EXPECT_EQ(GoDuration(1000000001), "1.000000001s");
  EXPECT_EQ(GoDuration(90500000000), "1m30.5s");
  EXPECT_EQ(GoDuration(-3600000000000), "-1h0m0s");
  EXPECT_EQ(GoDuration(INT64_MIN), "-2562047h47m16.854775808s");
}

TEST(Csv, QuotesWhatNeedsIt) {
  Csv csv({"a", "b, c"});
  csv.Text("plain").Text("say \"x\"").EndRow();
  csv.Text("two\nlines").NumberOrEmpty(0).EndRow();
  csv.Text(" spaces ").Number(-7).EndRow();
  EXPECT_EQ(csv.Take(), "a,\"b, c\"\nplain,\"say \"\"x\"\"\"\n\"two\nlines\",\n\" spaces \",-7\n");
}

report::FlameTree TreeOf(const std::string& name, size_t children) {
  report::FlameTree tree;
  tree.sample_type = "space";
  tree.unit = "bytes";
  tree.names = {"", name};
  tree.nodes.resize(children + 1);
  tree.nodes[0].first_child = 1;
  tree.nodes[0].child_count = static_cast<uint32_t>(children);
  for (size_t i = children; i > 0; --i) {
    report::FlameNode& node = tree.nodes[i];
    node.name = 1;
    node.depth = 1;
    node.value = node.self = static_cast<int64_t>(children - i + 1);
    tree.nodes[0].value += node.value;
  }
  return tree;
}

std::string DataOf(const std::string& html) {
  const std::string begin = "<script type=\"application/json\" id=\"data\">";
  const size_t from = html.find(begin) + begin.size();
  return html.substr(from, html.find("</script>", from) - from);
}

TEST(FlameHtml, NamesAreDataAndNothingElse) {
  const std::string hostile =
      "</script><script>alert(1)</script><!--DATA--> & \" ' \\ \u2028 \u2029 \xff";
  FlamePage page;
  page.title = hostile;
  page.labels = {hostile};
  page.trees = {{.tree = TreeOf(hostile, 1)}};
  const std::string html = FlameHtml(page);
  EXPECT_THAT(html, Not(HasSubstr("<script>alert")));
  const std::string data = DataOf(html);
  EXPECT_THAT(data, Not(HasSubstr("\u2028")));
  EXPECT_THAT(data, Not(HasSubstr("<")));
  const auto json = nlohmann::json::parse(data);
  EXPECT_EQ(json["names"][1],
            "</script><script>alert(1)</script><!--DATA--> & \" ' \\ \u2028 "
            "\u2029 \ufffd");
  EXPECT_EQ(json["types"][0]["values"], (nlohmann::json{1, 1}));
}

TEST(FlameHtml, SmallFramesMakeRoom) {
  FlamePage page;
  page.trees = {{.tree = TreeOf("a function with a name", 50000)}};
  const size_t whole = FlameHtml(page).size();
  const std::string html = FlameHtml(page, whole / 3);
  EXPECT_LT(html.size(), whole / 2);
  const auto type = nlohmann::json::parse(DataOf(html))["types"][0];
  EXPECT_GT(type["omitted"], 0);
  EXPECT_EQ(type["total"], 50000ll * 50001 / 2);
  int64_t sum = 0;
  for (size_t i = 1; i < type["values"].size(); ++i) sum += type["values"][i].get<int64_t>();
  EXPECT_EQ(sum, type["total"]);  // nothing is lost: it is shown together
}

}  // namespace
}  // namespace tidemark::cli
