// What tests/data/heaptrack/cart.gz is a recording of.
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

struct Item {
  std::string name;
  std::vector<int> sizes;
};

static std::map<int, std::unique_ptr<Item>>& Store() {
  static std::map<int, std::unique_ptr<Item>> store;
  return store;
}

static void Fill(int from, int to) {
  for (int i = from; i < to; ++i) {
    auto item = std::make_unique<Item>();
    item->name = "an item whose name is on the heap " + std::to_string(i);
    item->sizes.assign(static_cast<size_t>(1 + i % 7), i);
    Store()[i] = std::move(item);
  }
}

static int Deep(int depth) {
  if (depth == 0) return static_cast<int>(std::vector<char>(5000).size());
  std::string keep(100, 'x');
  return Deep(depth - 1) + static_cast<int>(keep.size());
}

int main() {
  Fill(0, 300);
  std::unordered_map<std::string, int> counts;
  for (int i = 0; i < 200; ++i) ++counts["key number " + std::to_string(i % 50)];
  const int n = Deep(40);
  for (int i = 0; i < 300; i += 3) Store().erase(i);
  Fill(1000, 1040);
  return n == 0;
}
