// A map and a vector that were full once: their entries go, their storage stays.

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

namespace {

std::unordered_map<long, long> orders;
std::vector<std::string> lines;

void Fill() {
  for (long i = 0; i < 400'000; ++i) orders[i] = i;
  for (int i = 0; i < 100'000; ++i) lines.push_back(std::string(60, 'l'));
}

void Drain() {
  for (long i = 100; i < 400'000; ++i) orders.erase(i);
  lines.clear();
}

}  // namespace

int main(int argc, char** argv) {
  const int seconds = argc > 1 ? std::atoi(argv[1]) : 5;
  Fill();
  std::this_thread::sleep_for(std::chrono::seconds(1));
  Drain();
  std::this_thread::sleep_for(std::chrono::seconds(seconds - 1));
  std::printf("%zu %zu\n", orders.size(), lines.size());
  // Ends as a server that is killed, with its heap as it is.
  std::fflush(stdout);
  std::_Exit(0);
}
