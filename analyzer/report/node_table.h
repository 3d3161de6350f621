// The nodes of a table: what a report has one row for. Every frame of every location is
// mapped to a node id once, so that walking samples touches integers only.
//
// A node's key is pprof's NodeInfo (internal/graph/graph.go): which parts of a frame it
// holds depends on the granularity; a frame without a function name is told apart by its
// module and its function's start line.
//
// Thread class: one thread while adding, any number of readers afterwards. May allocate.

#ifndef TIDEMARK_ANALYZER_REPORT_NODE_TABLE_H_
#define TIDEMARK_ANALYZER_REPORT_NODE_TABLE_H_

#include <cstdint>
#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "analyzer/report/filter.h"
#include "analyzer/report/options.h"

namespace tidemark::report {

struct NodeKey {
  // Empty and 0: not part of the key, or unknown. They live as long as the NodeTable and
  // the profiles added to it.
  absl::string_view function;
  absl::string_view file;    // lexically cleaned
  absl::string_view module;  // only for frames without a function name, unless asked for
  uint64_t address = 0;
  int64_t line = 0;
  int64_t column = 0;
  int64_t start_line = 0;  // as module
  friend bool operator==(const NodeKey&, const NodeKey&) = default;
  template <typename H>
  friend H AbslHashValue(H h, const NodeKey& k) {
    return H::combine(std::move(h), k.function, k.file, k.module, k.address, k.line, k.column,
                      k.start_line);
  }
};

// The nodes of each location of one profile.
class LocationNodes {
 public:
  // Innermost inlined function first; never empty.
  absl::Span<const uint32_t> of(LocationId id) const {
    return absl::Span<const uint32_t>(nodes_).subspan(begins_[id.value],
                                                      begins_[id.value + 1] - begins_[id.value]);
  }

 private:
  friend class NodeTable;
  std::vector<uint32_t> begins_;
  std::vector<uint32_t> nodes_;
};

class NodeTable {
 public:
  // How frames without symbols at a coarse granularity are told apart: by module, as in
  // pprof's tables, or by address.
  enum class Unknown { kByModule, kByAddress };

  // rebase: addresses are moved so that those of one module agree across profiles,
  // whatever address space randomization did (the module is recognised by its rounded
  // size, offset, and build id or else file, as in pprof's merge).
  // Of the options, those that say what a node is: granularity, show_columns, the paths.
  // modules: all frames are told apart by module, not only those without a function's name.
  NodeTable(const Options& options, Unknown unknown, bool rebase, bool modules = false)
      : granularity_(options.granularity),
        // pprof leaves frames as they are where every part of them is asked for.
        show_columns_(options.show_columns ||
                      (granularity_ == Granularity::kAddresses && !options.no_inlines)),
        trim_path_(options.trim_path),
        source_path_(options.source_path),
        unknown_(unknown),
        rebase_(rebase),
        modules_(modules) {}
  NodeTable(const NodeTable&) = delete;
  NodeTable& operator=(const NodeTable&) = delete;

  // Nodes for every location of `profile`, which must remain live.
  LocationNodes Add(const FilteredProfile& profile);

  size_t size() const { return keys_.size(); }
  const NodeKey& key(uint32_t node) const { return keys_[node]; }
  // pprof's name of a node: "address function file:line", of which only what is known
  // and part of the granularity; else "[module]", else "<unknown>".
  std::string PrintableName(uint32_t node) const { return Name(keys_[node], " "); }
  // The same of any key, with something else between the parts.
  static std::string Name(const NodeKey& key, absl::string_view separator);
  // The last tie break of pprof's sort orders: different for any two nodes.
  std::string FullName(uint32_t node) const;

  // The columns of a report's row: those of the granularity. A frame of which nothing is
  // known has PrintableName's "[module]" or "<unknown>" as its function (as its file at
  // granularity files), so that every row says what it stands for.
  template <class Row>
  void FillRow(uint32_t node, Row* row) const {
    const NodeKey& k = keys_[node];
    row->function = std::string(k.function);
    row->file = std::string(k.file);
    row->line = k.line;
    row->address = k.address;
    if (k.function.empty() && k.file.empty()) {
      (granularity_ == Granularity::kFiles ? row->file : row->function) = UnknownName(k);
    }
  }

 private:
  struct ModuleKey {
    uint64_t size = 0;
    uint64_t offset = 0;
    absl::string_view identity;
    friend bool operator==(const ModuleKey&, const ModuleKey&) = default;
    template <typename H>
    friend H AbslHashValue(H h, const ModuleKey& k) {
      return H::combine(std::move(h), k.size, k.offset, k.identity);
    }
  };
  // What one Add needs of the profile, computed once per function and mapping.
  struct Source;

  NodeKey MakeKey(const Source& source, const Location& location, const Line* line) const;
  uint32_t Intern(const NodeKey& key);
  absl::string_view CleanFile(absl::string_view path);
  static std::string UnknownName(const NodeKey& key);

  const Granularity granularity_;
  const bool show_columns_;
  const std::string trim_path_;
  const std::string source_path_;
  const Unknown unknown_;
  const bool rebase_;
  const bool modules_;
  std::vector<NodeKey> keys_;
  absl::flat_hash_map<NodeKey, uint32_t> ids_;
  std::deque<std::string> cleaned_files_;                   // what NodeKey::file points into
  absl::flat_hash_map<ModuleKey, uint64_t> module_starts_;  // of the first profile that had it
};

// pprof's sort order for a table: by |score|, then PrintableName, then |second|, then
// FullName; `nodes` is sorted in place. Vectors are indexed by node id.
void SortLikePprof(const NodeTable& table, const std::vector<int64_t>& score,
                   const std::vector<int64_t>& second, std::vector<uint32_t>* nodes);

// What trim_path cuts from the front of a path, and what source_path's directory names do
// when there is no trim_path ("/build/project/a.c" and a source_path "/local/project" give
// "a.c"), and the prefixes that pprof strips always.
absl::string_view TrimPath(absl::string_view path, absl::string_view trim_path,
                           absl::string_view source_path);
// Go's filepath.Clean; "" stays "".
std::string CleanPath(absl::string_view path);

}  // namespace tidemark::report

#endif  // TIDEMARK_ANALYZER_REPORT_NODE_TABLE_H_
