// Makes a profile of stacks of bare addresses, which is all that most legacy formats have,
// by pprof's rules: the locations in the order in which samples first use them, each in
// the mapping that holds its address; addresses that no mapping holds lie in one without
// a name.
//
// Thread class: one builder, one thread. Allocation class: may allocate, in proportion to
// the input.

#ifndef TIDEMARK_ANALYZER_IO_LEGACY_BUILDER_H_
#define TIDEMARK_ANALYZER_IO_LEGACY_BUILDER_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "analyzer/io/legacy_text.h"
#include "analyzer/io/memory_map.h"
#include "analyzer/model/profile_builder.h"

namespace tidemark::io {

// Whose frames are left out at a stack's inner end once it has names: pprof's lists.
enum class InnerFrames { kAllocator, kLock, kCpuProfiler };

class LegacyBuilder {
 public:
  struct NamedType {
    absl::string_view type;
    absl::string_view unit;
  };

  ProfileBuilder& profile() { return profile_; }
  // REQUIRES: before the first AddSample.
  void SetSampleTypes(absl::Span<const NamedType> types);
  void SetPeriod(NamedType type, int64_t period);
  void SetInnerFrames(InnerFrames frames);

  // Where the next sample's stack goes, leaf first: what stands behind that of the last
  // sample is the next one's.
  std::vector<uint64_t>& addresses() { return addresses_; }
  // The stack is what was appended to addresses() since the last sample.
  // REQUIRES: as many values as sample types.
  void AddSample(absl::Span<const int64_t> values, absl::Span<const Label> labels = {});

  size_t sample_count() const { return samples_.size(); }
  absl::Span<uint64_t> stack(size_t sample) {
    const Stack& s = samples_[sample];
    return absl::MakeSpan(addresses_).subspan(s.begin, s.end - s.begin);
  }
  // Takes a frame out. REQUIRES: frame < stack(sample).size().
  void EraseFrame(size_t sample, size_t frame);
  // The values of one sample.
  absl::Span<int64_t> values(size_t sample) {
    return absl::MakeSpan(values_).subspan(sample * type_count_, type_count_);
  }

  // Some profilers take the leaf twice, from the registers and from the stack, where it is
  // a return address: leaves out the second one.
  void DropRepeatedLeaves() { drop_repeated_leaves_ = true; }
  // These addresses stand for a line each (Java's, which are only numbers): no location
  // keeps its address then.
  void SetLines(absl::flat_hash_map<uint64_t, Line> lines) {
    lines_ = std::move(lines);
    addresses_are_numbers_ = true;
  }

  // `input` is for cancellation and progress; `ranges` as ReadMemoryMap gives them. The
  // builder is empty afterwards. kCancelled, kDataLoss.
  absl::StatusOr<std::shared_ptr<const Profile>> Build(LegacyInput& input,
                                                       std::vector<MappedRange> ranges);

 private:
  struct Stack {
    size_t begin = 0;  // into addresses_
    size_t end = 0;
    LabelSetId labels;
  };

  void AddRanges(std::vector<MappedRange> ranges);
  LocationId LocationOf(uint64_t address);

  ProfileBuilder profile_;
  size_t type_count_ = 0;
  std::vector<Stack> samples_;
  std::vector<int64_t> values_;  // type_count_ for each sample
  std::vector<uint64_t> addresses_;
  size_t next_stack_ = 0;  // into addresses_
  bool drop_repeated_leaves_ = false;
  bool addresses_are_numbers_ = false;
  absl::flat_hash_map<uint64_t, Line> lines_;
  absl::flat_hash_map<uint64_t, MappingId> mapping_of_;
  absl::flat_hash_map<uint64_t, LocationId> locations_;
};

// The memory map behind the samples, of which `line` is the first line that belongs to
// none; sections in between are passed over. Empty when there is none.
std::vector<MappedRange> ReadMapSection(LegacyInput& input, absl::string_view line);

}  // namespace tidemark::io

#endif  // TIDEMARK_ANALYZER_IO_LEGACY_BUILDER_H_
