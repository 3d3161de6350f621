// A queue whose consumer takes two jobs where the producer brings three.

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <list>
#include <mutex>
#include <thread>

namespace {

struct Job {
  char payload[300];
};

std::mutex mutex;
std::list<Job> jobs;
std::atomic<bool> done{false};

void Produce() {
  const std::lock_guard<std::mutex> lock(mutex);
  jobs.push_back(Job{});
}

void Consume() {
  while (!done) {
    for (int i = 0; i < 80; ++i) {
      const std::lock_guard<std::mutex> lock(mutex);
      if (!jobs.empty()) jobs.pop_front();
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
}

}  // namespace

int main(int argc, char** argv) {
  const int seconds = argc > 1 ? std::atoi(argv[1]) : 5;
  std::thread consumer(Consume);
  for (int tick = 0; tick < seconds * 100; ++tick) {
    for (int i = 0; i < 120; ++i) Produce();
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  done = true;
  consumer.join();
  std::printf("%d\n", !jobs.empty());
}
