#include "analyzer/report/disassembly.h"

#include <re2/re2.h>

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "analyzer/report/node_table.h"

namespace tidemark::report {
namespace {

// What the samples say of one address: a node of pprof's graph.
struct AddressNode {
  uint64_t address = 0;
  MappingId mapping;
  uint32_t name = 0;  // node of the NodeTable
  Weight flat;
  Weight cum;
};

class Addresses {
 public:
  explicit Addresses(const Selection& selection)
      : names_(selection.options(), NodeTable::Unknown::kByAddress, /*rebase=*/false,
               /*modules=*/true) {
    const Profile& profile = selection.profile();
    const FilteredProfile& filtered = selection.filtered();
    const LocationNodes location_nodes = names_.Add(filtered);
    // Locations of one name are one node: a sample counts for it once.
    absl::flat_hash_map<std::pair<uint32_t, uint32_t>, uint32_t> known;
    std::vector<uint32_t> ids;  // [location]
    for (uint32_t i = 0; i < profile.locations().size(); ++i) {
      const Location& location = profile.location(LocationId{i});
      const uint32_t name = location_nodes.of(LocationId{i}).back();
      const auto [it, inserted] =
          known.try_emplace({name, location.mapping.value}, static_cast<uint32_t>(nodes_.size()));
      if (inserted) nodes_.push_back({location.address, location.mapping, name, {}, {}});
      ids.push_back(it->second);
    }
    const Selection::PerStack stacks = selection.WeightsPerStack();
    std::vector<uint32_t> seen(nodes_.size(), 0xffffffff);
    for (uint32_t s = 0; s < stacks.weights.size(); ++s) {
      if (!stacks.present[s]) continue;
      bool leaf = true;
      for (const LocationId location : filtered.stack(StackId{s})) {
        if (filtered.hidden(location)) continue;
        const uint32_t id = ids[location.value];
        if (leaf) nodes_[id].flat += stacks.weights[s];
        if (seen[id] != s) nodes_[id].cum += stacks.weights[s];
        seen[id] = s;
        leaf = false;
      }
    }
    std::erase_if(nodes_, [&](const AddressNode& node) {
      if (node.flat.sum == 0 && node.cum.sum == 0) return true;
      return selection.options().drop_negative &&
             (node.flat.sum < 0 || (node.flat.sum == 0 && node.cum.sum < 0));
    });
  }

  const std::vector<AddressNode>& nodes() const { return nodes_; }
  std::string NameOf(const AddressNode& node) const { return names_.PrintableName(node.name); }

 private:
  NodeTable names_;
  std::vector<AddressNode> nodes_;
};

// What the user asks for.
class Wanted {
 public:
  static absl::StatusOr<std::unique_ptr<Wanted>> Parse(absl::string_view regex) {
    auto wanted = std::make_unique<Wanted>(regex);
    if (!wanted->regex_.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat("disasm: bad regex \"", regex, "\": ", wanted->regex_.error()));
    }
    absl::string_view digits = regex;
    uint64_t address = 0;
    const bool parsed = absl::ConsumePrefix(&digits, "0x") ? absl::SimpleHexAtoi(digits, &address)
                                                           : absl::SimpleAtoi(digits, &address);
    if (parsed) wanted->address_ = address;
    return wanted;
  }
  explicit Wanted(absl::string_view regex) : regex_({regex.data(), regex.size()}, Quiet()) {}

  bool Matches(const std::string& name) const { return RE2::PartialMatch(name, regex_); }
  bool Matches(const CodeModule::Symbol& symbol) const {
    const auto matches = [this](const std::string& name) { return Matches(name); };
    return std::any_of(symbol.names.begin(), symbol.names.end(), matches) ||
           std::any_of(symbol.raw_names.begin(), symbol.raw_names.end(), matches);
  }
  const std::optional<uint64_t>& address() const { return address_; }

 private:
  static RE2::Options Quiet() {
    RE2::Options options;
    options.set_log_errors(false);
    return options;
  }

  RE2 regex_;
  std::optional<uint64_t> address_;
};

// A node at its place in a file.
struct PlacedNode {
  uint64_t address = 0;  // link-time
  const AddressNode* node = nullptr;
};

// All mappings of one file.
struct Module {
  const Mapping* first = nullptr;
  std::vector<const AddressNode*> nodes;
  bool wanted = false;
};

DisassembledRoutine Annotate(const CodeModule::Symbol& symbol,
                             std::vector<CodeModule::Instruction> instructions,
                             absl::Span<const PlacedNode> nodes) {
  DisassembledRoutine routine;
  routine.name = symbol.names.front();
  routine.raw_name = symbol.raw_names.front();
  routine.aliases.assign(symbol.names.begin() + 1, symbol.names.end());
  size_t n = 0;
  for (size_t i = 0; i < instructions.size(); ++i) {
    CodeModule::Instruction& from = instructions[i];
    DisassembledLine line = {from.address,
                             std::move(from.text),
                             std::move(from.function),
                             std::move(from.file),
                             from.line,
                             {},
                             {}};
    // A return address less one is inside the call's bytes.
    const uint64_t end = i + 1 < instructions.size() ? instructions[i + 1].address : symbol.end;
    for (; n < nodes.size() && nodes[n].address < end; ++n) {
      line.flat += nodes[n].node->flat;
      line.cum += nodes[n].node->cum;
    }
    routine.lines.push_back(std::move(line));
  }
  for (const PlacedNode& placed : nodes) {
    routine.flat = WrappingAdd(routine.flat, placed.node->flat.sum);
    routine.cum = WrappingAdd(routine.cum, placed.node->cum.sum);
  }
  return routine;
}

void DisassembleModule(const Profile& profile, const Module& module, const Wanted& wanted,
                       OpenCodeModule open_module, Disassembly* result) {
  auto code = open_module(*module.first);
  if (!code.ok()) {
    result->problems.emplace_back(code.status().message());
    return;
  }
  std::vector<PlacedNode> placed;
  std::optional<uint64_t> wanted_address = wanted.address();
  for (const AddressNode* node : module.nodes) {
    const Mapping& mapping = profile.mapping(node->mapping);
    const auto address = (*code)->LinkAddress(mapping, node->address);
    if (address) placed.push_back({*address, node});
    if (!wanted.address()) continue;
    const auto link = (*code)->LinkAddress(mapping, *wanted.address());
    if (link) wanted_address = link;
  }
  std::sort(placed.begin(), placed.end(), [](const PlacedNode& a, const PlacedNode& b) {
    return std::tie(a.address, a.node->name) < std::tie(b.address, b.node->name);
  });
  const auto first_at = [&placed](uint64_t address) {
    return static_cast<size_t>(
        std::lower_bound(placed.begin(), placed.end(), address,
                         [](const PlacedNode& p, uint64_t a) { return p.address < a; }) -
        placed.begin());
  };
  for (const CodeModule::Symbol& symbol : (*code)->symbols()) {
    const size_t begin = first_at(symbol.begin);
    const size_t end = first_at(symbol.end);
    if (begin == end) continue;
    const bool at_address =
        wanted_address && *wanted_address >= symbol.begin && *wanted_address < symbol.end;
    if (!at_address && !wanted.Matches(symbol)) continue;
    auto instructions = (*code)->Disassemble(symbol);
    if (!instructions.ok()) {
      result->problems.emplace_back(instructions.status().message());
      continue;
    }
    result->routines.push_back(Annotate(symbol, *std::move(instructions),
                                        absl::MakeConstSpan(placed).subspan(begin, end - begin)));
    result->routines.back().module = std::string(profile.string(module.first->file));
  }
}

}  // namespace

absl::StatusOr<Disassembly> Disassemble(const Selection& selection, absl::string_view regex,
                                        OpenCodeModule open_module) {
  const auto wanted = Wanted::Parse(regex);
  if (!wanted.ok()) return wanted.status();
  const Profile& profile = selection.profile();
  const Addresses addresses(selection);

  std::map<std::pair<absl::string_view, absl::string_view>, Module> modules;  // file, build id
  for (const AddressNode& node : addresses.nodes()) {
    if (!node.mapping.valid()) continue;
    const Mapping& mapping = profile.mapping(node.mapping);
    if (mapping.file.value == 0) continue;
    Module& module = modules[{profile.string(mapping.file), profile.string(mapping.build_id)}];
    if (module.first == nullptr) module.first = &mapping;
    module.nodes.push_back(&node);
    const auto& address = (*wanted)->address();
    module.wanted = module.wanted || (*wanted)->Matches(addresses.NameOf(node)) ||
                    (address && *address >= mapping.start && *address < mapping.limit);
  }
  Disassembly result;
  for (const auto& [unused, module] : modules) {
    if (module.wanted) DisassembleModule(profile, module, **wanted, open_module, &result);
  }
  if (result.routines.empty()) {
    return absl::NotFoundError(absl::StrCat("no matches found for regexp: ", regex,
                                            result.problems.empty() ? "" : "; ",
                                            absl::StrJoin(result.problems, "; ")));
  }
  std::sort(result.routines.begin(), result.routines.end(),
            [](const DisassembledRoutine& a, const DisassembledRoutine& b) {
              const auto start = [](const DisassembledRoutine& r) {
                return r.lines.empty() ? 0 : r.lines.front().address;
              };
              return std::make_tuple(absl::string_view(a.name), start(a)) <
                     std::make_tuple(absl::string_view(b.name), start(b));
            });
  return result;
}

}  // namespace tidemark::report
