#include "analyzer/classify/go_sites.h"

#include <algorithm>
#include <string>
#include <tuple>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace tidemark::classify {
namespace {

// Enough for the run time's frames and for the callers that have a say.
constexpr size_t kMostFrames = 64;
// A file whose functions have other names than the profile's at more than one in this many
// places is of another build.
constexpr size_t kOneIn = 10;
constexpr uint32_t kNotMeasured = 0xffffffff;

ContainerKind KindOf(golang::AllocationKind kind) {
  switch (kind) {
    case golang::AllocationKind::kMap:
      return ContainerKind::kMap;
    case golang::AllocationKind::kSlice:
      return ContainerKind::kSlice;
    case golang::AllocationKind::kString:
      return ContainerKind::kString;
    case golang::AllocationKind::kChannel:
      return ContainerKind::kQueue;
    case golang::AllocationKind::kObject:
    case golang::AllocationKind::kClosure:
      break;
  }
  return ContainerKind::kObject;
}

Operation OperationOf(const golang::Allocation& allocation) {
  switch (allocation.step) {
    case golang::AllocationStep::kCreate:
      return Operation::kCreate;
    case golang::AllocationStep::kGrow:
      return allocation.kind == golang::AllocationKind::kMap ? Operation::kRehash
                                                             : Operation::kGrow;
    case golang::AllocationStep::kInsert:
      return Operation::kInsert;
    case golang::AllocationStep::kCopy:
      return Operation::kCopy;
    case golang::AllocationStep::kUnknown:
      break;
  }
  return Operation::kUnknown;
}

Container ContainerOf(const golang::Allocation& allocation) {
  Container container;
  container.kind = KindOf(allocation.kind);
  container.type = allocation.kind == golang::AllocationKind::kClosure
                       ? "closure"
                       : ShortGoType(allocation.type);
  container.element = ShortGoType(allocation.element);
  container.operation = OperationOf(allocation);
  if (allocation.is_inferred) container.evidence = Evidence::kInferred;
  const GoContainer* const known = FindGoContainerType(allocation.package, allocation.type);
  if (known != nullptr) {
    container.kind = known->kind;
    container.type = std::string(known->type);
  } else if (container.kind == ContainerKind::kObject) {
    container.element = container.type;
  }
  return container;
}

bool IsGoFile(absl::string_view file) { return absl::EndsWith(file, ".go"); }

// Functions of the library's containers whose result is the caller's, not the container's.
bool ReturnsCopy(absl::string_view function) {
  const absl::string_view method = function.substr(function.rfind('.') + 1);
  return method == "String" || method == "Text" || absl::StartsWith(method, "Read");
}

std::string OwnPath(const Profile& profile, MappingId id) {
  if (!id.valid()) return "";
  const Mapping& mapping = profile.mapping(id);
  const std::string path(profile.string(mapping.file));
  const auto image = golang::ElfImage::Open(path);
  if (!image.ok()) return "";
  const std::string wanted = absl::AsciiStrToLower(profile.string(mapping.build_id));
  const std::string& found = (*image)->build_id();
  return wanted.empty() || found.empty() || wanted == found ? path : "";
}

}  // namespace

// A mapping's program and what is known of this profile's functions with it.
struct GoSites::Program {
  GoProgram* file = nullptr;  // null: only names are known
  const GoPackages* packages = nullptr;
  std::vector<std::optional<GoOrigin>> origins;  // by FunctionId, when asked

  // The link-time address; nullopt outside of the program's Go code, or without the program.
  std::optional<uint64_t> LinkAddress(const Profile& profile, const Location& location) const {
    if (file == nullptr) return std::nullopt;
    const golang::ElfImage& image = file->binary().image();
    std::optional<uint64_t> address;
    if (location.mapping.valid()) {
      const Mapping& mapping = profile.mapping(location.mapping);
      address = image.LinkAddress(mapping.start, mapping.offset, location.address);
    }
    // A program that is not position-independent is where it was linked to be.
    if (!address && !image.is_position_independent()) address = location.address;
    return address && file->binary().FunctionAt(*address) ? address : std::nullopt;
  }
};

// A stack that begins in a Go program's code.
struct GoSites::Leaf {
  StackId stack;
  MappingId mapping;
  uint64_t address = 0;  // link-time
};

GoSites::GoSites(const Profile& profile, const ClassifyOptions& options)
    : profile_(profile),
      options_(options),
      go_programs_(options.go_programs ? options.go_programs : std::make_shared<GoPrograms>()) {
  programs_.resize(profile.mappings().size() + 1);
  const std::vector<Leaf> leaves = FindLeaves();
  DropOtherBuilds(leaves);
  ReadCallSites(leaves);
}

GoSites::~GoSites() = default;

bool GoSites::MayBeGo(LocationId id) const {
  const absl::Span<const Line> lines = profile_.lines(id);
  return lines.empty() || std::any_of(lines.begin(), lines.end(), [&](const Line& line) {
           return line.function.valid() &&
                  IsGoFile(profile_.string(profile_.function(line.function).filename));
         });
}

GoSites::Program& GoSites::ProgramOf(MappingId mapping) {
  std::unique_ptr<Program>& program =
      programs_[mapping.valid() ? mapping.value : programs_.size() - 1];
  if (program != nullptr) return *program;
  program = std::make_unique<Program>();
  program->packages = &unknown_packages_;
  program->origins.resize(profile_.functions().size());
  const std::string path =
      options_.find_binary ? options_.find_binary(profile_, mapping) : OwnPath(profile_, mapping);
  if (!path.empty()) program->file = go_programs_->Open(path);
  if (program->file != nullptr) program->packages = &program->file->packages();
  return *program;
}

std::vector<GoSites::Leaf> GoSites::FindLeaves() {
  std::vector<Leaf> leaves;
  for (uint32_t i = 0; i < profile_.stack_count(); ++i) {
    const absl::Span<const LocationId> stack = profile_.stack(StackId{i});
    if (stack.empty() || !MayBeGo(stack[0])) continue;
    const Location& location = profile_.location(stack[0]);
    const Program& program = ProgramOf(location.mapping);
    if (const auto address = program.LinkAddress(profile_, location)) {
      leaves.push_back({StackId{i}, location.mapping, *address});
    }
  }
  // By address, so that each function's code is followed once.
  std::sort(leaves.begin(), leaves.end(), [](const Leaf& a, const Leaf& b) {
    return std::tie(a.mapping, a.address, a.stack) < std::tie(b.mapping, b.address, b.stack);
  });
  return leaves;
}

// Build ids are rare in Go programs, so the names are compared.
void GoSites::DropOtherBuilds(const std::vector<Leaf>& leaves) {
  for (size_t begin = 0; begin < leaves.size();) {
    const MappingId mapping = leaves[begin].mapping;
    Program& program = ProgramOf(mapping);
    size_t named = 0;
    size_t different = 0;
    size_t end = begin;
    for (; end < leaves.size() && leaves[end].mapping == mapping; ++end) {
      const absl::Span<const Line> lines = profile_.lines(profile_.stack(leaves[end].stack)[0]);
      if (lines.empty() || !lines.back().function.valid()) continue;
      ++named;
      const Function& function = profile_.function(lines.back().function);
      const std::string theirs = WithoutTypeArguments(profile_.string(function.name));
      const std::string ours =
          WithoutTypeArguments(program.file->binary().FunctionAt(leaves[end].address)->name);
      if (theirs != ours) ++different;
    }
    begin = end;
    if (different * kOneIn <= named) continue;
    if (options_.warnings != nullptr) {
      options_.warnings->push_back(
          absl::StrCat(program.file->binary().image().path(),
                       ": another build than the profile's: at ", different, " of ", named,
                       " addresses it has other functions; what Go allocates is not known"));
    }
    program.file = nullptr;
    program.packages = &unknown_packages_;
  }
}

void GoSites::ReadCallSites(const std::vector<Leaf>& leaves) {
  if (leaves.empty()) return;
  measured_.assign(profile_.stack_count(), kNotMeasured);
  for (const Leaf& leaf : leaves) {
    const Program& program = ProgramOf(leaf.mapping);
    if (program.file == nullptr) continue;
    const std::optional<golang::Allocation> allocation =
        program.file->call_sites().AllocationAt(ReturnAddresses(leaf, program));
    if (!allocation) continue;
    Measured answer{ContainerOf(*allocation), static_cast<uint32_t>(allocation->frame)};
    // Stacks from one address follow each other, and most have one answer.
    const bool is_last = !answers_.empty() && answers_.back().depth == answer.depth &&
                         answers_.back().container == answer.container;
    if (!is_last) answers_.push_back(std::move(answer));
    measured_[leaf.stack.value] = static_cast<uint32_t>(answers_.size() - 1);
  }
}

const GoSites::Measured* GoSites::MeasuredAt(StackId stack) const {
  if (measured_.empty() || measured_[stack.value] == kNotMeasured) return nullptr;
  return &answers_[measured_[stack.value]];
}

// A location's address is that of its CALL's last byte.
std::vector<uint64_t> GoSites::ReturnAddresses(const Leaf& leaf, const Program& program) const {
  std::vector<uint64_t> addresses;
  for (const LocationId id : profile_.stack(leaf.stack)) {
    const Location& location = profile_.location(id);
    if (location.mapping != leaf.mapping || addresses.size() == kMostFrames) break;
    const std::optional<uint64_t> address = program.LinkAddress(profile_, location);
    if (!address) break;
    addresses.push_back(*address + 1);
  }
  return addresses;
}

GoOrigin GoSites::OriginOf(FunctionId id, Program& program) {
  if (!id.valid()) return GoOrigin::kHelper;
  std::optional<GoOrigin>& known = program.origins[id.value];
  if (!known) {
    known = program.packages->OriginOf(GoPackage(profile_.string(profile_.function(id).name)));
  }
  return *known;
}

// Of one without names.
GoOrigin GoSites::OriginOf(const Location& location, const Program& program) const {
  const std::optional<uint64_t> address = program.LinkAddress(profile_, location);
  if (!address) return GoOrigin::kHelper;
  return program.packages->OriginOf(GoPackage(program.file->binary().FunctionAt(*address)->name));
}

FramePosition GoSites::FindSite(StackId stack, Program& program) {
  const absl::Span<const LocationId> locations = profile_.stack(stack);
  std::optional<FramePosition> library;
  for (uint32_t depth = 0; depth < locations.size(); ++depth) {
    const absl::Span<const Line> lines = profile_.lines(locations[depth]);
    const uint32_t count = std::max<uint32_t>(1, static_cast<uint32_t>(lines.size()));
    for (uint32_t line = 0; line < count; ++line) {
      const GoOrigin origin = lines.empty() ? OriginOf(profile_.location(locations[depth]), program)
                                            : OriginOf(lines[line].function, program);
      if (origin == GoOrigin::kUser) return {depth, line};
      if (origin == GoOrigin::kLibrary && !library) library = FramePosition{depth, line};
    }
  }
  const Measured* const measured = MeasuredAt(stack);
  return library.value_or(FramePosition{measured != nullptr ? measured->depth : 0, 0});
}

// The innermost, and of containers within containers of its kind the outermost.
const GoContainer* GoSites::FindLibraryContainer(StackId stack, FramePosition site,
                                                 bool* returns_copy) const {
  const GoContainer* found = nullptr;
  const absl::Span<const LocationId> locations = profile_.stack(stack);
  for (uint32_t depth = 0; depth <= site.location; ++depth) {
    const absl::Span<const Line> lines = profile_.lines(locations[depth]);
    for (uint32_t line = 0; line < lines.size(); ++line) {
      if (FramePosition{depth, line} >= site) return found;
      if (!lines[line].function.valid()) continue;
      const absl::string_view name = profile_.string(profile_.function(lines[line].function).name);
      const GoContainer* const here = FindGoContainer(name);
      if (here == nullptr || (found != nullptr && here->kind != found->kind)) continue;
      if (found == nullptr) *returns_copy = ReturnsCopy(name);
      found = here;
    }
  }
  return found;
}

std::optional<GoSites::Site> GoSites::At(StackId stack) {
  const absl::Span<const LocationId> locations = profile_.stack(stack);
  if (locations.empty() || !MayBeGo(locations[0])) return std::nullopt;
  const Location& leaf = profile_.location(locations[0]);
  Program& program = ProgramOf(leaf.mapping);
  const bool has_names = !profile_.lines(locations[0]).empty();
  if (!has_names && !program.LinkAddress(profile_, leaf)) return std::nullopt;
  Site result;
  result.site = FindSite(stack, program);
  if (const Measured* const measured = MeasuredAt(stack)) result.container = measured->container;
  // What a method of a container makes for its caller is none of the container's.
  bool returns_copy = false;
  const GoContainer* const library = FindLibraryContainer(stack, result.site, &returns_copy);
  if (library == nullptr || returns_copy) return result;
  if (!result.container) {
    result.container.emplace();
    result.container->evidence = Evidence::kInferred;
  } else if (result.container->kind != ContainerKind::kSlice &&
             result.container->kind != ContainerKind::kObject) {
    return result;
  }
  result.container->kind = library->kind;
  result.container->type = std::string(library->type);
  return result;
}

}  // namespace tidemark::classify
