// The libraries that `tidemark record` puts into LD_PRELOAD.
//
// Thread class: pure functions of the system's state. May allocate.

#ifndef TIDEMARK_PROFILER_COLLECT_PRELOADS_H_
#define TIDEMARK_PROFILER_COLLECT_PRELOADS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace tidemark::collect {

// libtidemark.so of this build or installation, found from the running executable's
// directory D: D/../lib, D/../lib64, D/../lib/x86_64-linux-gnu, D.
absl::StatusOr<std::string> FindPreloadLibrary();

// gperftools' tcmalloc, to stand beneath the sampler: libtcmalloc_minimal.so.4, else
// libtcmalloc.so.4 (which has gperftools' own heap profiler in it, idle).
absl::StatusOr<std::string> FindTcmalloc();

// Where the loader would find shared library `soname` for a program like this one: in
// LD_LIBRARY_PATH, ld.so's cache and the default directories. kNotFound.
absl::StatusOr<std::string> FindSharedLibrary(const std::string& soname);

// The paths that ld.so's cache file (of the format that glibc >= 2.2 reads) has for
// `soname`, in its order. Nothing where the cache is cut or corrupt.
std::vector<std::string> LoaderCachePaths(const std::string& cache, const std::string& soname);

}  // namespace tidemark::collect

#endif  // TIDEMARK_PROFILER_COLLECT_PRELOADS_H_
