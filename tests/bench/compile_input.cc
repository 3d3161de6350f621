// What run.py gives the compiler to compile: many headers and many instantiations.
// With SMALL defined: about a fifth of the work.

#include <algorithm>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <unordered_map>
#include <variant>
#include <vector>

#ifndef SMALL
#include <filesystem>
#include <future>
#include <iostream>
#include <regex>
#endif

struct Key {
  std::string name;
  int number = 0;
  bool operator<(const Key& other) const {
    return std::tie(name, number) < std::tie(other.name, other.number);
  }
};

size_t Use(const std::string& text) {
  using Value = std::variant<int, double, std::string, std::vector<Key>>;
  std::map<Key, Value> values;
  std::multimap<int, std::function<size_t(const Key&)>> actions;
  std::unordered_map<std::string, std::set<Key>> index;
  std::vector<std::tuple<Key, double, std::string>> rows;
  for (const char letter : text) {
    const Key key{std::string(3, letter), letter};
    values[key] = std::vector<Key>{key};
    actions.emplace(letter, [&index](const Key& k) { return index[k.name].size(); });
    index[key.name].insert(key);
    rows.emplace_back(key, letter / 2.0, key.name);
  }
  std::sort(rows.begin(), rows.end());
  std::stable_sort(rows.begin(), rows.end(), [](const auto& a, const auto& b) {
    return std::get<2>(a) > std::get<2>(b) || std::get<1>(a) < std::get<1>(b);
  });
  size_t sum = 0;
  for (auto& [number, action] : actions) sum += action(std::get<0>(rows.front())) + number;
  for (auto& [key, value] : values) {
    sum += std::visit([](auto& held) { return sizeof(held); }, value) + key.name.size();
  }
  return sum;
}

#ifdef SMALL
size_t UseAll(const std::string& text) { return Use(text); }
#else
int main(int argc, char** argv) {
  const std::string text = argc > 1 ? argv[1] : "text";
  const std::regex words("([a-z]+)|([0-9]+)");
  std::future<size_t> later = std::async([&text] { return Use(text); });
  std::cout << std::regex_replace(text, words, "<$1>") << later.get()
            << std::filesystem::path(text).extension() << "\n";
}
#endif
