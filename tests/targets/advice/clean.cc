// Containers used as they should be: no advice is due. A cache at its limit, arrays that were
// reserved, one that grew once, a buffer that is kept, a queue that is kept up with.

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <list>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

namespace {

struct Page {
  long id = 0;
  char bytes[500] = {};
};

constexpr size_t kPages = 20'000;
std::list<Page> used;  // the last used first
std::unordered_map<long, std::list<Page>::iterator> pages;
std::vector<long> grown;
std::deque<long> waiting;

void Touch(long id) {
  used.push_front(Page{.id = id, .bytes = {}});
  pages[id] = used.begin();
  if (pages.size() <= kPages) return;
  pages.erase(used.back().id);
  used.pop_back();
}

long Report(int rows) {
  std::vector<long> result;
  result.reserve(static_cast<size_t>(rows));
  for (int i = 0; i < rows; ++i) result.push_back(i);
  return result.back();
}

}  // namespace

int main(int argc, char** argv) {
  const int seconds = argc > 1 ? std::atoi(argv[1]) : 5;
  for (long i = 0; i < 500'000; ++i) grown.push_back(i);
  std::string buffer;
  long id = 0, sum = 0;
  for (int tick = 0; tick < seconds * 100; ++tick) {
    for (int i = 0; i < 1000; ++i) Touch(id++);
    for (int i = 0; i < 4; ++i) sum += Report(1000 + tick * 7 % 3000);
    for (int i = 0; i < 1000; ++i) {
      buffer.clear();
      buffer.append(300, 'b');
      waiting.push_back(i);
    }
    waiting.clear();
    sum += static_cast<long>(buffer.size());
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  std::printf("%zu %d\n", pages.size() + grown.size(), sum > 0);
  std::fflush(stdout);
  std::_Exit(0);
}
