// Lines of source files that a profile names. A profile comes from anywhere, so what its names
// lead to is only read when it is a regular text file of a bearable size.
//
// Thread class: one thread. May allocate; reads files.

#ifndef TIDEMARK_ANALYZER_REPORT_SOURCE_READER_H_
#define TIDEMARK_ANALYZER_REPORT_SOURCE_READER_H_

#include <cstdint>
#include <ctime>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "analyzer/report/options.h"

namespace tidemark::report {

class SourceReader {
 public:
  // Of the options, source_path and trim_path. Where source_path is empty, the working
  // directory is it. Names are trimmed (node_table.h); a relative one is then looked for in
  // each directory of source_path and all their parents; an absolute one must exist.
  explicit SourceReader(const Options& options);

  struct File {
    // Why there are no lines, in pprof's words where it has some; ok otherwise.
    absl::Status status;
    std::string path;  // what was opened
    std::time_t modified = 0;
    // A line's text without its end; false beyond the end. Lines count from 1. As pprof, a
    // file ends before a line of 64 KiB or more.
    bool Line(int64_t number, absl::string_view* text) const;

   private:
    friend class SourceReader;
    std::string text_;
    std::vector<size_t> begins_;  // [line - 1]
  };

  // Valid until the next call.
  const File& Read(const std::string& name);

 private:
  static constexpr size_t kMaxFileBytes = size_t{64} << 20;
  static constexpr size_t kMaxCacheBytes = size_t{128} << 20;

  // Empty status and an open file in *fd, or why not.
  absl::Status Open(const std::string& name, int* fd, std::string* path) const;
  File Load(const std::string& name) const;

  const std::string trim_path_;
  std::string source_path_;
  absl::flat_hash_map<std::string, File> files_;
  size_t cached_bytes_ = 0;
};

}  // namespace tidemark::report

#endif  // TIDEMARK_ANALYZER_REPORT_SOURCE_READER_H_
