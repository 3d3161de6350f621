#include "analyzer/leaks/representative.h"

#include <vector>

#include "gtest/gtest.h"

namespace tidemark::leaks {
namespace {

// Differences of profiles have negative values, and so may a hostile one.
TEST(Representative, OfNegativeBytes) {
  Annotations annotations;
  annotations.containers.push_back(
      {ContainerKind::kMap, "std::map<int, S>", "", Operation::kInsert, Evidence::kMeasured});
  annotations.container = {ContainerId{}, ContainerId{0}};
  for (const double bytes : {-100.0, 0.0}) {
    for (const uint32_t stack : {0u, 1u}) {
      const StackBytes only[] = {{StackId{stack}, bytes}};
      const Representative chosen = ChooseRepresentative(annotations, only);
      EXPECT_EQ(chosen.stack, StackId{stack});
      EXPECT_EQ(chosen.container.valid(), stack == 1);
    }
  }
}

}  // namespace
}  // namespace tidemark::leaks
