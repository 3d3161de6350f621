#include "analyzer/report/callgrind.h"

#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "analyzer/base/units.h"
#include "analyzer/report/call_graph.h"

namespace tidemark::report {
namespace {

// The format's name compression: a name is written once and referred to by number.
class Names {
 public:
  std::string of(absl::string_view name) {
    if (name.empty()) return "";
    const auto [it, inserted] = ids_.try_emplace(std::string(name), ids_.size() + 1);
    if (!inserted) return absl::StrCat("(", it->second, ")");
    std::string line = absl::StrCat("(", it->second, ") ", name);
    for (char& c : line) {
      if (c == '\n' || c == '\r') c = ' ';
    }
    return line;
  }

 private:
  absl::flat_hash_map<std::string, size_t> ids_;
};

// Readers take functions of one name in one file for one function. Where they are not, the
// callees' names say which: "name [2/3]".
class CalleeNames {
 public:
  explicit CalleeNames(const CallGraph& graph) : graph_(graph), places_(graph.node_count(), 0) {
    absl::flat_hash_map<Function, size_t> places;
    for (const uint32_t node : graph.nodes()) {
      const Function function = FunctionOf(node);
      size_t& count = counts_[function.name];
      const auto [it, inserted] = places.try_emplace(function, count + 1);
      if (inserted) ++count;
      places_[node] = it->second;
    }
  }

  // Empty for a node that the graph does not show.
  std::string of(uint32_t node) const {
    if (places_[node] == 0) return "";
    const Name name = FunctionOf(node).name;
    const size_t count = counts_.at(name);
    if (count == 1) return std::string(name.second);
    return absl::StrCat(name.second, " [", places_[node], "/", count, "]");
  }

 private:
  using Name = std::pair<absl::string_view, absl::string_view>;  // file, function
  struct Function {
    Name name;
    absl::string_view module;
    int64_t start_line = 0;
    uint32_t parent = kNoNode;  // in a tree, what another node calls is another function
    friend bool operator==(const Function&, const Function&) = default;
    template <typename H>
    friend H AbslHashValue(H h, const Function& f) {
      return H::combine(std::move(h), f.name, f.module, f.start_line, f.parent);
    }
  };

  Function FunctionOf(uint32_t node) const {
    const NodeKey& key = graph_.table().key(graph_.key(node));
    const bool tree = graph_.shape() == CallGraph::Shape::kTree;
    return {
        {key.file, key.function}, key.module, key.start_line, tree ? graph_.parent(node) : kNoNode};
  }

  const CallGraph& graph_;
  std::vector<size_t> places_;  // [node] among those of its name, from 1; 0: not shown
  absl::flat_hash_map<Name, size_t> counts_;
};

// The format's subposition compression, where it is shorter than the address.
std::string Position(const NodeKey* previous, uint64_t address) {
  const std::string whole = address == 0 ? "0x0" : absl::StrFormat("%#x", address);
  if (previous == nullptr) return whole;
  if (previous->address == address) return "*";
  const std::string relative =
      absl::StrFormat("%+d", static_cast<int64_t>(address - previous->address));
  return relative.size() < whole.size() ? relative : whole;
}

// Whole numbers in the smallest value's unit: the format knows no fractions.
std::string OutputUnit(const Selection& selection, const CallGraph& graph) {
  const Options& options = selection.options();
  if (options.unit != "minimum" || graph.nodes().empty()) return options.unit;
  int64_t smallest = 0;
  for (const int64_t shown : ShownValues(graph)) {
    const int64_t value = WrappingAbs(shown);
    if (value > 0 && (smallest == 0 || value < smallest)) smallest = value;
  }
  if (smallest == 0) smallest = selection.total();
  return ValueFormat(selection.unit(), {smallest}, smallest, "minimum", 1 / options.divide_by)
      .output_unit();
}

}  // namespace

std::string Callgrind(const Selection& selection) {
  const auto shape =
      selection.options().call_tree ? CallGraph::Shape::kTree : CallGraph::Shape::kGraph;
  CallGraph graph(selection, shape, /*modules=*/true);
  graph.Sort(selection.options().sort_by_cum ? CallGraph::Order::kCum : CallGraph::Order::kFlat);
  graph.Arrange();

  const CalleeNames callee_names(graph);
  const std::string input_unit = selection.unit();
  const std::string unit = OutputUnit(selection, graph);
  const auto scaled = [&](int64_t value) { return ToInt64(Scale(value, input_unit, unit).value); };

  Names modules, files, functions;
  std::string out =
      absl::StrCat("positions: instr line\nevents: ", selection.type_name(), "(", unit, ")\n");
  const NodeKey* previous = nullptr;
  for (const uint32_t node : graph.nodes()) {
    const NodeKey& key = graph.table().key(graph.key(node));
    if (previous == nullptr || key.module != previous->module || key.file != previous->file ||
        key.function != previous->function) {
      absl::StrAppend(&out, "\nob=", modules.of(key.module), "\nfl=", files.of(key.file),
                      "\nfn=", functions.of(key.function), "\n");
    }
    absl::StrAppend(&out, Position(previous, key.address), " ", key.line, " ",
                    scaled(graph.flat(node).value()), "\n");
    for (const uint32_t id : graph.callees(node)) {
      const CallEdge& edge = graph.edge(id);
      const NodeKey& callee = graph.table().key(graph.key(edge.callee));
      absl::StrAppend(&out, "cfl=", files.of(callee.file),
                      "\ncfn=", functions.of(callee_names.of(edge.callee)), "\ncalls=0 ",
                      Position(previous, callee.address), " ", callee.line, "\n* * ",
                      scaled(edge.weight.sum), "\n");
    }
    previous = &key;
  }
  return out;
}

}  // namespace tidemark::report
