// One small file of each format, damaged in every way there is at one place: cut at every
// length, and every byte changed in each of several ways. Opening gives an error in one line
// or a profile that can be walked, merged and written; and takes no memory to speak of.

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <zstd.h>

#include <fstream>
#include <iterator>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "analyzer/io/inflate.h"
#include "analyzer/io/open.h"
#include "analyzer/io/pprof_export.h"
#include "analyzer/model/profile_builder.h"

// gcc has a macro for it, clang a feature.
#if defined(__has_feature)
#define TIDEMARK_HAS_FEATURE(x) __has_feature(x)
#else
#define TIDEMARK_HAS_FEATURE(x) 0
#endif

namespace tidemark::io {
namespace {

#if defined(__SANITIZE_ADDRESS__) || TIDEMARK_HAS_FEATURE(address_sanitizer)
constexpr bool kKeepsWhatIsFreed = true;  // AddressSanitizer, to find uses of it
#else
constexpr bool kKeepsWhatIsFreed = false;
#endif

constexpr size_t kMostSeedBytes = 4000;  // so that all of its bytes are tried in seconds
constexpr unsigned char kFlips[] = {0xff, 0x01, 0x80, 0x20, 0x10};

std::string Contents(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file) << path;
  return std::string(std::istreambuf_iterator<char>(file), {});
}

std::string Seed(const std::string& name) {
  return Contents(TIDEMARK_SOURCE_DIR "/tests/fuzz/corpus/" + name);
}

std::string Zstd(absl::string_view text) {
  std::string out(ZSTD_compressBound(text.size()), '\0');
  out.resize(ZSTD_compress(out.data(), out.size(), text.data(), text.size(), 3));
  return out;
}

// Something of everything that the protobuf has.
std::string SmallPprof() {
  ProfileBuilder b;
  const auto s = [&b](absl::string_view text) { return b.AddString(text); };
  const MappingId m = b.AddMapping({.start = 0x1000,
                                    .limit = 0x9000,
                                    .offset = 0x200,
                                    .file = s("/bin/prog"),
                                    .build_id = s("abcdef"),
                                    .has_functions = true});
  const FunctionId f = b.AddFunction({.name = s("f"), .filename = s("f.cc"), .start_line = 3});
  const FunctionId g = b.AddFunction({.name = s("g"), .system_name = s("_Z1g")});
  const LocationId leaf = b.AddLocation(0x1010, m, false, {Line{f, 3, 1}, Line{g, 7, 0}});
  const LocationId root = b.AddLocation(0x1020, m, true, {Line{g, 9, 0}});
  b.SetSampleTypes({{s("alloc_space"), s("bytes")}, {s("inuse_space"), s("bytes")}});
  const LabelSetId labels =
      b.AddLabels({Label{.key = s("bytes"), .num = 64, .num_unit = s("bytes")},
                   Label{.key = s("thread"), .str = s("main")}});
  b.AddSample(b.AddStack({leaf, root}), labels, {640, 64});
  b.AddSample(b.AddStack({root}), LabelSetId{0}, {5, -5});
  b.SetDefaultSampleType(s("inuse_space"));
  b.SetPeriod({s("space"), s("bytes")}, 524288);
  b.SetTime(1700000000000000000, 1000000000);
  b.AddComment(s("a comment"));
  b.SetDropKeepFrames(s("drop"), s("keep"));
  b.SetDocUrl(s("https://example.com"));
  return ToPprof(**b.Build(), Compression::kNone);
}

struct File {
  const char* name;
  std::string (*bytes)();
};
void PrintTo(const File& file, std::ostream* out) { *out << file.name; }

const File kFiles[] = {
    {"Pprof", SmallPprof},
    {"PprofGzip", [] { return Gzip(SmallPprof()); }},
    {"PprofZstd", [] { return Zstd(SmallPprof()); }},
    {"Heaptrack", [] { return Seed("heaptrack/small"); }},
    {"HeaptrackGzip", [] { return Seed("open/heaptrack.gz"); }},
    {"HeaptrackZstd", [] { return Seed("open/heaptrack.zst"); }},
    {"HeapText", [] { return Seed("legacy/heap_v2.heap"); }},
    {"GoHeapText", [] { return Seed("legacy/go.heap"); }},
    {"JemallocHeap", [] { return Seed("legacy/jemalloc.heap"); }},
    {"JavaHeap", [] { return Seed("legacy/java.heap"); }},
    {"JavaContention", [] { return Seed("legacy/java.contention"); }},
    {"JavaCpu", [] { return Seed("legacy/java.cpu"); }},
    {"Cpu64", [] { return Seed("legacy/64.cpu"); }},
    {"Cpu32BigEndian", [] { return Seed("legacy/big-endian-32.cpu"); }},
    {"Contention", [] { return Seed("legacy/contentionz.txt"); }},
    {"Threads", [] { return Seed("legacy/threadz.txt"); }},
    {"GoCount", [] { return Seed("legacy/go-1.26.goroutine.debug1.txt"); }},
};

class Corrupt : public testing::TestWithParam<File> {};
INSTANTIATE_TEST_SUITE_P(All, Corrupt, testing::ValuesIn(kFiles),
                         [](const auto& p) { return std::string(p.param.name); });

long PeakKiB() {
  struct rusage usage = {};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss;
}

void Open(absl::string_view bytes, size_t at) {
  const auto opened = OpenBytes(bytes, "damaged");
  if (!opened.ok()) {
    const std::string message(opened.status().message());
    EXPECT_NE(message.find("(where: damaged"), std::string::npos) << at << ": " << message;
    EXPECT_EQ(message.find('\n'), std::string::npos) << at << ": " << message;
    return;
  }
  const std::string written = ToPprof(**opened, Compression::kNone);
  const auto again = OpenBytes(written, "copy");
  ASSERT_TRUE(again.ok()) << at << ": " << again.status();
  EXPECT_EQ((*again)->sample_count(), (*opened)->sample_count()) << at;
}

TEST_P(Corrupt, TheWholeFileOpens) {
  const std::string bytes = GetParam().bytes();
  EXPECT_LT(bytes.size(), kMostSeedBytes);
  const auto opened = OpenBytes(bytes, "whole");
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_GT((*opened)->sample_count(), 0u);
}

TEST_P(Corrupt, EveryPrefixAndEveryChangedByte) {
  constexpr long kMostKiB = 64 << 10;
  const std::string bytes = GetParam().bytes();
  const long before = PeakKiB();
  for (size_t n = 0; n < bytes.size(); ++n) Open(absl::string_view(bytes).substr(0, n), n);
  std::string damaged = bytes;
  for (size_t i = 0; i < bytes.size(); ++i) {
    for (const unsigned char flip : kFlips) {
      damaged[i] = static_cast<char>(static_cast<unsigned char>(bytes[i]) ^ flip);
      Open(damaged, i);
    }
    damaged[i] = bytes[i];
  }
  if (!kKeepsWhatIsFreed) {
    EXPECT_LT(PeakKiB() - before, kMostKiB);
  }
}

}  // namespace
}  // namespace tidemark::io
