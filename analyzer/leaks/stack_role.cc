#include "analyzer/leaks/stack_role.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "absl/types/span.h"

namespace tidemark::leaks {
namespace {

using report::Language;

// By the allocator's own template argument; kOther also for what is no allocator.
struct AllocatorFunction {
  bool is_allocator = false;
  NodeKind kind = NodeKind::kOther;
};
AllocatorFunction AllocatorOf(absl::string_view function) {
  constexpr absl::string_view kAllocators[] = {
      "std::__new_allocator<", "__gnu_cxx::new_allocator<",
      "std::allocator<",       "std::allocator_traits<std::allocator<",
      "std::__1::allocator<",  "std::__1::allocator_traits<std::__1::allocator<",
  };
  constexpr std::pair<absl::string_view, NodeKind> kNodes[] = {
      {"std::_Rb_tree_node<", NodeKind::kTree},
      {"std::__detail::_Hash_node<", NodeKind::kHash},
      {"std::_List_node<", NodeKind::kList},
      {"std::_Fwd_list_node<", NodeKind::kForwardList},
      {"std::__1::__tree_node<", NodeKind::kTree},
      {"std::__1::__hash_node<", NodeKind::kHash},
      {"std::__1::__list_node<", NodeKind::kList},
      {"std::__1::__forward_list_node<", NodeKind::kForwardList},
  };
  if (!absl::StrContains(function, ">::allocate")) return {};
  for (absl::string_view allocator : kAllocators) {
    absl::string_view element = function;
    if (!absl::ConsumePrefix(&element, allocator)) continue;
    for (const auto& [node, kind] : kNodes) {
      if (absl::StartsWith(element, node)) return {true, kind};
    }
    return {true, NodeKind::kOther};
  }
  return {};
}

// Whether the program calls this to say how large a container shall be.
bool NamesSize(absl::string_view function) {
  function = function.substr(0, function.find('('));
  const size_t scope = function.rfind("::");
  if (scope != absl::string_view::npos) function.remove_prefix(scope + 2);
  for (absl::string_view name : {"reserve", "resize", "assign", "with_capacity", "rehash"}) {
    if (absl::StartsWith(function, name)) return true;
  }
  return false;
}

bool IsString(absl::string_view type) {
  return type == "std::string" || type == "String" || type == "string";
}

}  // namespace

bool IsCollection(ContainerKind kind) {
  switch (kind) {
    case ContainerKind::kMap:
    case ContainerKind::kSet:
    case ContainerKind::kSlice:
    case ContainerKind::kDeque:
    case ContainerKind::kList:
    case ContainerKind::kQueue:
      return true;
    case ContainerKind::kString:
    case ContainerKind::kObject:
    case ContainerKind::kBuffer:
      return false;
  }
  return false;
}

bool IsAssociative(ContainerKind kind) {
  return kind == ContainerKind::kMap || kind == ContainerKind::kSet;
}

bool Grows(const Container& container, Language language) {
  // Go's run time grows a map while it inserts; its maps have no nodes.
  const bool is_go_map = language == Language::kGo && container.kind == ContainerKind::kMap;
  return container.operation == Operation::kGrow || container.operation == Operation::kRehash ||
         (is_go_map && container.operation == Operation::kInsert);
}

int64_t LinkBytes(NodeKind kind) {
  switch (kind) {
    case NodeKind::kTree:
      return 32;
    case NodeKind::kList:
      return 16;
    case NodeKind::kHash:
    case NodeKind::kForwardList:
      return 8;
    case NodeKind::kOther:
      return 0;
  }
  return 0;
}

StackRoles::StackRoles(const Profile& profile)
    : profile_(profile), functions_(profile.functions().size()) {}

Language StackRoles::LanguageOf(StackId stack, const Container* container) const {
  if (container != nullptr) {
    const Language language = report::LanguageOfType(container->type);
    if (language != Language::kUnknown) return language;
  }
  const FramePosition site = profile_.annotations().site[stack.value];
  const absl::Span<const Line> lines = profile_.lines(profile_.stack(stack)[site.location]);
  if (site.line >= lines.size() || !lines[site.line].function.valid()) return Language::kUnknown;
  const Function& function = profile_.function(lines[site.line].function);
  return report::LanguageOf(profile_.string(function.name), profile_.string(function.filename));
}

StackRole StackRoles::RoleOf(StackId stack, const Container& container, Language language) {
  StackRole role;
  if (container.kind == ContainerKind::kObject) return role;
  const Operation operation = container.operation;
  const bool is_string = container.kind == ContainerKind::kString;
  const bool grows = Grows(container, language);
  role.is_storage = grows || (operation == Operation::kCreate && !is_string);
  role.is_element = !role.is_storage && !is_string && operation != Operation::kUnknown;
  role.is_regrown = grows && !SetsSize(stack);
  if (role.is_element) role.node_kind = NodeKindOf(stack);
  const bool holds_strings = !IsAssociative(container.kind) && IsString(container.element);
  role.is_text = (is_string && !grows) ||
                 (role.is_element && role.node_kind == NodeKind::kOther && holds_strings);
  return role;
}

const StackRoles::FunctionFacts& StackRoles::FactsOf(FunctionId id) {
  FunctionFacts& facts = functions_[id.value];
  if (!facts.is_known) {
    const absl::string_view name = profile_.string(profile_.function(id).name);
    const AllocatorFunction allocator = AllocatorOf(name);
    facts = {.is_known = true,
             .sets_size = NamesSize(name),
             .is_allocator = allocator.is_allocator,
             .node_kind = allocator.kind};
  }
  return facts;
}

// Calls `visit` with the function of each frame within the site, leaf first, until it
// returns false.
template <class Visit>
void StackRoles::VisitGlue(StackId stack, Visit visit) {
  const FramePosition site = profile_.annotations().site[stack.value];
  const absl::Span<const LocationId> locations = profile_.stack(stack);
  for (uint32_t location = 0; location <= site.location; ++location) {
    const absl::Span<const Line> lines = profile_.lines(locations[location]);
    for (uint32_t line = 0; line < lines.size(); ++line) {
      if (location == site.location && line >= site.line) return;
      if (lines[line].function.valid() && !visit(FactsOf(lines[line].function))) return;
    }
  }
}

// Whether the site itself called for a size.
bool StackRoles::SetsSize(StackId stack) {
  bool sets_size = false;
  VisitGlue(stack, [&](const FunctionFacts& facts) {
    sets_size = facts.sets_size;
    return true;
  });
  return sets_size;
}

// The innermost allocator's: an element's own memory has another within a node's.
NodeKind StackRoles::NodeKindOf(StackId stack) {
  NodeKind kind = NodeKind::kOther;
  VisitGlue(stack, [&](const FunctionFacts& facts) {
    kind = facts.node_kind;
    return !facts.is_allocator;
  });
  return kind;
}

}  // namespace tidemark::leaks
