#include "analyzer/report/source_listing.h"

#include <re2/re2.h>

#include <algorithm>
#include <tuple>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "analyzer/report/node_table.h"

namespace tidemark::report {
namespace {

constexpr int64_t kMargin = 5;  // lines around those with samples

// A line of a function, as a node of pprof's graph.
struct LineNode {
  NodeKey key;
  int64_t flat = 0;
  int64_t cum = 0;
  bool negative() const { return flat < 0 || (flat == 0 && cum < 0); }
};

Options AtLines(Options options) {
  options.granularity = Granularity::kLines;
  return options;
}

// The lines of all functions that match.
class Lines {
 public:
  Lines(const Selection& selection, const RE2& regex)
      : selection_(selection),
        // Lines count a sample each where anything of them differs.
        table_(AtLines(selection.options()), NodeTable::Unknown::kByModule, /*rebase=*/false,
               /*modules=*/true),
        location_nodes_(table_.Add(selection.filtered())),
        nodes_(table_.size()),
        listed_(table_.size()) {
    absl::flat_hash_map<absl::string_view, bool> matches;
    for (uint32_t i = 0; i < table_.size(); ++i) {
      nodes_[i].key = table_.key(i);
      const absl::string_view name = nodes_[i].key.function;
      const auto [it, inserted] = matches.try_emplace(name);
      if (inserted) it->second = RE2::PartialMatch({name.data(), name.size()}, regex);
      listed_[i] = it->second;
    }
  }

  void AddSamples() {
    const Selection::PerStack stacks = selection_.WeightsPerStack();
    const FilteredProfile& filtered = selection_.filtered();
    std::vector<uint32_t> seen(nodes_.size(), 0xffffffff);
    for (uint32_t s = 0; s < stacks.weights.size(); ++s) {
      if (!stacks.present[s]) continue;
      const int64_t value = stacks.weights[s].sum;
      bool leaf = true;
      for (const LocationId location : filtered.stack(StackId{s})) {
        if (filtered.hidden(location)) continue;
        for (const uint32_t id : location_nodes_.of(location)) {
          LineNode& node = nodes_[id];
          if (leaf) node.flat = WrappingAdd(node.flat, value);
          if (seen[id] != s) node.cum = WrappingAdd(node.cum, value);
          seen[id] = s;
          leaf = false;
        }
      }
    }
  }

  // By function, file, line.
  std::vector<const LineNode*> Listed() const {
    std::vector<const LineNode*> nodes;
    for (size_t i = 0; i < nodes_.size(); ++i) {
      const LineNode& node = nodes_[i];
      if (!listed_[i] || (node.flat == 0 && node.cum == 0)) continue;
      if (selection_.options().drop_negative && node.negative()) continue;
      nodes.push_back(&node);
    }
    std::sort(nodes.begin(), nodes.end(), [](const LineNode* a, const LineNode* b) {
      return std::tie(a->key.function, a->key.file, a->key.line) <
             std::tie(b->key.function, b->key.file, b->key.line);
    });
    return nodes;
  }

 private:
  const Selection& selection_;
  NodeTable table_;
  const LocationNodes location_nodes_;
  std::vector<LineNode> nodes_;  // [node of table_]
  std::vector<bool> listed_;     // [node of table_]
};

int64_t Saturated(int64_t line, int64_t change) {
  int64_t sum = 0;
  return __builtin_add_overflow(line, change, &sum) ? line : sum;
}

void AddTo(const LineNode& node, ListedFile* file) {
  const int64_t begin =
      node.key.start_line != 0 ? node.key.start_line : Saturated(node.key.line, -kMargin);
  const int64_t end = Saturated(node.key.line, kMargin);
  const bool first = file->lines.empty();
  file->first_line = first ? begin : std::min(file->first_line, begin);
  file->last_line = first ? end : std::max(file->last_line, end);
  if (first || file->lines.back().line != node.key.line) {
    file->lines.push_back({node.key.line, 0, 0});
  }
  ListedLine& line = file->lines.back();
  line.flat = WrappingAdd(line.flat, node.flat);
  line.cum = WrappingAdd(line.cum, node.cum);
  file->flat = WrappingAdd(file->flat, node.flat);
  file->cum = WrappingAdd(file->cum, node.cum);
}

}  // namespace

absl::StatusOr<SourceListing> ListSources(const Selection& selection, absl::string_view regex) {
  RE2::Options re_options;
  re_options.set_log_errors(false);
  const RE2 re({regex.data(), regex.size()}, re_options);
  if (!re.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat("list: bad regex \"", regex, "\": ", re.error()));
  }
  Lines lines(selection, re);
  lines.AddSamples();

  SourceListing listing;
  for (const LineNode* node : lines.Listed()) {
    if (listing.functions.empty() || listing.functions.back().function != node->key.function) {
      listing.functions.emplace_back().function = std::string(node->key.function);
    }
    ListedFunction& function = listing.functions.back();
    if (node->key.file.empty()) {
      function.flat = WrappingAdd(function.flat, node->flat);
      function.cum = WrappingAdd(function.cum, node->cum);
      continue;
    }
    std::vector<ListedFile>& files = function.files;
    if (files.empty() || files.back().file != node->key.file) {
      files.emplace_back().file = std::string(node->key.file);
    }
    AddTo(*node, &files.back());
  }
  if (listing.functions.empty()) {
    return absl::NotFoundError(absl::StrCat("no matches found for regexp: ", regex));
  }
  for (ListedFunction& function : listing.functions) {
    for (ListedFile& file : function.files) file.first_line = std::max<int64_t>(file.first_line, 1);
  }
  return listing;
}

}  // namespace tidemark::report
