#include "analyzer/classify/container_shape.h"

#include <cstddef>
#include <initializer_list>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "analyzer/classify/cxx_name.h"
#include "analyzer/classify/cxx_scope.h"

namespace tidemark::classify {
namespace {

using Arguments = std::vector<absl::string_view>;

absl::string_view ArgumentOr(const Arguments& arguments, size_t i) {
  return i < arguments.size() ? arguments[i] : absl::string_view();
}

std::string Instance(absl::string_view shown, std::initializer_list<std::string> arguments) {
  std::string list;
  for (const std::string& argument : arguments) {
    if (argument.empty()) continue;
    absl::StrAppend(&list, list.empty() ? "" : ", ", argument);
  }
  return list.empty() || shown.empty() ? std::string(shown) : absl::StrCat(shown, "<", list, ">");
}

Container Plain(ContainerKind kind, absl::string_view shown) {
  Container result;
  result.kind = kind;
  result.type = std::string(shown);
  return result;
}

// A holder of one that holds an array or a text is a slice or a string: std::unique_ptr<T[]>,
// Rust's Box<[T]> and Arc<str>.
void TurnArrayHolder(Container& container) {
  absl::string_view element = container.element;
  if (element == "str") {
    container.kind = ContainerKind::kString;
  } else if (absl::ConsumeSuffix(&element, "[]")) {
    container.kind = ContainerKind::kSlice;
    container.element = std::string(element);
  } else if (absl::StartsWith(element, "[") && absl::EndsWith(element, "]") &&
             !absl::StrContains(element, ';')) {
    container.kind = ContainerKind::kSlice;
    container.element = std::string(element.substr(1, element.size() - 2));
  }
}

Container Single(ContainerKind kind, absl::string_view shown, absl::string_view element) {
  Container result;
  result.kind = kind;
  result.element = ShortTypeName(element);
  result.type = Instance(shown, {result.element});
  if (kind == ContainerKind::kObject) TurnArrayHolder(result);
  return result;
}

// What stands for "no value": a set is often a map to it.
bool IsNoValue(absl::string_view value) {
  constexpr absl::string_view kNone[] = {"void",
                                         "()",
                                         "llvm::detail::DenseSetEmpty",
                                         "llvm::NoneType",
                                         "QHashDummyValue",
                                         "alloc::collections::btree::set_val::SetValZST"};
  for (absl::string_view none : kNone) {
    if (value == none) return true;
  }
  return false;
}

// "std::map" is "std::set", "folly::F14ValueMap" "folly::F14ValueSet".
std::string SetNamed(absl::string_view map) {
  return absl::StrReplaceAll(map, {{"map", "set"}, {"Map", "Set"}, {"QHash", "QSet"}});
}

Container KeyValue(absl::string_view shown, absl::string_view key, absl::string_view value) {
  if (IsNoValue(value)) return Single(ContainerKind::kSet, SetNamed(shown), key);
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

// A map from texts to values of one type, or a set of texts.
Container StringKeys(absl::string_view shown, absl::string_view value) {
  if (IsNoValue(value)) return Plain(ContainerKind::kSet, SetNamed(shown));
  Container result = Single(ContainerKind::kMap, shown, value);
  if (!result.element.empty()) {
    result.element = absl::StrCat("std::pair<const std::string, ", result.element, ">");
  }
  return result;
}

absl::string_view WithoutConst(absl::string_view type) {
  absl::ConsumeSuffix(&type, " const");
  absl::ConsumePrefix(&type, "const ");
  return type;
}

// A stored pair of key and value makes a map, anything else a set. Pairs go by several names;
// Rust's are "(K, V)".
Container FromValue(absl::string_view map, absl::string_view value) {
  if (absl::StartsWith(value, "(") && absl::EndsWith(value, ")")) {
    const Arguments parts = SplitArguments(value.substr(1, value.size() - 2));
    if (parts.size() == 2) return KeyValue(map, parts[0], parts[1]);
  }
  const TemplateName pair = SplitTemplate(value);
  const std::string name = WithoutInlineNamespaces(pair.name);
  const bool is_pair = name == "std::pair" || name == "std::__value_type" ||
                       name == "std::__hash_value_type" || name == "boost::container::dtl::pair";
  if (is_pair && pair.arguments.size() == 2) {
    return KeyValue(map, WithoutConst(pair.arguments[0]), pair.arguments[1]);
  }
  return Single(ContainerKind::kSet, SetNamed(map), value);
}

// A map when the stored value is a pair whose first is the key, else a set.
Container Associative(absl::string_view map, absl::string_view key, absl::string_view value,
                      absl::string_view extract_key) {
  if (key == value || absl::StrContains(extract_key, "_Identity")) {
    return Single(ContainerKind::kSet, SetNamed(map), value);
  }
  return FromValue(map, value);
}

// A node's value, whose key is constant in a map only.
Container FromNode(absl::string_view map, absl::string_view value) {
  const TemplateName pair = SplitTemplate(value);
  const bool is_set = pair.name == "std::pair" && !pair.arguments.empty() &&
                      !absl::EndsWith(pair.arguments[0], " const");
  return is_set ? Single(ContainerKind::kSet, SetNamed(map), value) : FromValue(map, value);
}

// std::allocator<std::_Rb_tree_node<T>> and its like.
Container FromAllocator(absl::string_view element) {
  TemplateName node = SplitTemplate(element);
  std::string name = WithoutInlineNamespaces(node.name);
  if ((name == "std::allocator" || name == "std::pmr::polymorphic_allocator") &&
      !node.arguments.empty()) {
    element = node.arguments[0];
    node = SplitTemplate(element);
    name = WithoutInlineNamespaces(node.name);
  }
  const absl::string_view value = ArgumentOr(node.arguments, 0);
  if (absl::StrContains(element, "_Hash_node_base") ||
      absl::StrContains(element, "__hash_node_base")) {
    return Plain(ContainerKind::kMap, "std::unordered_map");
  }
  if (name == "std::_Rb_tree_node" || name == "std::__tree_node") {
    return FromNode("std::map", value);
  }
  if (name == "std::__detail::_Hash_node" || name == "std::__hash_node") {
    return FromNode("std::unordered_map", value);
  }
  if (name == "std::_List_node" || name == "std::__list_node") {
    return Single(ContainerKind::kList, "std::list", value);
  }
  if (name == "std::_Fwd_list_node" || name == "std::__forward_list_node") {
    return Single(ContainerKind::kList, "std::forward_list", value);
  }
  if (name == "std::_Sp_counted_ptr_inplace" || name == "std::__shared_ptr_emplace") {
    return Single(ContainerKind::kObject, "std::shared_ptr", value);
  }
  Container result;
  result.kind = ContainerKind::kBuffer;
  result.element = ShortTypeName(element);
  if (!result.element.empty()) result.type = absl::StrCat(result.element, "[]");
  return result;
}

// A policy class whose arguments are key and value, or the key of a set:
// FlatHashMapPolicy<K, V>, map_params<K, V…>, ValueContainerPolicy<K, V or void>,
// Node<K, V>… `shown` is the flat or value map; a node or vector policy changes that word.
Container FromPolicy(absl::string_view shown, absl::string_view argument) {
  TemplateName policy = SplitTemplate(argument);
  absl::string_view word = SplitFunctionName(policy.name).base;
  if (word == "btree" && !policy.arguments.empty()) {
    policy = SplitTemplate(policy.arguments[0]);
    word = SplitFunctionName(policy.name).base;
  }
  std::string type(shown);
  if (absl::StartsWith(word, "Node") || absl::StartsWith(word, "node")) {
    type = absl::StrReplaceAll(type, {{"flat", "node"}, {"Value", "Node"}});
  } else if (absl::StartsWith(word, "Vector")) {
    type = absl::StrReplaceAll(type, {{"Value", "Vector"}});
  }
  // boost::unordered::detail::map<allocator, K, V…> and ::set<allocator, K…>.
  const bool has_allocator = word == "map" || word == "set";
  const absl::string_view key = ArgumentOr(policy.arguments, has_allocator ? 1 : 0);
  const absl::string_view value = ArgumentOr(policy.arguments, has_allocator ? 2 : 1);
  if (key.empty()) return Plain(ContainerKind::kMap, type);
  const bool is_set = absl::StrContains(word, "Set") || absl::StrContains(word, "set");
  return KeyValue(type, key, is_set ? "void" : value);
}

// Qt's array of T behind QList, QString and QByteArray.
Container FromQtArray(absl::string_view element) {
  if (element == "char16_t" || element == "unsigned short") {
    return Plain(ContainerKind::kString, "QString");
  }
  if (element == "char") return Plain(ContainerKind::kBuffer, "QByteArray");
  return Single(ContainerKind::kSlice, "QList", element);
}

Container FromTemplate(ContainerKind kind, absl::string_view shown, const Arguments& arguments) {
  Container result;
  result.kind = kind;
  result.element = ShortTypeName(ArgumentOr(arguments, 0));
  // Through ShortTypeName, so that defaults go and what was chosen by hand stays.
  std::string type(shown);
  for (size_t i = 0; i < arguments.size(); ++i) {
    absl::StrAppend(&type, i == 0 ? "<" : ", ", arguments[i]);
  }
  if (!arguments.empty()) type += '>';
  result.type = ShortTypeName(type);
  return result;
}

}  // namespace

Container MakeContainer(ContainerKind kind, absl::string_view shown, Shape shape,
                        const std::vector<absl::string_view>& arguments) {
  const absl::string_view a0 = ArgumentOr(arguments, 0);
  const absl::string_view a1 = ArgumentOr(arguments, 1);
  switch (shape) {
    case Shape::kPlain:
    case Shape::kOpaque:
      return Plain(kind, shown);
    case Shape::kElement:
      return Single(kind, shown, a0);
    case Shape::kElement1:
      return Single(kind, shown, a1);
    case Shape::kArray: {
      const size_t semicolon = a0.rfind(';');
      const bool is_array = absl::StartsWith(a0, "[") && semicolon != absl::string_view::npos;
      return Single(kind, shown, is_array ? a0.substr(1, semicolon - 1) : absl::string_view());
    }
    case Shape::kTemplate:
      return FromTemplate(kind, shown, arguments);
    case Shape::kBasicString: {
      if (arguments.empty()) return Plain(kind, "std::string");
      return FromTemplate(kind, shown, arguments);
    }
    case Shape::kKeyValue:
      return KeyValue(shown, a0, a1);
    case Shape::kDerived:
      return KeyValue(WithoutInlineNamespaces(SplitTemplate(a0).name), a1,
                      ArgumentOr(arguments, 2));
    case Shape::kStringKeys:
      return StringKeys(shown, a0);
    case Shape::kKeyValue2:
      return KeyValue(shown, ArgumentOr(arguments, 2), ArgumentOr(arguments, 3));
    case Shape::kValue:
      return a0.empty() ? Plain(kind, shown) : FromValue(shown, a0);
    case Shape::kTree:
      return Associative(shown, a0, a1, ArgumentOr(arguments, 2));
    case Shape::kHashtable:
      return Associative(shown, a0, a1, ArgumentOr(arguments, 3));
    case Shape::kMapBase:
      return KeyValue(shown, a0, ArgumentOr(SplitTemplate(a1).arguments, 1));
    case Shape::kNodeAllocator:
      return FromAllocator(a0);
    case Shape::kPolicy:
      return FromPolicy(shown, a0);
    case Shape::kQtArray:
      return FromQtArray(a0);
  }
  return Container();
}

}  // namespace tidemark::classify
