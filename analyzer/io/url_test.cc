#include "analyzer/io/url.h"

#include <gtest/gtest.h>

namespace tidemark::io {
namespace {

std::string Text(absl::string_view source) {
  const std::optional<Url> url = ParseUrl(source);
  return url.has_value() ? ToText(*url) : "none";
}

TEST(ParseUrl, TakesWhatPprofTakes) {
  EXPECT_EQ(Text("http://host/a/b?debug=1"), "http://host/a/b?debug=1");
  EXPECT_EQ(Text("HTTP://host:80/x"), "http://host/x");
  EXPECT_EQ(Text("https://host:8443/x#part"), "https://host:8443/x");
  EXPECT_EQ(Text("https+insecure://host/x"), "https+insecure://host/x");
  EXPECT_EQ(Text("localhost:6060/debug/pprof/allocs"), "http://localhost:6060/debug/pprof/allocs");
  EXPECT_EQ(Text(":6060/x"), "http://localhost:6060/x");
  EXPECT_EQ(Text("127.0.0.1:6060"), "http://127.0.0.1:6060/debug/pprof/heap");
  EXPECT_EQ(Text("http://[::1]:6060/x"), "http://[::1]:6060/x");
  EXPECT_EQ(Text("http://host"), "http://host/debug/pprof/heap");
  EXPECT_EQ(Text("http://host/?seconds=5"), "http://host/debug/pprof/heap?seconds=5");
}

TEST(ParseUrl, LeavesTheRest) {
  for (const char* source :
       {"", "-", "file.pb.gz", "dir/file", "dir:name.pb", "a:b/c", "host:0/x", "host:70000/x",
        "ftp://host/x", "http://", "http:///x", "http://ho st/x", "http://[::1/x",
        "http://host:1:2/x", "perf.data:old"}) {
    EXPECT_EQ(Text(source), "none") << source;
  }
}

TEST(ParseUrl, EncodesWhatWouldEndTheRequest) {
  const auto url = ParseUrl("http://h/a b\r\nX: y?q=\"\x80");
  ASSERT_TRUE(url.has_value());
  EXPECT_EQ(url->target, "/a%20b%0D%0AX:%20y?q=%22%80");
}

TEST(ToText, TellsNoSecrets) {
  const auto url = ParseUrl("https://me:pa%40ss@host/x?token=abc&seconds=3&gc=1");
  ASSERT_TRUE(url.has_value());
  EXPECT_EQ(url->user_info, "me:pa@ss");
  EXPECT_EQ(ToText(*url), "https://host/x?token=…&seconds=3&gc=1");
  EXPECT_EQ(SourceName("ftp://me:pass@host/x"), "ftp://host/x");
  EXPECT_EQ(SourceName("a@b/c.pb"), "a@b/c.pb");
  EXPECT_EQ(SourceName("-"), "standard input");
}

TEST(SetSeconds, ReplacesWhatIsThere) {
  auto url = ParseUrl("http://h/x?seconds=5&debug=0");
  EXPECT_EQ(SecondsOf(*url), 5);
  SetSeconds(*url, 30);
  EXPECT_EQ(url->target, "/x?debug=0&seconds=30");
  EXPECT_EQ(SecondsOf(*url), 30);
  EXPECT_EQ(SecondsOf(*ParseUrl("http://h/x?seconds=abc")), 0);
}

TEST(Redirected, ResolvesAndKeepsCredentialsAtHome) {
  const Url from = *ParseUrl("https://me:pass@host/a/b?x=1");
  EXPECT_EQ(Redirected(from, "/c?y=2")->target, "/c?y=2");
  EXPECT_EQ(Redirected(from, "/c")->user_info, "me:pass");
  EXPECT_EQ(Redirected(from, "c")->target, "/a/c");
  EXPECT_EQ(Redirected(from, "https://host/d")->user_info, "me:pass");
  const auto away = Redirected(from, "//other/d");
  ASSERT_TRUE(away.has_value());
  EXPECT_EQ(ToText(*away), "https://other/d");
  EXPECT_EQ(away->user_info, "");
  EXPECT_FALSE(Redirected(from, "ftp://other/d").has_value());
  EXPECT_FALSE(Redirected(*ParseUrl("https+insecure://h/x"), "https://h/y")->verify);
}

}  // namespace
}  // namespace tidemark::io
