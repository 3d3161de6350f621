#include "analyzer/classify/function_class.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace tidemark::classify {
namespace {

// Scopes nested deeper in a container's class than this are not looked through.
constexpr int kMaxEnclosing = 4;

// rustc's two manglings: v0 "_R…", and "_ZN…17h<16 hex digits>E".
bool IsRust(absl::string_view system_name) {
  if (absl::StartsWith(system_name, "_R")) return true;
  if (!absl::StartsWith(system_name, "_ZN")) return false;
  const size_t hash = system_name.rfind("17h");
  return hash != absl::string_view::npos && system_name.size() >= hash + 20 &&
         system_name[hash + 19] == 'E';
}

// "h0123456789abcdef", the hash that ends a name of rustc's old mangling.
bool IsRustHash(absl::string_view component) {
  if (component.size() != 17 || component[0] != 'h') return false;
  for (char c : component.substr(1)) {
    if (!absl::ascii_isxdigit(static_cast<unsigned char>(c))) return false;
  }
  return true;
}

// "<alloc::vec::Vec<T> as core::iter::Extend<T>>" speaks of "alloc::vec::Vec<T>".
absl::string_view WithoutTrait(absl::string_view scope) {
  if (!absl::StartsWith(scope, "<") || !absl::EndsWith(scope, ">")) return scope;
  scope = scope.substr(1, scope.size() - 2);
  return scope.substr(0, scope.find(" as "));
}

std::string QualifiedName(const FunctionName& parts) {
  if (parts.scope.empty()) return std::string(parts.base);
  return absl::StrCat(WithoutInlineNamespaces(parts.scope), "::", parts.base);
}

absl::string_view LastComponent(absl::string_view scope) { return SplitFunctionName(scope).base; }

// X::X(X const&), X::X(X&&), X::operator=(X const&)…
bool TakesItsOwnClass(const FunctionName& parts, absl::string_view scope) {
  absl::string_view parameters = parts.parameters;
  if (!absl::StartsWith(parameters, scope)) return false;
  parameters.remove_prefix(scope.size());
  return absl::StartsWith(parameters, " const&") || absl::StartsWith(parameters, "&&") ||
         absl::StartsWith(parameters, "&");
}

bool IsTable(ContainerKind kind) {
  return kind == ContainerKind::kMap || kind == ContainerKind::kSet;
}

absl::string_view ArgumentOr(const std::vector<absl::string_view>& arguments, size_t i) {
  return i < arguments.size() ? arguments[i] : absl::string_view();
}

std::string Instance(absl::string_view shown, std::initializer_list<std::string> arguments) {
  std::string list;
  for (const std::string& argument : arguments) {
    if (argument.empty()) continue;
    absl::StrAppend(&list, list.empty() ? "" : ", ", argument);
  }
  return list.empty() ? std::string(shown) : absl::StrCat(shown, "<", list, ">");
}

Container KeyValue(absl::string_view shown, absl::string_view key, absl::string_view value) {
  Container result;
  result.kind = ContainerKind::kMap;
  const std::string short_key = ShortTypeName(key);
  const std::string short_value = ShortTypeName(value);
  result.type = Instance(shown, {short_key, short_value});
  if (!short_key.empty() && !short_value.empty()) {
    result.element = absl::StrCat("std::pair<const ", short_key, ", ", short_value, ">");
  }
  return result;
}

Container Single(ContainerKind kind, absl::string_view shown, absl::string_view element) {
  Container result;
  result.kind = kind;
  result.element = ShortTypeName(element);
  result.type = Instance(shown, {result.element});
  return result;
}

// A map when the stored value is a pair whose first is the key, else a set.
Container Associative(absl::string_view map, absl::string_view set, absl::string_view key,
                      absl::string_view value, absl::string_view extract_key) {
  const TemplateName pair = SplitTemplate(value);
  const bool is_pair = pair.name == "std::pair" && pair.arguments.size() == 2;
  const bool is_identity = absl::StrContains(extract_key, "_Identity");
  if (is_pair && !is_identity && key != value) return KeyValue(map, key, pair.arguments[1]);
  return Single(ContainerKind::kSet, set, value);
}

// std::allocator<std::_Rb_tree_node<T>> and its like.
Container FromAllocator(absl::string_view element) {
  TemplateName node = SplitTemplate(element);
  if (node.name == "std::allocator" && !node.arguments.empty()) {
    element = node.arguments[0];
    node = SplitTemplate(element);
  }
  const std::string name = WithoutInlineNamespaces(node.name);
  const absl::string_view value = ArgumentOr(node.arguments, 0);
  const TemplateName pair = SplitTemplate(value);
  const absl::string_view key =
      pair.name == "std::pair" ? ArgumentOr(pair.arguments, 0) : absl::string_view();
  const absl::string_view bare_key =
      absl::EndsWith(key, " const") ? key.substr(0, key.size() - 6) : key;
  // Only a map's pair has a constant first.
  const bool is_map = bare_key.size() != key.size();
  if (name == "std::_Rb_tree_node") {
    return is_map ? KeyValue("std::map", bare_key, ArgumentOr(pair.arguments, 1))
                  : Single(ContainerKind::kSet, "std::set", value);
  }
  if (name == "std::__detail::_Hash_node") {
    return is_map ? KeyValue("std::unordered_map", bare_key, ArgumentOr(pair.arguments, 1))
                  : Single(ContainerKind::kSet, "std::unordered_set", value);
  }
  if (name == "std::__detail::_Hash_node_base*" || absl::StrContains(element, "_Hash_node_base")) {
    Container result;
    result.kind = ContainerKind::kMap;
    result.type = "std::unordered_map";
    return result;
  }
  if (name == "std::_List_node") return Single(ContainerKind::kList, "std::list", value);
  if (name == "std::_Fwd_list_node") {
    return Single(ContainerKind::kList, "std::forward_list", value);
  }
  if (name == "std::_Sp_counted_ptr_inplace") {
    return Single(ContainerKind::kObject, "std::shared_ptr", value);
  }
  Container result;
  result.kind = ContainerKind::kBuffer;
  result.element = ShortTypeName(element);
  if (!result.element.empty()) result.type = absl::StrCat(result.element, "[]");
  return result;
}

Container FromPolicy(const std::vector<absl::string_view>& arguments) {
  const TemplateName policy = SplitTemplate(ArgumentOr(arguments, 0));
  const std::string name = WithoutInlineNamespaces(policy.name);
  const bool is_node = absl::StrContains(name, "Node");
  if (absl::StrContains(name, "MapPolicy")) {
    return KeyValue(is_node ? "absl::node_hash_map" : "absl::flat_hash_map",
                    ArgumentOr(policy.arguments, 0), ArgumentOr(policy.arguments, 1));
  }
  return Single(ContainerKind::kSet, is_node ? "absl::node_hash_set" : "absl::flat_hash_set",
                ArgumentOr(policy.arguments, 0));
}

}  // namespace

Container MakeContainer(ContainerKind kind, absl::string_view shown, Shape shape,
                        const std::vector<absl::string_view>& arguments) {
  const absl::string_view a0 = ArgumentOr(arguments, 0);
  const absl::string_view a1 = ArgumentOr(arguments, 1);
  switch (shape) {
    case Shape::kPlain: {
      Container result;
      result.kind = kind;
      result.type = std::string(shown);
      return result;
    }
    case Shape::kElement:
      return Single(kind, shown, a0);
    case Shape::kTemplate:
    case Shape::kBasicString: {
      Container result;
      result.kind = kind;
      result.element = ShortTypeName(a0);
      // Through ShortTypeName, so that defaults go and what was chosen by hand stays.
      std::string type(shown);
      for (size_t i = 0; i < arguments.size(); ++i) {
        absl::StrAppend(&type, i == 0 ? "<" : ", ", arguments[i]);
      }
      if (!arguments.empty()) type += '>';
      result.type = ShortTypeName(type);
      if (shape == Shape::kBasicString && arguments.empty()) result.type = "std::string";
      return result;
    }
    case Shape::kKeyValue: {
      Container result = KeyValue(shown, a0, a1);
      result.kind = kind;
      return result;
    }
    case Shape::kTree:
      return Associative("std::map", "std::set", a0, a1, ArgumentOr(arguments, 2));
    case Shape::kHashtable:
      return Associative("std::unordered_map", "std::unordered_set", a0, a1,
                         ArgumentOr(arguments, 3));
    case Shape::kMapBase:
      return KeyValue(shown, a0, ArgumentOr(SplitTemplate(a1).arguments, 1));
    case Shape::kNodeAllocator:
      return FromAllocator(a0);
    case Shape::kPolicy:
      return FromPolicy(arguments);
  }
  return Container();
}

FunctionClassifier::FunctionClassifier() {
  for (const RuleTable& table : BuiltInRules()) {
    for (const ClassRule& rule : table.classes) classes_.Add(rule.name, &rule);
    for (const FunctionRule& rule : table.functions) functions_.Add(rule.function, &rule);
    for (const OperationRule& rule : table.operations) {
      operations_.Add(rule.function, rule.operation);
    }
    for (absl::string_view function : table.glue) glue_.Add(function, true);
    namespaces_.insert(namespaces_.end(), table.namespaces.begin(), table.namespaces.end());
    modules_.insert(modules_.end(), table.modules.begin(), table.modules.end());
  }
}

Operation FunctionClassifier::OperationOf(const FunctionName& parts,
                                          absl::string_view class_scope) const {
  if (!class_scope.empty() && parts.base == LastComponent(class_scope)) {
    return TakesItsOwnClass(parts, class_scope) ? Operation::kCopy : Operation::kCreate;
  }
  const Operation* operation = operations_.Find(parts.base);
  return operation == nullptr ? Operation::kUnknown : *operation;
}

bool FunctionClassifier::ClassifyMember(const FunctionName& parts, FunctionClass* result) const {
  // Helpers nested in a container's class (_Rb_tree<…>::_Auto_node) speak for it too.
  absl::string_view scope = WithoutTrait(parts.scope);
  for (int i = 0; i < kMaxEnclosing && !scope.empty(); ++i) {
    const TemplateName type = SplitTemplate(scope);
    const ClassRule* const* found = classes_.Find(WithoutInlineNamespaces(type.name));
    if (found != nullptr) {
      const ClassRule& rule = **found;
      result->role = Role::kContainer;
      result->container = MakeContainer(rule.kind, rule.shown, rule.shape, type.arguments);
      result->container.operation = OperationOf(parts, i == 0 ? scope : absl::string_view());
      if (IsTable(rule.kind) && result->container.operation == Operation::kGrow) {
        result->container.operation = Operation::kRehash;
      }
      result->is_certain = rule.shape != Shape::kNodeAllocator;
      return true;
    }
    scope = SplitFunctionName(scope).scope;
  }
  return false;
}

FunctionClass FunctionClassifier::Classify(absl::string_view name,
                                           absl::string_view system_name) const {
  FunctionClass result;
  FunctionName parts = SplitFunctionName(name);
  const bool has_hash = IsRustHash(parts.base);
  if (has_hash) parts = SplitFunctionName(parts.scope);
  const std::string qualified = QualifiedName(parts);

  if (const FunctionRule* const* found = functions_.Find(qualified); found != nullptr) {
    const FunctionRule& rule = **found;
    result.role = Role::kContainer;
    result.container =
        MakeContainer(rule.kind, rule.shown, rule.shape, SplitArguments(parts.arguments));
    result.container.operation = rule.operation;
    return result;
  }
  if (ClassifyMember(parts, &result)) return result;
  if (glue_.Find(qualified) != nullptr) {
    result.role = Role::kGlue;
    return result;
  }
  const bool is_rust = has_hash || IsRust(system_name);
  for (const NamespaceRule& rule : namespaces_) {
    if ((!rule.rust_only || is_rust) && absl::StartsWith(qualified, rule.prefix)) {
      result.role = Role::kGlue;
      return result;
    }
  }
  const bool may_copy = parts.base == "operator=" || parts.base == LastComponent(parts.scope);
  if (!parts.scope.empty() && may_copy && TakesItsOwnClass(parts, parts.scope)) {
    result.role = Role::kUserCopy;
  }
  return result;
}

bool FunctionClassifier::IsGlueModule(absl::string_view path) const {
  const size_t slash = path.rfind('/');
  const absl::string_view file = slash == absl::string_view::npos ? path : path.substr(slash + 1);
  for (absl::string_view prefix : modules_) {
    if (absl::StartsWith(file, prefix)) return true;
  }
  return false;
}

}  // namespace tidemark::classify
