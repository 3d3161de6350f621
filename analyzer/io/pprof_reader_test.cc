#include "analyzer/io/pprof_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <limits>
#include <string>

#include "analyzer/io/inflate.h"
#include "analyzer/io/open.h"
#include "analyzer/io/pprof_export.h"
#include "proto/profile.pb.h"

namespace tidemark::io {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// One sample (f called from g), ids as given.
pprof::Profile Small(uint64_t first_id = 1) {
  pprof::Profile p;
  for (const char* s : {"", "inuse_space", "bytes", "f", "g", "prog", "abcd", "key", "value"}) {
    p.add_string_table(s);
  }
  auto& type = *p.add_sample_type();
  type.set_type(1);
  type.set_unit(2);
  auto& mapping = *p.add_mapping();
  mapping.set_id(first_id);
  mapping.set_memory_start(0x1000);
  mapping.set_memory_limit(0x2000);
  mapping.set_filename(5);
  mapping.set_build_id(6);
  for (int i = 0; i < 2; ++i) {
    auto& function = *p.add_function();
    function.set_id(first_id + i);
    function.set_name(3 + i);
    auto& location = *p.add_location();
    location.set_id(first_id + i);
    location.set_mapping_id(first_id);
    location.set_address(0x1100 + i);
    auto& line = *location.add_line();
    line.set_function_id(first_id + i);
    line.set_line(10 + i);
  }
  auto& sample = *p.add_sample();
  sample.add_location_id(first_id);
  sample.add_location_id(first_id + 1);
  sample.add_value(4096);
  auto& label = *sample.add_label();
  label.set_key(7);
  label.set_str(8);
  return p;
}

absl::StatusOr<std::shared_ptr<const Profile>> Read(const pprof::Profile& p) {
  return ReadPprof(p.SerializeAsString(), "test", nullptr);
}

void ExpectSmall(const Profile& p) {
  ASSERT_EQ(p.sample_count(), 1u);
  EXPECT_THAT(p.values(0), ElementsAre(4096));
  const auto stack = p.stack(p.sample_stacks()[0]);
  ASSERT_EQ(stack.size(), 2u);
  EXPECT_EQ(p.location(stack[0]).address, 0x1100u);
  EXPECT_EQ(p.string(p.function(p.lines(stack[0])[0].function).name), "f");
  EXPECT_EQ(p.string(p.function(p.lines(stack[1])[0].function).name), "g");
  EXPECT_EQ(p.lines(stack[1])[0].line, 11);
  EXPECT_EQ(p.string(p.mapping(p.location(stack[0]).mapping).build_id), "abcd");
  ASSERT_EQ(p.labels(p.sample_labels()[0]).size(), 1u);
  EXPECT_EQ(p.string(p.labels(p.sample_labels()[0])[0].str), "value");
}

TEST(ReadPprof, ReadsWhatStands) {
  const auto p = Read(Small());
  ASSERT_TRUE(p.ok()) << p.status();
  ExpectSmall(**p);
}

TEST(ReadPprof, TakesAnyIds) {
  for (const uint64_t id : {uint64_t{5000}, uint64_t{1} << 32, uint64_t{1} << 63,
                            std::numeric_limits<uint64_t>::max() - 1}) {
    const auto p = Read(Small(id));
    ASSERT_TRUE(p.ok()) << p.status();
    ExpectSmall(**p);
  }
}

TEST(ReadPprof, TakesUnpackedNumbers) {
  // Fields 1 and 2 of the sample as separate varints, and strings last.
  pprof::Profile rest = Small();
  rest.clear_sample();
  const std::string sample("\x12\x0d\x08\x01\x08\x02\x10\x80\x20\x1a\x04\x08\x07\x10\x08", 15);
  const auto p = ReadPprof(sample + rest.SerializeAsString(), "test", nullptr);
  ASSERT_TRUE(p.ok()) << p.status();
  ExpectSmall(**p);
}

TEST(ReadPprof, KeepsNumbersAndUnits) {
  pprof::Profile from = Small();
  from.add_string_table("frames");
  auto& label = *from.mutable_sample(0)->add_label();
  label.set_key(7);
  label.set_num_unit(9);                            // number 0 with a unit is a label
  from.mutable_sample(0)->add_label()->set_key(7);  // neither: pprof loses it
  from.mutable_sample(0)->set_value(0, std::numeric_limits<int64_t>::min());
  const auto p = Read(from);
  ASSERT_TRUE(p.ok()) << p.status();
  const auto labels = (*p)->labels((*p)->sample_labels()[0]);
  ASSERT_EQ(labels.size(), 2u);
  EXPECT_EQ((*p)->string(labels[1].num_unit), "frames");
  EXPECT_EQ((*p)->values(0)[0], std::numeric_limits<int64_t>::min());
}

struct BadCase {
  const char* name;
  std::function<void(pprof::Profile&)> spoil;
  const char* message;
};

TEST(ReadPprof, RefusesWhatPprofRefuses) {
  const BadCase kCases[] = {
      {"first string", [](auto& p) { p.set_string_table(0, "x"); }, "string_table[0]"},
      {"no strings", [](auto& p) { p.clear_string_table(); }, "no string table"},
      {"string index", [](auto& p) { p.mutable_function(0)->set_name(99); }, "string 99"},
      {"negative string", [](auto& p) { p.mutable_mapping(0)->set_filename(-1); }, "string -1"},
      {"comment", [](auto& p) { p.add_comment(77); }, "string 77"},
      {"label", [](auto& p) { p.mutable_sample(0)->mutable_label(0)->set_key(50); }, "string 50"},
      {"location 0", [](auto& p) { p.mutable_location(0)->set_id(0); }, "reserved id 0"},
      {"function 0", [](auto& p) { p.mutable_function(0)->set_id(0); }, "reserved id 0"},
      {"mapping 0", [](auto& p) { p.mutable_mapping(0)->set_id(0); }, "reserved id 0"},
      {"same location", [](auto& p) { p.mutable_location(1)->set_id(1); }, "two locations"},
      {"same function", [](auto& p) { p.mutable_function(1)->set_id(1); }, "two functions"},
      {"same mapping", [](auto& p) { *p.add_mapping() = p.mapping(0); }, "two mappings"},
      {"dangling location", [](auto& p) { p.mutable_sample(0)->set_location_id(0, 9); },
       "location 9"},
      {"dangling function",
       [](auto& p) { p.mutable_location(0)->mutable_line(0)->set_function_id(9); }, "function 9"},
      {"too many values", [](auto& p) { p.mutable_sample(0)->add_value(1); }, "2 values"},
      {"no values", [](auto& p) { p.mutable_sample(0)->clear_value(); }, "0 values"},
      {"no types", [](auto& p) { p.clear_sample_type(); }, "no sample types"},
  };
  for (const BadCase& bad : kCases) {
    pprof::Profile p = Small();
    bad.spoil(p);
    const auto read = Read(p);
    EXPECT_EQ(read.status().code(), absl::StatusCode::kDataLoss) << bad.name;
    EXPECT_THAT(std::string(read.status().message()), HasSubstr(bad.message)) << bad.name;
    EXPECT_THAT(std::string(read.status().message()), HasSubstr("(where: test, byte offset "))
        << bad.name;
  }
}

TEST(ReadPprof, AMappingThatDoesNotExistIsUnknownAsInPprof) {
  pprof::Profile p = Small();
  p.mutable_location(0)->set_mapping_id(7);
  const auto read = Read(p);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_FALSE((*read)->locations()[0].mapping.valid());
}

TEST(ReadPprof, RefusesConcatenatedProfiles) {
  pprof::Profile p = Small();
  p.set_time_nanos(5);
  const std::string one = p.SerializeAsString();
  const auto read = ReadPprof(one + one, "test", nullptr);
  EXPECT_EQ(read.status().code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(read.status().message()), HasSubstr("several profiles"));
}

TEST(ReadPprof, NamesTheOffsetOfTheBadMessage) {
  std::string bytes = Small().SerializeAsString();
  const size_t end = bytes.size();
  bytes += std::string("\x12\x0c\x0a\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 14);
  const auto read = ReadPprof(bytes, "test", nullptr);
  EXPECT_THAT(std::string(read.status().message()),
              HasSubstr("longer than 64 bits (where: test, byte offset " + std::to_string(end)));
}

TEST(ReadPprof, CanBeCancelled) {
  pprof::Profile p = Small();
  for (int i = 0; i < 10000; ++i) *p.add_sample() = p.sample(0);
  Progress progress;
  progress.cancelled = true;
  EXPECT_EQ(ReadPprof(p.SerializeAsString(), "test", &progress).status().code(),
            absl::StatusCode::kCancelled);
  progress.cancelled = false;
  EXPECT_TRUE(ReadPprof(p.SerializeAsString(), "test", &progress).ok());
  EXPECT_EQ(progress.done, progress.total);
}

// What is read is a profile: every id can be followed.
void Follow(const Profile& p) {
  size_t bytes = 0;
  for (size_t i = 0; i < p.sample_count(); ++i) {
    for (const LocationId id : p.stack(p.sample_stacks()[i])) {
      for (const Line& line : p.lines(id)) bytes += p.string(p.function(line.function).name).size();
      const Location& l = p.location(id);
      if (l.mapping.valid()) bytes += p.string(p.mapping(l.mapping).file).size();
    }
    for (const Label& l : p.labels(p.sample_labels()[i])) bytes += p.string(l.key).size();
    for (size_t t = 0; t < p.sample_types().size(); ++t) bytes += p.values(t)[i] != 0;
  }
  EXPECT_LT(bytes, size_t{1} << 40);
}

std::string RealProfile() {
  const auto p = OpenFile(TIDEMARK_SOURCE_DIR "/tests/data/go/leaky-1.19.1.pb.gz");
  EXPECT_TRUE(p.ok()) << p.status();
  return ToPprof(**p, Compression::kNone);
}

TEST(ReadPprof, SurvivesEveryPrefix) {
  const std::string bytes = RealProfile();
  for (size_t n = 0; n < bytes.size(); ++n) {
    const std::string prefix = bytes.substr(0, n);
    const auto p = ReadPprof(prefix, "test", nullptr);
    if (p.ok()) Follow(**p);
  }
}

TEST(ReadPprof, SurvivesEveryFlippedByte) {
  const std::string bytes = RealProfile();
  for (size_t i = 0; i < bytes.size(); ++i) {
    for (const char mask : {'\x01', '\x80', '\xff', '\x07'}) {
      std::string spoiled = bytes;
      spoiled[i] = static_cast<char>(spoiled[i] ^ mask);
      const auto p = ReadPprof(spoiled, "test", nullptr);
      if (p.ok()) {
        Follow(**p);
      } else {
        EXPECT_EQ(p.status().code(), absl::StatusCode::kDataLoss) << p.status();
      }
    }
  }
}

}  // namespace
}  // namespace tidemark::io
