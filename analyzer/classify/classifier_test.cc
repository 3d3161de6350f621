#include "analyzer/classify/classifier.h"

#include <string>
#include <vector>

#include "absl/strings/str_join.h"
#include "analyzer/model/profile_builder.h"
#include "gtest/gtest.h"

namespace tidemark::classify {
namespace {

const char kMap[] =
    "std::map<int, S, std::less<int>, std::allocator<std::pair<int const, S> > >::operator[]("
    "int const&)";
const char kTree[] =
    "std::_Rb_tree<int, std::pair<int const, S>, std::_Select1st<std::pair<int const, S> >, "
    "std::less<int>, std::allocator<std::pair<int const, S> > >::_M_emplace_hint_unique<int>()";
const char kAllocate[] =
    "std::__new_allocator<std::_Rb_tree_node<std::pair<int const, S> > >::allocate(unsigned long)";
const char kStringCopy[] =
    "std::__cxx11::basic_string<char, std::char_traits<char>, std::allocator<char> >::"
    "basic_string(std::__cxx11::basic_string<char, std::char_traits<char>, std::allocator<char> "
    "> const&)";
const char kNew[] = "operator new(unsigned long)";

class ClassifierTest : public testing::Test {
 protected:
  ClassifierTest() {
    const ValueType types[] = {{builder_.AddString("alloc_space"), builder_.AddString("bytes")},
                               {builder_.AddString("alloc_objects"), builder_.AddString("count")},
                               {builder_.AddString("inuse_space"), builder_.AddString("bytes")}};
    builder_.SetSampleTypes(types);
    builder_.SetPeriod(types[0], 1);
  }

  // One location for each inner list: inlined functions innermost first.
  StackId AddStack(const std::vector<std::vector<std::string>>& locations,
                   const std::string& module = "/usr/bin/server") {
    Mapping mapping;
    mapping.file = builder_.AddString(module);
    const MappingId mapping_id = builder_.AddMapping(mapping);
    std::vector<LocationId> ids;
    for (const auto& functions : locations) {
      std::vector<Line> lines;
      for (const std::string& name : functions) {
        Function function;
        function.name = builder_.AddString(name);
        function.system_name = function.name;
        lines.push_back({.function = builder_.AddFunction(function), .line = 1});
      }
      ids.push_back(builder_.AddLocation(0x1000 + next_address_++, mapping_id, false, lines));
    }
    return builder_.AddStack(ids);
  }

  void AddSample(StackId stack, int64_t size, int64_t alloc, int64_t inuse) {
    Label label;
    label.key = builder_.AddString("bytes");
    label.num = size;
    label.num_unit = builder_.AddString("bytes");
    const int64_t values[] = {alloc, alloc / size, inuse};
    builder_.AddSample(stack, builder_.AddLabels({label}), values);
  }

  // "site function / kind type operation"
  std::string Result(StackId stack) {
    if (!profile_) {
      auto built = builder_.Build();
      EXPECT_TRUE(built.ok()) << built.status();
      auto classified = Classify(*built);
      EXPECT_TRUE(classified.ok()) << classified.status();
      profile_ = *classified;
    }
    const Annotations& annotations = profile_->annotations();
    const FramePosition site = annotations.site[stack.value];
    const auto lines = profile_->lines(profile_->stack(stack)[site.location]);
    std::string result =
        lines.empty()
            ? "address " + std::to_string(site.location)
            : std::string(profile_->string(profile_->function(lines[site.line].function).name));
    if (annotations.container[stack.value].valid()) {
      const Container& c = annotations.containers[annotations.container[stack.value].value];
      result += std::string(" / ") + Name(c.kind) + " " + c.type + " " + Name(c.operation) + " " +
                Name(c.evidence);
    }
    return result;
  }

  ProfileBuilder builder_;
  std::shared_ptr<const Profile> profile_;
  uint64_t next_address_ = 0;
};

TEST_F(ClassifierTest, InlinedContainerFrames) {
  const StackId stack = AddStack({{kNew}, {kAllocate, kTree, kMap, "Cache::put(int)"}, {"main"}});
  AddSample(stack, 64, 100, 100);
  EXPECT_EQ(Result(stack), "Cache::put(int) / map std::map<int, S> insert measured");
}

TEST_F(ClassifierTest, WhatAMapCopiesIsTheMaps) {
  const StackId stack =
      AddStack({{kNew}, {kStringCopy, "S::S(S const&)", kTree, kMap, "put(int)"}, {"main"}});
  AddSample(stack, 64, 100, 100);
  EXPECT_EQ(Result(stack), "put(int) / map std::map<int, S> insert measured");
}

TEST_F(ClassifierTest, ACopyByUserCodeIsASite) {
  const StackId stack = AddStack({{kNew}, {kStringCopy, "S::S(S const&)"}, {"main"}});
  AddSample(stack, 64, 100, 100);
  EXPECT_EQ(Result(stack), "S::S(S const&) / string std::string copy measured");
}

TEST_F(ClassifierTest, ASharedObjectDoesNotHideTheContainerInside) {
  const StackId stack = AddStack({{kNew},
                                  {"std::vector<int, std::allocator<int> >::vector(unsigned long)",
                                   "std::shared_ptr<std::vector<int> > "
                                   "std::make_shared<std::vector<int>, int>(int&&)",
                                   "load()"},
                                  {"main"}});
  AddSample(stack, 64, 100, 100);
  EXPECT_EQ(Result(stack), "load() / slice std::vector<int> create measured");
}

TEST_F(ClassifierTest, WrappersAreGlueWithoutContainer) {
  const StackId stack = AddStack({{"ztrymalloc_usable"}, {"zmalloc"}, {"createClient"}, {"main"}});
  AddSample(stack, 64, 100, 100);
  EXPECT_EQ(Result(stack), "createClient");
}

TEST_F(ClassifierTest, OnlyGlueLeavesTheLeaf) {
  const StackId stack = AddStack({{kNew}, {"[truncated]"}});
  AddSample(stack, 64, 100, 100);
  EXPECT_EQ(Result(stack), kNew);
}

// Where the site would be the leaf, all that a library allocates on its own would be one.
TEST_F(ClassifierTest, OfGlueAloneTheOutermostFunctionIsTheSite) {
  const StackId stack =
      AddStack({{"malloc"}, {"g_malloc"}, {"g_main_context_new"}, {"start_thread"}, {"clone3"}},
               "/usr/lib/libglib-2.0.so.0");
  AddSample(stack, 64, 100, 100);
  EXPECT_EQ(Result(stack), "g_main_context_new");
}

TEST_F(ClassifierTest, ALibraryThatRecursesIsOneContainerAndOneSite) {
  std::vector<std::vector<std::string>> frames = {{kNew}, {kAllocate, kTree, kMap}};
  for (int i = 0; i < 400; ++i) frames.push_back({"std::__deep(int)", "boost::deep(int)"});
  frames.push_back({"load(char const*)"});
  frames.push_back({"main"});
  const StackId stack = AddStack(frames);
  AddSample(stack, 64, 100, 100);
  EXPECT_EQ(Result(stack), "load(char const*) / map std::map<int, S> insert measured");
}

TEST_F(ClassifierTest, AValueThatGrowsIsAContainerOfItsOwn) {
  const std::string vector = "std::vector<long, std::allocator<long> >";
  const std::string pair = "std::pair<int const, " + vector + " >";
  const std::string tree = "std::_Rb_tree<int, " + pair + ", std::_Select1st<" + pair +
                           " >, std::less<int>, std::allocator<" + pair +
                           " > >::_M_emplace_equal<int>(int&&)";
  const StackId grown =
      AddStack({{kNew}, {"void " + vector + "::_M_realloc_insert<long>(int)", tree, "f()"}});
  const StackId made = AddStack({{kNew}, {vector + "::vector(unsigned long)", tree, "f()"}});
  const StackId node = AddStack({{kNew}, {tree, "f()"}});
  for (const StackId stack : {grown, made, node}) AddSample(stack, 64, 100, 100);
  EXPECT_EQ(Result(grown), "f() / slice std::vector<long> grow measured");
  EXPECT_EQ(Result(made), "f() / map std::map<int, std::vector<long>> insert measured");
  EXPECT_EQ(Result(node), "f() / map std::map<int, std::vector<long>> insert measured");
}

// The array that a sorted map is made of is the map.
TEST_F(ClassifierTest, ASortedArrayGrowsAsAMap) {
  const StackId stack =
      AddStack({{kNew},
                {"boost::container::vector<boost::container::dtl::pair<int, S>, a, void>::"
                 "priv_insert_forward_range_no_capacity<int>(int)",
                 "boost::container::dtl::flat_tree<boost::container::dtl::pair<int, S>, b, c, a>::"
                 "insert_unique(int)",
                 "boost::container::flat_map<int, S, c, a>::operator[](int&&)", "f()"}});
  AddSample(stack, 64, 100, 100);
  EXPECT_EQ(Result(stack), "f() / map boost::container::flat_map<int, S> grow measured");
}

TEST_F(ClassifierTest, UnknownFramesOfTheProgramAreSites) {
  const StackId stack = AddStack({{kNew}, {}, {"main"}});
  AddSample(stack, 64, 100, 100);
  EXPECT_EQ(Result(stack), "address 1");
}

TEST_F(ClassifierTest, FramesOfTheCLibraryAreGlue) {
  const StackId stack = AddStack({{}, {"some_internal"}, {}}, "/lib/libc.so.6");
  AddSample(stack, 64, 100, 100);
  EXPECT_EQ(Result(stack), "some_internal");
}

TEST_F(ClassifierTest, FunctionsNamedAfterALibraryAreSites) {
  const StackId stack = AddStack({{"l_alloc"},
                                  {"luaM_malloc_"},
                                  {"luaH_resize"},
                                  {"lua_rawseti"},
                                  {"lua_setup_routes"},
                                  {"main"}});
  AddSample(stack, 64, 100, 100);
  EXPECT_EQ(Result(stack), "lua_setup_routes / map table grow measured");
}

TEST_F(ClassifierTest, DoublingBlocksOfAStrippedProgramAreASlice) {
  const StackId stack = AddStack({{kNew}, {}, {}});
  for (int64_t size = 1 << 16; size <= (1 << 22); size *= 2) {
    AddSample(stack, size, size, size == (1 << 22) ? size : 0);
  }
  EXPECT_EQ(Result(stack), "address 1 / slice  grow inferred");
}

TEST_F(ClassifierTest, EmptyStackAndEmptyProfile) {
  const StackId stack = builder_.AddStack({});
  AddSample(stack, 64, 1, 1);
  auto built = builder_.Build();
  ASSERT_TRUE(built.ok());
  auto classified = Classify(*built);
  ASSERT_TRUE(classified.ok());
  EXPECT_FALSE((*classified)->annotations().container[stack.value].valid());
  auto empty = ProfileBuilder().Build();
  ASSERT_TRUE(empty.ok());
  EXPECT_TRUE(Classify(*empty).ok());
}

}  // namespace
}  // namespace tidemark::classify
