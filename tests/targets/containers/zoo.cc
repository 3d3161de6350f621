// One function for each container, which fills one and keeps it. tests/e2e/containers_test.py
// has the table of what each must be called.

#include <any>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <forward_list>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <queue>
#include <set>
#include <sstream>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <variant>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/container/inlined_vector.h"
#include "absl/container/node_hash_map.h"
#include "tests/targets/containers/animal.h"

namespace zoo {

ZOO_FUNCTION Vector() {
  auto* all = new std::vector<Animal>;
  for (int i = 0; i < kMany; ++i) all->push_back({});
  Keep(all);
}
ZOO_FUNCTION VectorReserved() {
  auto* all = new std::vector<int>;
  all->reserve(kMany);
  all->push_back(1);
  Keep(all);
}
ZOO_FUNCTION String() {
  auto* text = new std::string;
  for (int i = 0; i < kMany; ++i) *text += "a roar";
  Keep(text);
}
ZOO_FUNCTION Deque() {
  auto* all = new std::deque<Animal>;
  for (int i = 0; i < kMany; ++i) all->push_back({});
  Keep(all);
}
ZOO_FUNCTION Queue() {
  auto* all = new std::queue<Animal>;
  for (int i = 0; i < kMany; ++i) all->push({});
  Keep(all);
}
ZOO_FUNCTION List() {
  auto* all = new std::list<Animal>;
  for (int i = 0; i < kMany; ++i) all->push_back({});
  Keep(all);
}
ZOO_FUNCTION ForwardList() {
  auto* all = new std::forward_list<int>;
  for (int i = 0; i < kMany; ++i) all->push_front(i);
  Keep(all);
}
ZOO_FUNCTION Map() {
  auto* all = new std::map<int, Animal>;
  for (int i = 0; i < kMany; ++i) (*all)[i].legs = i;
  Keep(all);
}
ZOO_FUNCTION Set() {
  auto* all = new std::set<long>;
  for (int i = 0; i < kMany; ++i) all->insert(i);
  Keep(all);
}
ZOO_FUNCTION UnorderedMap() {
  auto* all = new std::unordered_map<int, Animal>;
  for (int i = 0; i < kMany; ++i) (*all)[i].legs = i;
  Keep(all);
}
ZOO_FUNCTION UnorderedSet() {
  auto* all = new std::unordered_set<std::string>;
  for (int i = 0; i < kMany; ++i) all->insert("the animal with the number " + std::to_string(i));
  Keep(all);
}
ZOO_FUNCTION Rehash() {
  auto* all = new std::unordered_map<int, int>;
  all->rehash(100 * kMany);
  Keep(all);
}
ZOO_FUNCTION MakeShared() {
  auto* all = new std::shared_ptr<Animal>[kMany];
  for (int i = 0; i < kMany; ++i) all[i] = std::make_shared<Animal>();
  Keep(all);
}
ZOO_FUNCTION Function() {
  Animal animal;
  auto* all = new std::function<int()>[kMany];
  for (int i = 0; i < kMany; ++i) all[i] = [animal] { return animal.legs; };
  Keep(all);
}
ZOO_FUNCTION FlatHashMap() {
  auto* all = new absl::flat_hash_map<int, Animal>;
  for (int i = 0; i < kMany; ++i) (*all)[i].legs = i;
  Keep(all);
}
ZOO_FUNCTION FlatHashSet() {
  auto* all = new absl::flat_hash_set<long>;
  for (int i = 0; i < kMany; ++i) all->insert(i);
  Keep(all);
}
ZOO_FUNCTION NodeHashMap() {
  auto* all = new absl::node_hash_map<int, Animal>;
  for (int i = 0; i < kMany; ++i) (*all)[i].legs = i;
  Keep(all);
}
ZOO_FUNCTION BtreeMap() {
  auto* all = new absl::btree_map<int, Animal>;
  for (int i = 0; i < kMany; ++i) (*all)[i].legs = i;
  Keep(all);
}
ZOO_FUNCTION InlinedVector() {
  auto* all = new absl::InlinedVector<Animal, 2>;
  for (int i = 0; i < kMany; ++i) all->push_back({});
  Keep(all);
}
ZOO_FUNCTION Json() {
  auto* all = new nlohmann::json;
  for (int i = 0; i < kMany; ++i) (*all)["animal" + std::to_string(i)] = i;
  Keep(all);
}

}  // namespace zoo

int main() {
  zoo::Vector();
  zoo::VectorReserved();
  zoo::String();
  zoo::Deque();
  zoo::Queue();
  zoo::List();
  zoo::ForwardList();
  zoo::Map();
  zoo::Set();
  zoo::UnorderedMap();
  zoo::UnorderedSet();
  zoo::Rehash();
  zoo::MakeShared();
  zoo::Function();
  zoo::FlatHashMap();
  zoo::FlatHashSet();
  zoo::NodeHashMap();
  zoo::BtreeMap();
  zoo::InlinedVector();
  zoo::Json();
  std::puts("all are fed");
  std::fflush(stdout);
  std::_Exit(0);
}
