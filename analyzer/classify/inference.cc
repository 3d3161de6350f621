#include "analyzer/classify/inference.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/hash/hash.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "analyzer/classify/block_size.h"
#include "analyzer/classify/growth_pattern.h"

namespace tidemark::classify {
namespace {

// Share of the live bytes that must have gone through realloc.
constexpr double kMinReallocated = 0.5;
// A tree's node has three pointers and a colour before its value: what is smaller may be a list's.
constexpr int64_t kLeastTreeNode = 40;
// A table of pointers has room for that many times its nodes, at least and at most.
constexpr double kLeastRoom = 1.0 / 16;
constexpr double kMostRoom = 16;

enum class Guess : uint8_t { kNone, kArray, kTable, kNodes, kTableNodes };

struct Site {
  GrowthPattern sizes;
  double live = 0;         // bytes
  double reallocated = 0;  // of them
  bool is_reallocated = false;
  bool has_lines = false;  // its inlined calls would be known
  Guess guess = Guess::kNone;
  int64_t node_size = 0;
  // What called the function that the site is in, and what called its caller: hashes of the
  // stacks above.
  std::vector<size_t> callers;
  std::vector<size_t> callers_callers;
  std::vector<StackId> stacks;
};

class Inference {
 public:
  Inference(const Profile& profile, Annotations& annotations)
      : profile_(profile), annotations_(annotations) {}

  // False when the profile does not say what is needed.
  bool Collect() {
    const BlockSizes sizes(profile_);
    const int alloc = profile_.FindSampleType("alloc_space");
    const int live = profile_.FindSampleType("inuse_space");
    const StringId reallocs = profile_.FindString("reallocs");
    if (!sizes.are_known() || alloc < 0 || live < 0) return false;
    AddStacks(sizes.tolerance());
    const absl::Span<const int64_t> alloc_values = profile_.values(static_cast<size_t>(alloc));
    const absl::Span<const int64_t> live_values = profile_.values(static_cast<size_t>(live));
    for (size_t row = 0; row < profile_.sample_count(); ++row) {
      const size_t index = site_of_stack_[profile_.sample_stacks()[row].value];
      if (index == kNoSite) continue;
      Site& site = sites_[index];
      site.sizes.Add(sizes.Of(row), alloc_values[row], live_values[row]);
      site.live += static_cast<double>(std::max<int64_t>(0, live_values[row]));
      if (!reallocs.valid()) continue;
      for (const Label& label : profile_.labels(profile_.sample_labels()[row])) {
        if (label.key != reallocs || label.num <= 1) continue;
        site.reallocated += static_cast<double>(std::max<int64_t>(0, live_values[row]));
      }
    }
    return true;
  }

  void Judge() {
    for (Site& site : sites_) site.guess = GuessOf(site);
    for (Site& site : sites_) IndexCallers(site);
    for (Site& site : sites_) {
      if (site.guess == Guess::kTable) ClaimNodes(site);
    }
    for (Site& site : sites_) {
      if (site.guess == Guess::kArray) DropIfTwoFit(site);
    }
  }

  void Fill(absl::FunctionRef<ContainerId(const Container&)> intern) {
    for (const Site& site : sites_) {
      if (site.guess == Guess::kNone) continue;
      const ContainerId id = intern(ContainerOf(site));
      for (const StackId stack : site.stacks) annotations_.container[stack.value] = id;
    }
  }

 private:
  static constexpr size_t kNoSite = ~size_t{0};

  // The sites of the stacks that have no container.
  void AddStacks(int64_t tolerance) {
    site_of_stack_.assign(profile_.stack_count(), kNoSite);
    absl::flat_hash_map<std::pair<uint32_t, uint32_t>, size_t> index;
    for (uint32_t i = 0; i < profile_.stack_count(); ++i) {
      const absl::Span<const LocationId> stack = profile_.stack(StackId{i});
      if (stack.empty() || annotations_.container[i].valid()) continue;
      const FramePosition at = annotations_.site[i];
      const LocationId location = stack[at.location];
      const auto [it, inserted] = index.try_emplace({location.value, at.line}, sites_.size());
      if (inserted) {
        const absl::Span<const Line> lines = profile_.lines(location);
        Site& added = sites_.emplace_back();
        added.sizes = GrowthPattern(tolerance);
        added.has_lines = !lines.empty() && lines[at.line].line > 0;
      }
      Site& site = sites_[it->second];
      site_of_stack_[i] = it->second;
      site.stacks.push_back(StackId{i});
      site.callers.push_back(HashFrom(stack, at.location + 1));
      site.callers_callers.push_back(HashFrom(stack, at.location + 2));
    }
  }

  static size_t HashFrom(absl::Span<const LocationId> stack, size_t begin) {
    const absl::Span<const LocationId> rest = stack.subspan(std::min(begin, stack.size()));
    return absl::Hash<absl::Span<const LocationId>>()(rest);
  }

  static Guess GuessOf(Site& site) {
    site.is_reallocated = site.live > 0 && site.reallocated >= kMinReallocated * site.live;
    if (site.is_reallocated) return Guess::kArray;
    const bool is_array = site.sizes.IsGrowingArray();
    const bool is_table = site.sizes.IsPointerTable();
    if (is_array && is_table) return Guess::kNone;
    if (is_array) return Guess::kArray;
    if (is_table) return Guess::kTable;
    site.node_size = site.sizes.NodeSize();
    const bool is_list = site.node_size > 0 && site.node_size < kLeastTreeNode && !site.has_lines;
    return is_list ? Guess::kNodes : Guess::kNone;
  }

  void IndexCallers(Site& site) {
    if (site.node_size == 0) return;
    for (const size_t caller : site.callers) node_sites_[caller].push_back(&site);
  }

  // The sites of equal small blocks in the function that made this array, or in its caller.
  absl::flat_hash_set<Site*> NodesBeside(const Site& array) const {
    absl::flat_hash_set<Site*> found;
    for (const std::vector<size_t>* callers : {&array.callers, &array.callers_callers}) {
      for (const size_t caller : *callers) {
        const auto it = node_sites_.find(caller);
        if (it != node_sites_.end()) found.insert(it->second.begin(), it->second.end());
      }
    }
    return found;
  }

  // Whether the array may hold a pointer to each of the nodes.
  static bool HasRoomFor(const Site& array, const Site& nodes) {
    const double slots = array.sizes.live_bytes() / sizeof(void*);
    const double count = nodes.sizes.live_bytes() / static_cast<double>(nodes.node_size);
    return slots >= kLeastRoom * count && slots <= kMostRoom * count;
  }

  void ClaimNodes(const Site& table) const {
    for (Site* nodes : NodesBeside(table)) {
      if (HasRoomFor(table, *nodes)) nodes->guess = Guess::kTableNodes;
    }
  }

  // A table of pointers that doubles may be a hash table's, or a vector of pointers. What was
  // reallocated is the latter. In both the blocks beside it are no list.
  void DropIfTwoFit(Site& array) const {
    for (Site* nodes : NodesBeside(array)) {
      if (nodes->guess == Guess::kTableNodes || !HasRoomFor(array, *nodes)) continue;
      nodes->guess = Guess::kNone;
      if (!array.is_reallocated) array.guess = Guess::kNone;
    }
  }

  static Container ContainerOf(const Site& site) {
    Container result;
    result.evidence = Evidence::kInferred;
    switch (site.guess) {
      case Guess::kArray:
        result.kind = ContainerKind::kSlice;
        result.operation = Operation::kGrow;
        break;
      case Guess::kTable:
        result.kind = ContainerKind::kMap;
        result.operation = Operation::kRehash;
        break;
      case Guess::kTableNodes:
        result.kind = ContainerKind::kMap;
        result.operation = Operation::kInsert;
        break;
      case Guess::kNodes:
        result.kind = ContainerKind::kList;
        result.operation = Operation::kInsert;
        result.badge = absl::StrCat("nodes of ", site.node_size, " B?");
        break;
      case Guess::kNone:
        break;
    }
    return result;
  }

  const Profile& profile_;
  Annotations& annotations_;
  std::vector<Site> sites_;
  std::vector<size_t> site_of_stack_;
  absl::flat_hash_map<size_t, std::vector<Site*>> node_sites_;  // by their callers
};

}  // namespace

void InferContainers(const Profile& profile, Annotations& annotations,
                     absl::FunctionRef<ContainerId(const Container&)> intern) {
  Inference inference(profile, annotations);
  if (!inference.Collect()) return;
  inference.Judge();
  inference.Fill(intern);
}

}  // namespace tidemark::classify
