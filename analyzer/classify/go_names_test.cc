#include "analyzer/classify/go_names.h"

#include <string>

#include "gtest/gtest.h"

namespace tidemark::classify {
namespace {

TEST(GoPackage, OfFunctions) {
  EXPECT_EQ(GoPackage("main.main"), "main");
  EXPECT_EQ(GoPackage("encoding/json.(*decodeState).object"), "encoding/json");
  EXPECT_EQ(GoPackage("example.com/leaky/store.Load"), "example.com/leaky/store");
  EXPECT_EQ(GoPackage("gopkg.in/yaml%2ev3.Unmarshal"), "gopkg.in/yaml.v3");
  EXPECT_EQ(GoPackage("slices.Grow[go.shape.[]example.com/x.T,go.shape.int]"), "slices");
  EXPECT_EQ(GoPackage("main.Pair[example.com/x.T].Get"), "main");
  EXPECT_EQ(GoPackage("main.main.func1.2"), "main");
  EXPECT_EQ(GoPackage("memmove"), "");
  EXPECT_EQ(GoPackage("crosscall/2"), "");
  EXPECT_EQ(GoPackage(""), "");
}

TEST(WithoutTypeArguments, Nested) {
  EXPECT_EQ(WithoutTypeArguments("main.F[...]"), "main.F");
  EXPECT_EQ(WithoutTypeArguments("main.(*T[go.shape.map[string]int]).F"), "main.(*T).F");
  EXPECT_EQ(WithoutTypeArguments("main.F"), "main.F");
  EXPECT_EQ(WithoutTypeArguments("a[b"), "a");
  EXPECT_EQ(WithoutTypeArguments("a]b"), "a]b");
}

TEST(ShortGoType, ForPeople) {
  EXPECT_EQ(ShortGoType("map[string]*store.Session"), "map[string]*store.Session");
  EXPECT_EQ(ShortGoType("map[interface {}]struct {}"), "map[any]struct{}");
  EXPECT_EQ(ShortGoType("[]uint8"), "[]byte");
  EXPECT_EQ(ShortGoType("[512]uint8"), "[512]byte");
  EXPECT_EQ(ShortGoType("map[string][]uint8"), "map[string][]byte");
  EXPECT_EQ(ShortGoType("map[string]uint8"), "map[string]uint8");
  EXPECT_EQ(ShortGoType("[]uint8x"), "[]uint8x");
  EXPECT_EQ(ShortGoType("main.Pair[string,example.com/x/store.Rec]"),
            "main.Pair[string,store.Rec]");
  EXPECT_EQ(ShortGoType("[]go.shape.int"), "[]int");
  EXPECT_EQ(ShortGoType("map[string]go.shape.*uint8"), "map[string]*T");
  EXPECT_EQ(ShortGoType("]uint8"), "]uint8");
  EXPECT_EQ(ShortGoType(""), "");
}

TEST(GoPackages, WithBuildInfo) {
  golang::BuildInfo info;
  info.main_package = "shop/cmd/server";
  info.modules = {"shop", "strings/extra"};
  const GoPackages packages(info);
  for (const char* user : {"main", "shop", "shop/cart", "github.com/x/y", "strings/extra/z"}) {
    EXPECT_EQ(packages.OriginOf(user), GoOrigin::kUser) << user;
  }
  for (const char* helper : {"strings", "encoding/json", "runtime", "internal/poll", ""}) {
    EXPECT_EQ(packages.OriginOf(helper), GoOrigin::kHelper) << helper;
  }
  for (const char* library : {"net/http", "crypto/tls", "vendor/golang.org/x/net/http2"}) {
    EXPECT_EQ(packages.OriginOf(library), GoOrigin::kLibrary) << library;
  }
  EXPECT_EQ(packages.OriginOf("shopping"), GoOrigin::kUser);  // no folder of the library's
}

TEST(GoPackages, OfGoItself) {
  golang::BuildInfo info;
  info.main_package = "cmd/compile";
  EXPECT_EQ(GoPackages(info).OriginOf("cmd/compile/internal/ssa"), GoOrigin::kUser);
  EXPECT_EQ(GoPackages(info).OriginOf("go/types"), GoOrigin::kLibrary);
}

TEST(GoContainers, ByNameAndType) {
  ASSERT_NE(FindGoContainer("strings.(*Builder).WriteString"), nullptr);
  EXPECT_EQ(FindGoContainer("strings.(*Builder).WriteString")->kind, ContainerKind::kString);
  EXPECT_EQ(FindGoContainer("container/list.(*List).insertValue")->type, "list.List");
  EXPECT_EQ(FindGoContainer("strings.Repeat"), nullptr);
  ASSERT_NE(FindGoContainerType("container/list", "list.Element"), nullptr);
  EXPECT_EQ(FindGoContainerType("example.com/list", "list.Element"), nullptr);
}

}  // namespace
}  // namespace tidemark::classify
