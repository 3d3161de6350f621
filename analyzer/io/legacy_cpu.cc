#include "analyzer/io/legacy_cpu.h"

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "analyzer/io/legacy_builder.h"
#include "analyzer/io/legacy_java.h"
#include "analyzer/io/legacy_text.h"

namespace tidemark::io {
namespace {

// The words of a profile, from the front.
class WordReader {
 public:
  WordReader(absl::string_view bytes, size_t word_bytes, bool big_endian)
      : bytes_(bytes), word_bytes_(word_bytes), big_endian_(big_endian) {}

  bool Next(uint64_t& word) {
    if (words_left() == 0) return false;
    word = 0;
    for (size_t i = 0; i < word_bytes_; ++i) {
      const size_t at = big_endian_ ? i : word_bytes_ - 1 - i;
      word = word << 8 | static_cast<unsigned char>(bytes_[offset_ + at]);
    }
    offset_ += word_bytes_;
    return true;
  }

  size_t offset() const { return offset_; }
  bool at_end() const { return offset_ == bytes_.size(); }
  size_t words_left() const { return (bytes_.size() - offset_) / word_bytes_; }

 private:
  absl::string_view bytes_;
  size_t word_bytes_;
  bool big_endian_;
  size_t offset_ = 0;
};

struct Header {
  bool is_java = false;
  int64_t period_ns = 0;
};

bool ReadHeader(WordReader& words, Header& out) {
  uint64_t zero = 1, version = 0, kind = 0, period_us = 0, padding = 1;
  if (!words.Next(zero) || !words.Next(version) || !words.Next(kind) || !words.Next(period_us) ||
      !words.Next(padding)) {
    return false;
  }
  out.is_java = kind == 1;
  out.period_ns = WrappingProduct(static_cast<int64_t>(period_us), 1000);
  return zero == 0 && version == 3 && kind <= 1 && period_us > 0 && padding == 0;
}

// In which of the four forms the header makes sense; `words` then stands behind it.
bool FindForm(absl::string_view bytes, WordReader& words, Header& header) {
  for (const size_t word_bytes : {4, 8}) {
    for (const bool big_endian : {false, true}) {
      words = WordReader(bytes, word_bytes, big_endian);
      if (ReadHeader(words, header)) return true;
    }
  }
  return false;
}

absl::Status ReadSamples(LegacyInput& input, WordReader& words, const Header& header,
                         LegacyBuilder& builder) {
  while (!words.at_end()) {
    const size_t begin = words.offset();
    uint64_t count = 0, depth = 0;
    if (!words.Next(count) || !words.Next(depth)) {
      return input.Malformed("expected a count and a stack size", begin);
    }
    if (depth > words.words_left()) {
      return input.Malformed(
          absl::StrCat("a stack of ", depth, " addresses reaches beyond the end"), begin);
    }
    uint64_t first = 0;
    for (uint64_t i = 0; i < depth; ++i) {
      uint64_t address = 0;
      words.Next(address);
      if (i == 0) first = address;
      builder.addresses().push_back(i > 0 && !header.is_java ? address + kOntoCall : address);
    }
    if (count == 0 && depth == 1 && first == 0) {
      builder.addresses().pop_back();
      break;
    }
    const int64_t samples = static_cast<int64_t>(count);
    builder.AddSample({samples, WrappingProduct(samples, header.period_ns)});
    if (!input.Tick(begin)) break;
  }
  return absl::OkStatus();
}

// Takes the frames out that the signal handler pushed: an address that stands behind the
// leaf in nearly all samples, up to twice.
void EraseSignalFrames(LegacyBuilder& builder) {
  const size_t samples = builder.sample_count();
  for (int i = 0; i < 2; ++i) {
    absl::flat_hash_map<uint64_t, size_t> samples_with;
    for (size_t s = 0; s < samples; ++s) {
      if (builder.stack(s).size() > 1) ++samples_with[builder.stack(s)[1]];
    }
    for (const auto& [address, count] : samples_with) {
      if (count < samples - samples / 32) continue;  // at most one address has as many
      for (size_t s = 0; s < samples; ++s) {
        if (builder.stack(s).size() > 1 && builder.stack(s)[1] == address) {
          builder.EraseFrame(s, 1);
        }
      }
      break;
    }
  }
}

}  // namespace

bool IsLegacyCpu(absl::string_view bytes) {
  WordReader words(bytes, 4, false);
  Header header;
  return FindForm(bytes, words, header);
}

absl::StatusOr<std::shared_ptr<const Profile>> ReadLegacyCpu(absl::string_view bytes,
                                                             absl::string_view where,
                                                             Progress* progress) {
  WordReader words(bytes, 4, false);
  Header header;
  const bool found = FindForm(bytes, words, header);
  LegacyInput samples(bytes, "the CPU profile", where, progress);
  if (!found) return samples.Malformed("expected the words 0, 3, 0 or 1, PERIOD, 0");

  LegacyBuilder builder;
  builder.SetSampleTypes({{"samples", "count"}, {"cpu", "nanoseconds"}});
  builder.SetPeriod({"cpu", "nanoseconds"}, header.period_ns);
  builder.SetInnerFrames(InnerFrames::kCpuProfiler);
  absl::Status status = ReadSamples(samples, words, header, builder);
  if (!status.ok()) return status;

  LegacyInput text(bytes, "the CPU profile", where, progress, words.offset());
  if (header.is_java) {
    status = ReadJavaLines(text, builder);
    if (!status.ok()) return status;
    return builder.Build(text, {});
  }
  EraseSignalFrames(builder);
  builder.DropRepeatedLeaves();
  return builder.Build(text, ReadMemoryMap(text));
}

}  // namespace tidemark::io
