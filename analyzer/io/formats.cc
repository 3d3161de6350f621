#include "analyzer/io/formats.h"

#include "analyzer/io/jemalloc_heap.h"
#include "analyzer/io/legacy_contention.h"
#include "analyzer/io/legacy_count.h"
#include "analyzer/io/legacy_cpu.h"
#include "analyzer/io/legacy_heap.h"
#include "analyzer/io/legacy_java.h"
#include "analyzer/io/legacy_threads.h"
#include "analyzer/io/pprof_reader.h"

namespace tidemark::io {
namespace {

// In the order in which pprof tries them. It tries the protobuf before all of them, but
// none of their beginnings is one of a protobuf that pprof would accept; being first, they
// get to say what is wrong with a file that is theirs.
constexpr Format kFormats[] = {
    {IsLegacyCpu, ReadLegacyCpu},
    {IsLegacyHeap, ReadLegacyHeap},
    {IsLegacyCount, ReadLegacyCount},
    {IsLegacyThreads, ReadLegacyThreads},
    {IsLegacyContention, ReadLegacyContention},
    {IsLegacyJava, ReadLegacyJava},
    {IsJemallocHeap, ReadJemallocHeap},  // pprof does not know it
};
constexpr Format kPprof = {[](absl::string_view) { return true; }, ReadPprof};

}  // namespace

const Format& FormatOf(absl::string_view bytes) {
  for (const Format& format : kFormats) {
    if (format.recognizes(bytes)) return format;
  }
  return kPprof;
}

}  // namespace tidemark::io
