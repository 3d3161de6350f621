// A result that is built anew for every request, from nothing, and thrown away; and a text
// that is put together for each.

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

namespace {

long Answer(int rows) {
  std::vector<int> result;
  for (int i = 0; i < rows; ++i) result.push_back(i);
  return result[static_cast<size_t>(rows) / 2];
}

size_t Format(long value) {
  const std::string line(static_cast<size_t>(200 + value % 7), '.');
  return line.find('!');
}

}  // namespace

int main(int argc, char** argv) {
  const int seconds = argc > 1 ? std::atoi(argv[1]) : 5;
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
  long sum = 0;
  while (std::chrono::steady_clock::now() < end) {
    for (int i = 0; i < 50; ++i) sum += Answer(9000 + i);
    for (int i = 0; i < 10000; ++i) sum += static_cast<long>(Format(i));
  }
  std::printf("%d\n", sum != 0);
}
