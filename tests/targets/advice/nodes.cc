// Small elements in big containers: an index of numbers in a tree, and names of which most
// are the same.

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <thread>
#include <vector>

namespace {

std::map<int, int> index;
std::vector<std::string> countries;

void Load() {
  for (int i = 0; i < 300'000; ++i) index[i * 7] = i;
  countries.reserve(200'000);
  const char* const names[] = {"northern half of the kingdom", "southern half of the kingdom"};
  for (int i = 0; i < 200'000; ++i) countries.emplace_back(names[i % 2]);
}

}  // namespace

int main(int argc, char** argv) {
  const int seconds = argc > 1 ? std::atoi(argv[1]) : 5;
  Load();
  std::this_thread::sleep_for(std::chrono::seconds(seconds));
  std::printf("%zu %zu\n", index.size(), countries.size());
  std::fflush(stdout);
  std::_Exit(0);
}
