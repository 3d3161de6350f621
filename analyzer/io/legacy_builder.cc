#include "analyzer/io/legacy_builder.h"

#include <algorithm>
#include <utility>

#include "absl/status/status.h"

namespace tidemark::io {
namespace {

constexpr absl::string_view kAllocatorFrames =
    "calloc|cfree|malloc|free|memalign|do_memalign|(__)?posix_memalign|pvalloc|valloc|realloc|"
    "tcmalloc::.*|tc_calloc|tc_cfree|tc_malloc|tc_free|tc_memalign|tc_posix_memalign|tc_pvalloc|"
    "tc_valloc|tc_realloc|tc_new|tc_delete|tc_newarray|tc_deletearray|tc_new_nothrow|"
    "tc_newarray_nothrow|"
    "malloc_zone_malloc|malloc_zone_calloc|malloc_zone_valloc|malloc_zone_realloc|"
    "malloc_zone_memalign|malloc_zone_free|"
    "runtime\\..*|"
    "BaseArena::.*|(::)?do_malloc_no_errno|(::)?do_malloc_pages|(::)?do_malloc|"
    "DoSampledAllocation|MallocedMemBlock::MallocedMemBlock|_M_allocate|"
    "__builtin_(vec_)?delete|__builtin_(vec_)?new|__gnu_cxx::new_allocator::allocate|"
    "__libc_malloc|__malloc_alloc_template::allocate|allocate|cpp_alloc|operator new(\\[\\])?|"
    "simple_alloc::allocate";
constexpr absl::string_view kKeptRuntimeFrames =
    "runtime\\.panic|runtime\\.reflectcall|runtime\\.call[0-9]*";
constexpr absl::string_view kLockFrames =
    "RecordLockProfileData|(base::)?RecordLockProfileData.*|(base::)?SubmitMutexProfileData.*|"
    "(base::)?SubmitSpinLockProfileData.*|(base::Mutex::)?AwaitCommon.*|(base::Mutex::)?Unlock.*|"
    "(base::Mutex::)?UnlockSlow.*|(base::Mutex::)?ReaderUnlock.*|(base::MutexLock::)?~MutexLock.*|"
    "(Mutex::)?AwaitCommon.*|(Mutex::)?Unlock.*|(Mutex::)?UnlockSlow.*|(Mutex::)?ReaderUnlock.*|"
    "(MutexLock::)?~MutexLock.*|(SpinLock::)?Unlock.*|(SpinLock::)?SlowUnlock.*|"
    "(SpinLockHolder::)?~SpinLockHolder.*";
constexpr absl::string_view kCpuProfilerFrames =
    "ProfileData::Add|ProfileData::prof_handler|CpuProfiler::prof_handler|__pthread_sighandler|"
    "__restore";

}  // namespace

void LegacyBuilder::SetSampleTypes(absl::Span<const NamedType> types) {
  std::vector<ValueType> ids;
  for (const NamedType& type : types) {
    ids.push_back({profile_.AddString(type.type), profile_.AddString(type.unit)});
  }
  type_count_ = ids.size();
  profile_.SetSampleTypes(ids);
}

void LegacyBuilder::SetPeriod(NamedType type, int64_t period) {
  profile_.SetPeriod({profile_.AddString(type.type), profile_.AddString(type.unit)}, period);
}

void LegacyBuilder::SetInnerFrames(InnerFrames frames) {
  absl::string_view drop, keep;
  switch (frames) {
    case InnerFrames::kAllocator:
      drop = kAllocatorFrames;
      keep = kKeptRuntimeFrames;
      break;
    case InnerFrames::kLock:
      drop = kLockFrames;
      break;
    case InnerFrames::kCpuProfiler:
      drop = kCpuProfilerFrames;
      break;
  }
  profile_.SetDropKeepFrames(profile_.AddString(drop), profile_.AddString(keep));
}

void LegacyBuilder::AddSample(absl::Span<const int64_t> values, absl::Span<const Label> labels) {
  samples_.push_back({next_stack_, addresses_.size(), profile_.AddLabels(labels)});
  next_stack_ = addresses_.size();
  values_.insert(values_.end(), values.begin(), values.end());
}

void LegacyBuilder::EraseFrame(size_t sample, size_t frame) {
  const absl::Span<uint64_t> frames = stack(sample);
  std::copy(frames.begin() + static_cast<ptrdiff_t>(frame) + 1, frames.end(),
            frames.begin() + static_cast<ptrdiff_t>(frame));
  --samples_[sample].end;
}

void LegacyBuilder::AddRanges(std::vector<MappedRange> ranges) {
  // Finding moves ranges, so all addresses are found, in their order, before any is added.
  RangeFinder finder(ranges);
  absl::flat_hash_map<uint64_t, size_t> range_of;
  bool unknown = false;
  for (const Stack& sample : samples_) {
    for (size_t i = sample.begin; i < sample.end; ++i) {
      const uint64_t address = addresses_[i];
      if (address == 0 || lines_.contains(address)) continue;  // in no mapping
      const auto [it, inserted] = range_of.try_emplace(address, RangeFinder::kNone);
      if (!inserted) continue;
      it->second = finder.Find(address);
      unknown |= it->second == RangeFinder::kNone;
    }
  }
  std::vector<MappingId> mappings;
  mappings.reserve(ranges.size());
  for (const MappedRange& range : ranges) {
    mappings.push_back(profile_.AddMapping({.start = range.start,
                                            .limit = range.limit,
                                            .offset = range.offset,
                                            .file = profile_.AddString(range.file),
                                            .build_id = profile_.AddString(range.build_id)}));
  }
  MappingId nameless;
  if (unknown) nameless = profile_.AddMapping({.limit = ~uint64_t{0}});
  mapping_of_.reserve(range_of.size());
  for (const auto& [address, range] : range_of) {
    mapping_of_[address] = range != RangeFinder::kNone ? mappings[range] : nameless;
  }
}

LocationId LegacyBuilder::LocationOf(uint64_t address) {
  const auto [it, inserted] = locations_.try_emplace(address);
  if (!inserted) return it->second;
  const auto mapping = mapping_of_.find(address);
  const auto line = lines_.find(address);
  it->second = profile_.AddLocation(
      addresses_are_numbers_ ? 0 : address,
      mapping != mapping_of_.end() ? mapping->second : MappingId{}, false,
      line != lines_.end() ? absl::MakeConstSpan(&line->second, 1) : absl::Span<const Line>());
  return it->second;
}

absl::StatusOr<std::shared_ptr<const Profile>> LegacyBuilder::Build(
    LegacyInput& input, std::vector<MappedRange> ranges) {
  if (input.cancelled()) return absl::CancelledError("cancelled");
  AddRanges(std::move(ranges));
  std::vector<LocationId> locations;
  for (size_t i = 0; i < samples_.size(); ++i) {
    if (i % 4096 == 0 && input.cancelled()) return absl::CancelledError("cancelled");
    const absl::Span<const uint64_t> addresses = stack(i);
    locations.clear();
    for (const uint64_t address : addresses) locations.push_back(LocationOf(address));
    if (drop_repeated_leaves_ && addresses.size() > 1 && addresses[0] == addresses[1] + 1) {
      locations.erase(locations.begin() + 1);
    }
    profile_.AddSample(profile_.AddStack(locations), samples_[i].labels, values(i));
  }
  input.SetDone();
  return profile_.Build();
}

std::vector<MappedRange> ReadMapSection(LegacyInput& input, absl::string_view line) {
  while (!IsMemoryMapHeading(line)) {
    if (!input.Next(line)) return {};
  }
  return ReadMemoryMap(input);
}

}  // namespace tidemark::io
