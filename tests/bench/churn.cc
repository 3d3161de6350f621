// Allocation-heavy C++: maps, strings and vectors that are made and dropped at the end of call
// chains of changing depth, as a request loop would. Each thread has its own data, so that what is
// measured is the allocator and whoever watches it.
//
// usage: churn REQUESTS THREADS     (REQUESTS are made by each thread)
//
// One request is 131 allocations, each freed in the end; 145,000 requests are 19 million
// pairs at a mean stack depth of 18. Prints a checksum, so that nothing is optimised out.

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

namespace {

constexpr int kMinDepth = 5;
constexpr int kMaxDepth = 20;
constexpr size_t kLiveSessions = 2000;

class Server {
 public:
  explicit Server(uint64_t seed) : random_(seed) {}

  uint64_t Run(long requests) {
    for (long i = 0; i < requests; ++i) {
      const int depth = kMinDepth + static_cast<int>(Random() % (kMaxDepth - kMinDepth + 1));
      sum_ += Route(depth, "request " + std::to_string(i) + " of a client");
    }
    return sum_ + sessions_.size();
  }

 private:
  uint64_t Random() {
    random_ ^= random_ << 13;
    random_ ^= random_ >> 7;
    random_ ^= random_ << 17;
    return random_;
  }

  // Three levels that call each other until the depth is used up; each holds memory of its own.
  __attribute__((noinline)) size_t Route(int depth, const std::string& request) {
    if (depth <= 0) return Handle(request);
    const std::string path = request + "/route";
    const size_t result = Authorize(depth - 1, path);
    return result + path.size();
  }

  __attribute__((noinline)) size_t Authorize(int depth, const std::string& request) {
    if (depth <= 0) return Handle(request);
    std::vector<std::string> rights;
    rights.push_back("a right that is too long to be stored in place");
    const size_t result = Dispatch(depth - 1, request);
    return result + rights.size();
  }

  __attribute__((noinline)) size_t Dispatch(int depth, const std::string& request) {
    if (depth <= 0) return Handle(request);
    auto buffer = std::make_unique<std::vector<int>>(16);
    const size_t result = Route(depth - 1, request);
    return result + buffer->size();
  }

  size_t Handle(const std::string& request) {
    switch (Random() % 3) {
      case 0:
        return Parse(request);
      case 1:
        return Count(request);
      default:
        return Remember(request);
    }
  }

  // A document: keys to lists of strings.
  __attribute__((noinline)) size_t Parse(const std::string& request) {
    std::map<std::string, std::vector<std::string>> document;
    for (int i = 0; i < 12; ++i) {
      std::vector<std::string>& list =
          document["a key of the document, number " + std::to_string(Random() % 16)];
      for (int j = 0; j < 3; ++j) list.push_back(request.substr(0, 8) + " a value of some length");
    }
    return document.size();
  }

  // Counters by word, in a hash map that grows.
  __attribute__((noinline)) size_t Count(const std::string& request) {
    std::unordered_map<std::string, int> words;
    for (int i = 0; i < 32; ++i) {
      ++words[request.substr(0, 18) + std::to_string(Random() % 64)];
    }
    std::vector<std::pair<int, std::string>> sorted;
    for (const auto& [word, count] : words) sorted.emplace_back(count, word);
    return sorted.size();
  }

  // Sessions outlive their request: the oldest make room for the newest.
  __attribute__((noinline)) size_t Remember(const std::string& request) {
    for (int i = 0; i < 24; ++i) {
      std::map<int, std::string>& session = sessions_[next_session_++];
      session[0] = request;
      session[1] = "the user agent of the client";
      if (sessions_.size() > kLiveSessions) sessions_.erase(next_session_ - kLiveSessions);
    }
    return sessions_.size();
  }

  uint64_t random_;
  uint64_t sum_ = 0;
  uint64_t next_session_ = 0;
  std::unordered_map<uint64_t, std::map<int, std::string>> sessions_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const long requests = std::atol(argv[1]);
  const int threads = std::atoi(argv[2]);
  if (requests <= 0 || threads < 1 || threads > 64) return 2;
  std::vector<uint64_t> sums(static_cast<size_t>(threads));
  const auto work = [&sums, requests](size_t i) {
    sums[i] = Server(i + 88172645463325252).Run(requests);
  };
  std::vector<std::thread> others;
  for (size_t i = 1; i < sums.size(); ++i) others.emplace_back(work, i);
  work(0);
  for (std::thread& other : others) other.join();
  uint64_t sum = 0;
  for (const uint64_t each : sums) sum += each;
  std::printf("%llu\n", static_cast<unsigned long long>(sum));
}
