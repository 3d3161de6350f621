#include "analyzer/classify/function_class.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "analyzer/classify/container_shape.h"
#include "analyzer/classify/cxx_scope.h"
#include "analyzer/classify/rust_path.h"

namespace tidemark::classify {

// A name taken apart once for all rules.
struct FunctionClassifier::Name {
  FunctionName parts;
  std::string qualified;  // without inline namespaces and template arguments
  bool is_rust = false;
  RustScope rust;  // of parts.scope
  absl::string_view source;
};

namespace {

// Scopes nested deeper in a container's class than this are not looked through.
constexpr int kMaxEnclosing = 4;

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

bool IsArray(ContainerKind kind) {
  return kind == ContainerKind::kSlice || kind == ContainerKind::kString ||
         kind == ContainerKind::kBuffer;
}

// What a rule makes of template arguments. In rustc's old mangling these are parameters' names,
// which tell nothing.
template <class Rule>
Container ContainerOf(const Rule& rule, std::vector<absl::string_view> arguments, bool is_rust) {
  if (!is_rust) return MakeContainer(rule.kind, rule.shown, rule.shape, arguments);
  for (absl::string_view& argument : arguments) {
    if (IsGenericParameter(argument)) argument = {};
  }
  Container result = MakeContainer(rule.kind, rule.shown, rule.shape, arguments);
  if (IsGenericParameter(result.element)) result.element.clear();
  return result;
}

// "alloc::vec::from_elem::<u16>" is "alloc::vec::from_elem" with the argument "u16".
FunctionName WithoutTurbofish(const FunctionName& parts) {
  absl::string_view arguments = parts.base;
  if (parts.scope.empty() || !absl::ConsumePrefix(&arguments, "<") ||
      !absl::ConsumeSuffix(&arguments, ">")) {
    return parts;
  }
  FunctionName result = SplitFunctionName(parts.scope);
  result.arguments = arguments;
  return result;
}

// Where a function may be from.
struct Origin {
  bool is_rust = false;
  bool may_be_crate = true;  // of another package than the program's
};

// Where cargo and distributions put the sources of packages. "" when a file is not known.
bool MayBeCrate(absl::string_view source) {
  if (source.empty()) return true;
  for (absl::string_view folder : {"/registry/", "/git/checkouts/", "/vendor/", "/rust"}) {
    if (absl::StrContains(source, folder)) return true;
  }
  return false;
}

bool IsIn(absl::string_view path, const std::vector<NamespaceRule>& namespaces, Origin origin) {
  for (const NamespaceRule& rule : namespaces) {
    const bool holds =
        (!rule.rust_only || origin.is_rust) && (!rule.is_crate || origin.may_be_crate);
    if (holds && absl::StartsWith(path, rule.prefix)) return true;
  }
  return false;
}

// Rust's std::thread is a module, that of C++ a class. Types begin with a capital letter.
bool IsRustModule(absl::string_view path) {
  const absl::string_view last = LastComponent(path);
  return !last.empty() && absl::ascii_islower(static_cast<unsigned char>(last[0]));
}

// The path within "&<alloc::vec::Vec<u8>>::push", of a "dyn for<'a> Trait" that of the trait; ""
// for what has none and is nobody's: a primitive type, a slice, a generic parameter.
absl::string_view PathIn(absl::string_view type) {
  type = WithoutReferences(type);
  if (absl::ConsumePrefix(&type, "dyn ") && absl::StartsWith(type, "for<")) {
    const size_t end = type.find("> ");
    if (end != absl::string_view::npos) type.remove_prefix(end + 2);
  }
  while (absl::ConsumePrefix(&type, "<")) type = WithoutReferences(type);
  const bool has_path = absl::StrContains(type, "::") && !absl::StartsWith(type, "[");
  return has_path ? type : absl::string_view();
}

bool IsGlueNamespace(absl::string_view qualified, Origin origin, const RustScope& rust,
                     const std::vector<NamespaceRule>& namespaces) {
  if (!origin.is_rust || !absl::StartsWith(qualified, "<")) {
    return IsIn(qualified, namespaces, origin);
  }
  const absl::string_view self = PathIn(rust.self);
  const absl::string_view trait = PathIn(rust.trait);
  if (self.empty() && trait.empty()) return !namespaces.empty();
  return (self.empty() || IsIn(self, namespaces, origin)) &&
         (trait.empty() || IsIn(trait, namespaces, origin));
}

}  // namespace

void FunctionClassifier::Layer::Add(const RuleTable& table) {
  for (const ClassRule& rule : table.classes) classes.Add(rule.name, &rule);
  for (const FunctionRule& rule : table.functions) functions.Add(rule.function, &rule);
  for (absl::string_view function : table.glue) glue.Add(function, true);
  for (absl::string_view function : table.sites) sites.Add(function, true);
  for (absl::string_view function : table.starts) starts.Add(function, true);
  namespaces.insert(namespaces.end(), table.namespaces.begin(), table.namespaces.end());
  modules.insert(modules.end(), table.modules.begin(), table.modules.end());
  sources.insert(sources.end(), table.sources.begin(), table.sources.end());
}

FunctionClassifier::FunctionClassifier(const RuleTable* user,
                                       absl::FunctionRef<bool(absl::string_view)> has_function) {
  if (user != nullptr) user_.Add(*user);
  for (const RuleTable& table : BuiltInRules()) {
    bool holds = table.only_with.empty();
    for (absl::string_view prefix : table.only_with) holds = holds || has_function(prefix);
    if (!holds) continue;
    built_in_.Add(table);
    for (const OperationRule& rule : table.operations) {
      operations_.Add(rule.function, rule.operation);
    }
  }
}

// What makes a map or a set grow is a rehash; an array only allocates for an element when it
// grows.
Operation FunctionClassifier::OperationOf(const FunctionName& parts, absl::string_view class_scope,
                                          ContainerKind kind) const {
  const bool is_constructor = !class_scope.empty() && parts.base == LastComponent(class_scope);
  const Operation* const operation = operations_.Find(
      is_constructor ? absl::StrCat(parts.base, "::", parts.base) : std::string(parts.base));
  if (is_constructor && operation == nullptr) {
    return TakesItsOwnClass(parts, class_scope) ? Operation::kCopy : Operation::kCreate;
  }
  if (operation == nullptr) return Operation::kUnknown;
  if (*operation == Operation::kGrow && IsTable(kind)) return Operation::kRehash;
  if (*operation == Operation::kInsert && IsArray(kind)) return Operation::kGrow;
  return *operation;
}

bool FunctionClassifier::ClassifyMember(const Layer& layer, const Name& name,
                                        FunctionClass* result) const {
  // A trait of the program's own for a container is the program's.
  const absl::string_view trait = PathIn(name.rust.trait);
  if (!trait.empty() && !IsIn(trait, built_in_.namespaces, {.is_rust = true})) return false;
  // Helpers nested in a container's class (_Rb_tree<…>::_Auto_node) speak for it too.
  absl::string_view scope = name.is_rust ? WithoutReferences(name.rust.self) : name.parts.scope;
  for (int i = 0; i < kMaxEnclosing && !scope.empty(); ++i) {
    const TemplateName type = SplitTemplate(scope);
    const ClassRule* const* found = layer.classes.Find(WithoutInlineNamespaces(type.name));
    if (found != nullptr && !(name.is_rust && IsRustModule(type.name))) {
      const ClassRule& rule = **found;
      result->role = Role::kContainer;
      result->container = ContainerOf(rule, type.arguments, name.is_rust);
      result->container.operation =
          OperationOf(name.parts, i == 0 ? scope : absl::string_view(), result->container.kind);
      result->is_certain = rule.shape != Shape::kNodeAllocator;
      result->is_opaque = rule.shape == Shape::kOpaque;
      return true;
    }
    scope = SplitFunctionName(scope).scope;
  }
  return false;
}

// "<[u8]>::to_vec", "<str>::to_owned": methods of Rust's slices make the owning kind.
bool FunctionClassifier::ClassifyRustSlice(const Name& name, FunctionClass* result) const {
  if (!name.is_rust || !absl::StartsWith(name.parts.scope, "<")) return false;
  absl::string_view self = WithoutReferences(name.rust.self);
  const Operation* const operation = operations_.Find(name.parts.base);
  const absl::string_view trait = PathIn(name.rust.trait);
  if (operation == nullptr ||
      !(trait.empty() || IsIn(trait, built_in_.namespaces, {.is_rust = true}))) {
    return false;
  }
  constexpr ClassRule kString = {"str", ContainerKind::kString, "String", Shape::kPlain};
  constexpr ClassRule kSlice = {"[T]", ContainerKind::kSlice, "Vec", Shape::kElement};
  if (self == "str") {
    result->container = ContainerOf(kString, {}, /*is_rust=*/true);
  } else if (absl::ConsumePrefix(&self, "[") && absl::ConsumeSuffix(&self, "]") &&
             !absl::StrContains(self, ';')) {
    result->container = ContainerOf(kSlice, {self}, /*is_rust=*/true);
  } else {
    return false;
  }
  result->role = Role::kContainer;
  result->container.operation = *operation;
  return true;
}

bool FunctionClassifier::ClassifyIn(const Layer& layer, const Name& name,
                                    FunctionClass* result) const {
  if (layer.sites.Find(name.qualified) != nullptr) {
    result->role = Role::kUser;
    return true;
  }
  if (const FunctionRule* const* found = layer.functions.Find(name.qualified); found != nullptr) {
    const FunctionRule& rule = **found;
    result->role = Role::kContainer;
    result->container = ContainerOf(rule, SplitArguments(name.parts.arguments), name.is_rust);
    result->container.operation = rule.operation;
    result->is_opaque = rule.shape == Shape::kOpaque;
    return true;
  }
  if (ClassifyMember(layer, name, result)) return true;
  bool is_glue = layer.glue.Find(name.qualified) != nullptr ||
                 IsGlueNamespace(name.qualified, {name.is_rust, MayBeCrate(name.source)}, name.rust,
                                 layer.namespaces);
  for (absl::string_view ending : layer.sources) {
    is_glue = is_glue || absl::EndsWith(name.source, ending);
  }
  if (is_glue) result->role = Role::kGlue;
  return is_glue;
}

FunctionClass FunctionClassifier::Classify(const FunctionNames& names) const {
  Name name;
  name.parts = SplitFunctionName(names.name);
  const bool has_hash = IsRustHash(name.parts.base);
  if (has_hash) name.parts = SplitFunctionName(name.parts.scope);
  name.is_rust = has_hash || IsRustSymbol(names.system_name);
  if (name.is_rust) {
    name.parts = WithoutTurbofish(name.parts);
    name.rust = SplitRustScope(name.parts.scope);
  }
  if (!name.parts.scope.empty()) {
    name.qualified =
        WithoutInlineNamespaces(absl::StrCat(WithoutTemplateArguments(name.parts.scope), "::"));
  }
  absl::StrAppend(&name.qualified, name.parts.base);
  name.source = names.source;

  FunctionClass result;
  result.is_start = built_in_.starts.Find(name.qualified) != nullptr;
  if (ClassifyIn(user_, name, &result)) return result;
  // A class's own operator new is a wrapper like any other.
  if (name.parts.base == "operator new" || name.parts.base == "operator new[]") {
    result.role = Role::kGlue;
    return result;
  }
  if (ClassifyRustSlice(name, &result) || ClassifyIn(built_in_, name, &result)) return result;
  const FunctionName& parts = name.parts;
  const bool may_copy = parts.base == "operator=" || parts.base == LastComponent(parts.scope);
  const bool is_cxx_copy = !parts.scope.empty() && may_copy && TakesItsOwnClass(parts, parts.scope);
  const bool is_rust_copy =
      name.rust.trait == "core::clone::Clone" && absl::StartsWith(parts.base, "clone");
  if (is_cxx_copy || is_rust_copy) result.role = Role::kUserCopy;
  return result;
}

bool FunctionClassifier::IsGlueModule(absl::string_view path) const {
  const absl::string_view file = path.substr(path.rfind('/') + 1);
  for (const Layer* layer : {&user_, &built_in_}) {
    for (absl::string_view prefix : layer->modules) {
      if (absl::StartsWith(file, prefix)) return true;
    }
  }
  return false;
}

}  // namespace tidemark::classify
