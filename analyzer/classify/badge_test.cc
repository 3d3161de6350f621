#include "analyzer/classify/badge.h"

#include <string>

#include "gtest/gtest.h"

namespace tidemark::classify {
namespace {

std::string Badge(ContainerKind kind, const std::string& type, const std::string& element) {
  return BadgeOf({.kind = kind, .type = type, .element = element});
}

TEST(Badge, KindAndElements) {
  EXPECT_EQ(Badge(ContainerKind::kMap, "std::unordered_map<std::string, shop::Session>",
                  "std::pair<const std::string, shop::Session>"),
            "map<string, Session>");
  EXPECT_EQ(Badge(ContainerKind::kSlice, "std::vector<int>", "int"), "slice<int>");
  EXPECT_EQ(Badge(ContainerKind::kSlice, "Vec", ""), "slice");
  EXPECT_EQ(Badge(ContainerKind::kMap, "GHashTable", ""), "map");
  EXPECT_EQ(Badge(ContainerKind::kString, "std::string", "char"), "string");
  EXPECT_EQ(Badge(ContainerKind::kBuffer, "char[]", "char"), "buffer");
  EXPECT_EQ(Badge(ContainerKind::kBuffer, "S[]", "S"), "buffer<S>");
  EXPECT_EQ(Badge(ContainerKind::kObject, "std::function<void (int)>", "void (int)"),
            "object<void (int)>");
}

TEST(Badge, Go) {
  EXPECT_EQ(Badge(ContainerKind::kMap, "map[string]*store.Session", ""),
            "map<string, *store.Session>");
  EXPECT_EQ(Badge(ContainerKind::kMap, "map[[2]int]map[string]int", ""),
            "map<[2]int, map[string]int>");
  EXPECT_EQ(Badge(ContainerKind::kSlice, "[]*store.Session", "*store.Session"),
            "slice<*store.Session>");
  EXPECT_EQ(Badge(ContainerKind::kQueue, "chan int", "int"), "queue<int>");
  // Not what a type looks like.
  EXPECT_EQ(Badge(ContainerKind::kMap, "map[", ""), "map");
  EXPECT_EQ(Badge(ContainerKind::kMap, "map[int]", ""), "map");
  EXPECT_EQ(Badge(ContainerKind::kMap, "map[]int", ""), "map");
}

TEST(Badge, SaysWhatIsInferred) {
  Container c{.kind = ContainerKind::kSlice, .type = "", .element = ""};
  c.evidence = Evidence::kInferred;
  EXPECT_EQ(BadgeOf(c), "slice?");
  c.element = "int";
  EXPECT_EQ(BadgeOf(c), "slice<int>?");
}

TEST(Badge, IsShort) {
  const std::string badge = Badge(ContainerKind::kSlice, "", std::string(99, 'a') + "äöü");
  EXPECT_EQ(badge, "slice<" + std::string(94, 'a') + "…");
  EXPECT_EQ(Badge(ContainerKind::kSlice, "", std::string(93, 'a') + "äöü"),
            "slice<" + std::string(93, 'a') + "…");
}

TEST(WithoutNamespaces, Types) {
  EXPECT_EQ(WithoutNamespaces("int"), "int");
  EXPECT_EQ(WithoutNamespaces("unsigned long"), "unsigned long");
  EXPECT_EQ(WithoutNamespaces("std::vector<shop::Session*>"), "vector<Session*>");
  EXPECT_EQ(WithoutNamespaces("const shop::Session*"), "const Session*");
  EXPECT_EQ(WithoutNamespaces("std::map<std::string, std::vector<a::b::C>>::iterator"), "iterator");
  EXPECT_EQ(WithoutNamespaces("std::pair<const a::B, std::unique_ptr<c::D>>&"),
            "pair<const B, unique_ptr<D>>&");
  EXPECT_EQ(WithoutNamespaces("(anonymous namespace)::Node"), "Node");
  EXPECT_EQ(WithoutNamespaces("main::{lambda(int)#1}"), "{lambda(int)#1}");
  EXPECT_EQ(WithoutNamespaces("alloc::string::String"), "String");
  EXPECT_EQ(WithoutNamespaces("std::array<a::B, 4ul>"), "array<B, 4ul>");
}

TEST(WithoutNamespaces, Nonsense) {
  EXPECT_EQ(WithoutNamespaces(""), "");
  EXPECT_EQ(WithoutNamespaces("::"), "::");
  EXPECT_EQ(WithoutNamespaces("a::"), "a::");
  EXPECT_EQ(WithoutNamespaces("vector<"), "vector<");
  EXPECT_EQ(WithoutNamespaces("a<b<c<d::e"), "a<b<c<e>>>");
  std::string deep;
  for (int i = 0; i < 5000; ++i) deep += "a::b<";
  EXPECT_LE(WithoutNamespaces(deep).size(), deep.size());
}

}  // namespace
}  // namespace tidemark::classify
