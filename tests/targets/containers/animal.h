// What is kept in the containers of the zoo's C++ programs, and how.

#ifndef TIDEMARK_TESTS_TARGETS_CONTAINERS_ANIMAL_H_
#define TIDEMARK_TESTS_TARGETS_CONTAINERS_ANIMAL_H_

namespace zoo {

struct Animal {
  int legs = 0;
  double weight[6] = {};
};

constexpr int kMany = 2000;
// What is kept is reachable from here, so that nothing of it is optimized away.
inline const void* volatile g_kept;

template <class Container>
void Keep(Container* container) {
  g_kept = container;
}

}  // namespace zoo

#define ZOO_FUNCTION __attribute__((noinline)) void

#endif  // TIDEMARK_TESTS_TARGETS_CONTAINERS_ANIMAL_H_
