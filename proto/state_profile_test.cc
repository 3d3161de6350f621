#include "proto/state_profile.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "proto/profile.pb.h"
#include "proto/state_test_util.h"

namespace tidemark {
namespace {

using state::HandmadeState;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsSupersetOf;
using testing::Not;
using testing::StartsWith;
using testing::UnorderedElementsAre;

constexpr uint64_t kSecond = 1000000000;

std::string Write(const HandmadeState& state, const StateProfileInfo& info) {
  const std::string bytes = state.bytes();
  const std::unique_ptr<uint64_t[]> aligned(new uint64_t[bytes.size() / 8]);
  std::memcpy(aligned.get(), bytes.data(), bytes.size());
  const StateView view = OwnStateView(reinterpret_cast<const state::Header*>(aligned.get()));
  const uint64_t scratch_bytes = StateProfileScratchBytes(view);
  // Exactly as large as asked for, and dirty.
  const std::unique_ptr<uint64_t[]> scratch(new uint64_t[scratch_bytes / 8]);
  std::memset(scratch.get(), 0xa5, scratch_bytes);
  std::string out;
  EXPECT_TRUE(WriteStateProfile(view, info, {scratch.get(), scratch_bytes},
                                {[](void* to, const void* data, uint64_t n) {
                                   static_cast<std::string*>(to)->append(
                                       static_cast<const char*>(data), n);
                                   return true;
                                 },
                                 &out}));
  return out;
}

// The profile, with its rows as lines of text:
// "values | label=number unit, … | frames", frames as ADDRESS or FUNCTION, leaf first.
class Decoded {
 public:
  explicit Decoded(const HandmadeState& state,
                   StateProfileInfo info = {"exit", 90 * kSecond, 0, 0}) {
    EXPECT_TRUE(profile.ParseFromString(Write(state, info)));
    for (const auto& location : profile.location()) locations_[location.id()] = &location;
  }

  std::string Text(int64_t index) const {
    if (index < 0 || index >= profile.string_table_size()) {
      ADD_FAILURE() << "string " << index;
      return "";
    }
    return profile.string_table(static_cast<int>(index));
  }

  std::vector<std::string> Rows() const {
    std::vector<std::string> rows;
    for (const auto& sample : profile.sample()) {
      std::string row;
      for (const int64_t v : sample.value()) row += std::to_string(v) + " ";
      row += "|";
      for (const auto& label : sample.label()) {
        row += " " + Text(label.key()) + "=" +
               (label.str() != 0 ? Text(label.str())
                                 : std::to_string(label.num()) + " " + Text(label.num_unit()));
      }
      row += " |";
      for (const uint64_t id : sample.location_id()) row += " " + Frame(id);
      rows.push_back(row);
    }
    return rows;
  }

  std::vector<std::string> Comments() const {
    std::vector<std::string> comments;
    for (const int64_t c : profile.comment()) comments.push_back(Text(c));
    return comments;
  }

  pprof::Profile profile;

 private:
  std::string Frame(uint64_t id) const {
    const auto found = locations_.find(id);
    if (found == locations_.end()) return "no such location";
    const pprof::Location& location = *found->second;
    if (location.line_size() != 0) {
      for (const auto& function : profile.function()) {
        if (function.id() == location.line(0).function_id()) return Text(function.name());
      }
    }
    char text[32];
    std::snprintf(text, sizeof(text), "%llx", static_cast<unsigned long long>(location.address()));
    return text;
  }

  std::map<uint64_t, const pprof::Location*> locations_;
};

TEST(StateProfile, TypesInGosOrder) {
  const Decoded d{HandmadeState()};
  std::vector<std::string> types;
  for (const auto& type : d.profile.sample_type()) {
    types.push_back(d.Text(type.type()) + "/" + d.Text(type.unit()));
  }
  EXPECT_THAT(types, ElementsAre("alloc_objects/count", "alloc_space/bytes", "inuse_objects/count",
                                 "inuse_space/bytes", "peak_objects/count", "peak_space/bytes",
                                 "alloc_samples/count", "inuse_samples/count"));
  EXPECT_EQ(d.Text(d.profile.default_sample_type()), "inuse_space");
  EXPECT_EQ(d.Text(d.profile.period_type().type()), "space");
  EXPECT_EQ(d.Text(d.profile.period_type().unit()), "bytes");
  EXPECT_EQ(d.profile.period(), 524288);
  EXPECT_EQ(d.profile.duration_nanos(), static_cast<int64_t>(90 * kSecond));
  EXPECT_EQ(d.profile.time_nanos(), 1700000000000000000 + static_cast<int64_t>(90 * kSecond));
  EXPECT_EQ(d.Text(0), "");
  EXPECT_EQ(d.profile.sample_size(), 0);
}

TEST(StateProfile, RowsAddUpToTheSites) {
  HandmadeState state;
  const uint32_t leaf = AddStack(state);
  const uint32_t site = state.AddSite(leaf, 100);
  state.AddLive(0, site, 5000, 100, 10 * kSecond);
  state.AddLive(1, site, 5001, 100, 10 * kSecond + 1);  // same row
  state.AddLive(77, site, 5002, 100, 40 * kSecond);     // another time
  state.AddFreed(site, 1500, 2, 0, 20, 2000, 2);
  state.AddFreed(site, 1500, 2, state::kFreedByOtherThread, 10, 1000, 1);
  state.sites()[site].alloc_objects += 7;  // freed without evidence
  state.sites()[site].alloc_bytes += 700;
  state.sites()[site].alloc_samples += 1;
  state.totals().peak_epoch = 3;
  state.sites()[site].peak_epoch = 3;
  state.sites()[site].peak_objects = 20000;
  state.sites()[site].peak_bytes = 2000000;
  const std::string stack = "7f00000013ff 5555000012ff 5555000011ff 5555000010ff";
  EXPECT_THAT(
      Decoded(state).Rows(),
      UnorderedElementsAre(
          "10001 1000100 10001 1000100 0 0 2 2 | bytes=96 bytes allocated_at=10 seconds "
          "outlives=0 frames | " +
              stack,
          "5002 500200 5002 500200 0 0 1 1 | bytes=96 bytes allocated_at=40 seconds "
          "outlives=0 frames | " +
              stack,
          "20 2000 0 0 0 0 2 0 | bytes=96 bytes lifetime=1024 nanoseconds outlives=2 frames | " +
              stack,
          "10 1000 0 0 0 0 1 0 | bytes=96 bytes lifetime=1024 nanoseconds outlives=2 frames "
          "freed_by=other thread | " +
              stack,
          "7 700 0 0 20000 2000000 1 0 | bytes=96 bytes | " + stack));
}

TEST(StateProfile, PeakOfASiteThatDidNotChangeSinceIsWhatItHolds) {
  HandmadeState state;
  const uint32_t site = state.AddSite(AddStack(state), 16);
  state.AddLive(0, site, 10, 16, 0);
  state.AddFreed(site, 0, 0, 0, 4, 64, 1);
  state.totals().peak_epoch = 9;
  state.sites()[site].peak_epoch = 8;
  state.sites()[site].peak_objects = 1;
  state.sites()[site].peak_bytes = 16;
  EXPECT_THAT(Decoded(state).Rows(), Contains(StartsWith("0 0 0 0 10 160 0 0 | bytes=16 bytes |")));
}

TEST(StateProfile, FirstMappingIsTheProgram) {
  HandmadeState state;
  AddStack(state);
  const Decoded d(state);
  ASSERT_EQ(d.profile.mapping_size(), 2);
  const pprof::Mapping& program = d.profile.mapping(0);
  EXPECT_EQ(d.Text(program.filename()), "/usr/bin/target");
  EXPECT_EQ(program.memory_start(), 0x555500001000u);
  EXPECT_EQ(program.memory_limit(), 0x555500011000u);
  EXPECT_EQ(program.file_offset(), 0x1000u);
  EXPECT_EQ(d.Text(program.build_id()), "ab010f");
  EXPECT_FALSE(program.has_functions());
  EXPECT_EQ(d.Text(d.profile.mapping(1).filename()), "/usr/lib/libstdc++.so.6");
}

TEST(StateProfile, EqualAddressesAreOneLocationPerModule) {
  HandmadeState state;
  const uint32_t leaf = AddStack(state);
  // The same call from another caller, and the same address in a module loaded later.
  const uint32_t other = state.AddNode(state::kRootNode, 0x555500001500, 1);
  const uint32_t again = state.AddNode(other, 0x7f0000001400 | state::kPcRetired, 0);
  const uint32_t reloaded = state.AddModule("/usr/lib/plugin.so", 0x7f0000001000, 0x7f0000000000);
  const uint32_t later = state.AddNode(other, 0x7f0000001400, reloaded);
  for (const uint32_t stack : {leaf, again, later}) {
    state.AddLive(stack, state.AddSite(stack, 8), 1, 8, 0);
  }
  const Decoded d(state);
  std::multimap<uint64_t, uint64_t> mappings;
  for (const auto& location : d.profile.location()) {
    mappings.emplace(location.address(), location.mapping_id());
  }
  EXPECT_EQ(mappings.count(0x7f00000013ff), 2u);
  EXPECT_EQ(mappings.count(0x5555000014ff), 1u);
  EXPECT_EQ(d.profile.location_size(), 6);
}

TEST(StateProfile, CutStacksEndInATruncatedFrame) {
  HandmadeState state;
  const uint32_t cut = state.AddNode(state::kRootNode, state::kPcTruncated, state::kNoModule);
  const uint32_t jit = state.AddNode(cut, 0x9000, state::kNoModule);
  state.AddLive(0, state.AddSite(jit, 8), 1, 8, 0);
  state.AddLive(1, state.AddSite(state::kRootNode, 8), 1, 8, 0);
  const Decoded d(state);
  EXPECT_THAT(d.Rows(), UnorderedElementsAre(testing::EndsWith("| 8fff [truncated]"),
                                             testing::EndsWith("| [truncated]")));
  for (const auto& location : d.profile.location()) EXPECT_EQ(location.mapping_id(), 0u);
}

TEST(StateProfile, MappingsHaveAnInnermostFrameOfTheirOwn) {
  HandmadeState state;
  const uint32_t caller = state.AddNode(state::kRootNode, 0x9000, state::kNoModule);
  const uint32_t mapping = state.AddNode(caller, state::kPcMmap, state::kNoModule);
  state.AddLive(0, state.AddSite(mapping, 8), 1, 8, 0);
  state.AddLive(1, state.AddSite(caller, 8), 1, 8, 0);
  const Decoded d(state);
  EXPECT_THAT(d.Rows(),
              UnorderedElementsAre(testing::EndsWith("| mmap 8fff"), testing::EndsWith("| 8fff")));
}

TEST(StateProfile, OutlivesCountsFramesKnownToHaveReturned) {
  HandmadeState state;
  const uint32_t site = state.AddSite(AddStack(state), 8);
  state::Thread& thread = state.threads()[0];
  state.totals().thread_count = 1;
  thread.tid = 7;
  thread.event = 30;
  thread.depth = 6;
  const uint64_t activations[] = {1, 1, 5, 20, 20, 30};
  std::copy(std::begin(activations), std::end(activations), thread.activation);
  struct Case {
    uint64_t event;
    uint32_t depth;
    uint32_t outlives;
  };
  // Allocated at event 5 with 6 frames: the 3 outermost are as they were.
  const Case cases[] = {
      {5, 6, 3}, {4, 6, 4}, {30, 6, 0}, {20, 9, 4}, {31, 6, 0} /* from after the copy */,
      {1, 2, 0}};
  for (const Case& c : cases) {
    state::LiveEntry& e = state.AddLive(0, site, 1, 8, 0);
    e.thread = 0;
    e.activation = c.event;
    e.depth = c.depth;
    e.check = state::LiveCheck(e);
    EXPECT_THAT(Decoded(state).Rows(),
                Contains(HasSubstr("outlives=" + std::to_string(c.outlives) + " frames")))
        << c.event;
  }
  // All frames returned when the thread ended.
  state::LiveEntry& e = state.live()[0];
  e.activation = 5;
  e.depth = 6;
  e.check = state::LiveCheck(e);
  thread.depth = 0;
  EXPECT_THAT(Decoded(state).Rows(), Contains(HasSubstr("outlives=6 frames")));
  // Deeper than what is stored, and nothing stored has changed: unknown.
  thread.depth = state::kThreadFrames + 5;
  EXPECT_THAT(Decoded(state).Rows(), Contains(HasSubstr("outlives=0 frames")));
  // A thread in the middle of an event: unknown.
  thread.depth = 0;
  thread.sequence = 3;
  EXPECT_THAT(Decoded(state).Rows(), Contains(HasSubstr("outlives=0 frames")));
}

TEST(StateProfile, ReallocsAreALabelInPowersOfTwo) {
  HandmadeState state;
  const uint32_t site = state.AddSite(AddStack(state), 8);
  const uint32_t chains[] = {0, 1, 2, 3, 1000, 0xffffffff};
  for (uint32_t i = 0; i < std::size(chains); ++i) {
    state::LiveEntry& e = state.AddLive(i, site, 1, 8, 0);
    e.chain = chains[i];
    e.check = state::LiveCheck(e);
  }
  const auto row = [](const char* values, const char* label) {
    return std::string(values) + " | bytes=8 bytes allocated_at=0 seconds outlives=0 frames" +
           label + " | 7f00000013ff 5555000012ff 5555000011ff 5555000010ff";
  };
  EXPECT_THAT(
      Decoded(state).Rows(),
      UnorderedElementsAre(row("1 8 1 8 0 0 1 1", ""), row("1 8 1 8 0 0 1 1", " reallocs=1 count"),
                           row("2 16 2 16 0 0 2 2", " reallocs=2 count"),
                           row("1 8 1 8 0 0 1 1", " reallocs=512 count"),
                           row("1 8 1 8 0 0 1 1", " reallocs=2147483648 count")));
}

TEST(StateProfile, ThreadsAreALabelOnRequest) {
  HandmadeState state;
  const uint32_t site = state.AddSite(AddStack(state), 8);
  state.totals().thread_count = 3;
  const auto set_thread = [&](uint32_t slot, int32_t tid, const char* name, uint64_t event,
                              uint32_t claimed) {
    state::Thread& thread = state.threads()[slot];
    thread.tid = tid;
    std::strcpy(thread.name, name);
    thread.event = event;
    thread.claimed = claimed;
  };
  set_thread(0, 70, "worker", 9, 0);
  set_thread(1, 71, "worker", 0x100000005, 0xfffffffe);  // claimed at 0xfffffffe
  set_thread(2, 0, "gone", 4, 0);
  const auto add = [&](uint64_t at, uint32_t thread, uint64_t activation) {
    state::LiveEntry& e = state.AddLive(at, site, 1, 8, 0);
    e.thread = thread;
    e.activation = activation;
    e.depth = 0;
    e.check = state::LiveCheck(e);
  };
  add(0, 0, 1);
  add(1, 0, 9);
  add(2, 1, 0xffffffff);
  add(3, 1, 0xfffffffe);  // the slot's former thread
  add(4, 2, 4);
  add(5, state::kNoThread, 0);
  add(6, 3, 1);  // no such slot
  EXPECT_THAT(Decoded(state).Rows(), ElementsAre(StartsWith("7 56 7 56 ")));
  const Decoded d(state, {"exit", 0, 0, 0, true});
  std::vector<std::string> threads;
  for (const std::string& row : d.Rows()) {
    const size_t at = row.find("frames") + 6;
    threads.push_back(row.substr(0, row.find(' ')) + row.substr(at, row.find(" |", at) - at));
  }
  EXPECT_THAT(threads, UnorderedElementsAre("2 thread=worker/70", "1 thread=worker/71",
                                            "1 thread=(ended)", "1 thread=gone/ended", "2"));
}

TEST(StateProfile, TornEntriesAreNotRows) {
  HandmadeState state;
  const uint32_t site = state.AddSite(AddStack(state), 8);
  state.AddLive(0, site, 1, 8, 0).weight_bytes = 999999;  // check is stale
  state.AddLive(1, site, 2, 8, 0);
  const Decoded d(state);
  EXPECT_THAT(d.Rows(), Contains(StartsWith("2 16 2 16 ")));
  EXPECT_THAT(d.Rows(), Not(Contains(HasSubstr("999999"))));
  EXPECT_THAT(d.Comments(), Contains("tidemark.live_samples=1"));
}

TEST(StateProfile, Comments) {
  HandmadeState state;
  state.totals().peak_ns = 12345000000;
  state.totals().losses[state::kLossLiveFull] = 17;
  state.totals().losses[state::kLossStackTruncated] = 3;
  const Decoded d(state, {"after death", 1, 8192, 4096});
  EXPECT_THAT(
      d.Comments(),
      IsSupersetOf(
          {"tidemark.version=0.1.0", "tidemark.pid=4242", "tidemark.process_id=0123456789abcdef",
           "tidemark.executable=/usr/bin/target", "tidemark.reason=after death",
           "tidemark.rate_bytes=524288", "tidemark.mode=sampled", "tidemark.samples=0",
           "tidemark.live_samples=0", "tidemark.live_bytes=0", "tidemark.truncated_samples=3",
           "tidemark.rss_bytes=8192", "tidemark.anonymous_bytes=4096", "tidemark.rate_doublings=0",
           "tidemark.peak_time_seconds=12.345", "tidemark.loss.live_full=17"}));
  EXPECT_THAT(d.Comments(), Not(Contains(HasSubstr("loss.live_busy"))));
  EXPECT_THAT(d.Comments(), Not(Contains(HasSubstr("paused"))));
  EXPECT_THAT(Decoded(state, {"exit", 1, 0, 0, false, true}).Comments(),
              Contains("tidemark.paused=1"));
}

TEST(StateProfile, CommandLineIsQuotedAndOneLine) {
  HandmadeState state;
  const char arguments[] = "./target\0--n=1\0\0it's a\nline";
  std::memcpy(state.header().command_line, arguments, sizeof(arguments));
  EXPECT_THAT(Decoded(state).Comments(),
              Contains("tidemark.command_line=./target --n=1 '' 'it'\\''s a?line'"));
}

TEST(StateProfile, BytesThatAreNotUtf8DoNotSpoilTheFile) {
  HandmadeState state;
  state.AddModule("/tmp/\xff\xc3\xa9\xc3/\xed\xa0\x80/\xf4\x90\x80\x80", 0x1000, 0);
  const Decoded d(state);  // protobuf refuses strings that are not UTF-8
  ASSERT_EQ(d.profile.mapping_size(), 1);
  EXPECT_EQ(d.Text(d.profile.mapping(0).filename()),
            "/tmp/?\xc3\xa9?"
            "/???"
            "/????");
}

TEST(StateProfile, SaysWhenTheSinkRefuses) {
  HandmadeState state;
  const uint32_t site = state.AddSite(AddStack(state), 8);
  state.AddLive(0, site, 1, 8, 0);
  const StateView view = OwnStateView(&state.header());
  const uint64_t bytes = StateProfileScratchBytes(view);
  std::vector<uint64_t> scratch(bytes / 8);
  const Sink refuse = {[](void*, const void*, uint64_t) { return false; }, nullptr};
  EXPECT_FALSE(WriteStateProfile(view, {"exit", 0, 0, 0}, {scratch.data(), bytes}, refuse));
  EXPECT_FALSE(WriteStateProfile(view, {"exit", 0, 0, 0}, {scratch.data(), bytes - 1}, refuse));
}

TEST(StateProfile, CorruptIdsAreBounded) {
  HandmadeState state;
  const uint32_t leaf = AddStack(state);
  const uint32_t site = state.AddSite(leaf, 8);
  state.AddLive(0, site, 1, 8, 0);
  state::LiveEntry& stray = state.AddLive(1, site, 1, 8, 0);
  stray.site = 1000000;
  stray.check = state::LiveCheck(stray);
  state.AddFreed(site, 0, 0, 0, 1, 8, 1);
  state.freed()[0].site = 0xffffffff;
  state.freed()[0].lifetime_bucket = 255;
  state.nodes()[leaf].module = 77;
  state.nodes()[leaf].parent = leaf;  // a circle
  state.sites()[site].size_bucket = 0xffffffff;
  state.modules()[0].path_offset = 0xfffffff0;
  state.modules()[1].path_bytes = 0xffffffff;
  state.modules()[1].build_id_bytes = 0xffffffff;
  const Decoded d(state);
  EXPECT_THAT(d.Rows(), Contains(testing::EndsWith("| 7f00000013ff")));
}

TEST(StateProfile, DeepestStackFits) {
  HandmadeState state(state::kLiveShards * 4, 64, 1024);
  uint32_t node = state::kRootNode;
  for (uint32_t i = 0; i < state::kMaxFrames; ++i) {
    node = state.AddNode(node, 0x7f0000000000 + 16 * i, state::kNoModule);
  }
  state.AddLive(0, state.AddSite(node, 8), 0xffffffff, 1ull << 31, ~0ull >> 1);
  const Decoded d(state);
  ASSERT_EQ(d.profile.sample_size(), 1);
  EXPECT_EQ(d.profile.sample(0).location_id_size(), static_cast<int>(state::kMaxFrames));
}

}  // namespace
}  // namespace tidemark
