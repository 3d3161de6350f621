// Sessions and their channels, which know each other.
//
//   leak   Gate::Login          a session holds its channel and the channel its session, both
//                               by shared_ptr; a logout cuts the cycle, but a few
//                               people never log out, and the timeout only drops the handle
//   decoy  KeyCache::Fetch      keys, an LRU cache at its limit
//   decoy  BufferPool::Borrow   buffers that are given back; as many as were needed at once

#include <algorithm>
#include <cinttypes>
#include <deque>
#include <list>
#include <memory>
#include <unordered_map>
#include <utility>
#include <vector>

#include "tests/targets/leaks/pacing.h"

namespace auth {

struct Channel;

struct Session {
  uint64_t id = 0;
  char claims[520] = {};
  std::shared_ptr<Channel> channel;
};

struct Channel {
  std::shared_ptr<Session> session;
  char address[64] = {};
  uint64_t sent = 0;
};

class KeyCache {
 public:
  static constexpr size_t kLimit = 900;

  uint64_t Fetch(uint64_t number) {
    const auto found = by_number_.find(number);
    if (found != by_number_.end()) return found->second->bits[0];
    keys_.push_front(Key{number, {}});
    keys_.front().bits[0] = number * 77;
    by_number_[number] = keys_.begin();
    if (keys_.size() > kLimit) {
      by_number_.erase(keys_.back().number);
      keys_.pop_back();
    }
    return number * 77;
  }

 private:
  struct Key {
    uint64_t number;
    uint64_t bits[256];
  };
  std::list<Key> keys_;
  std::unordered_map<uint64_t, std::list<Key>::iterator> by_number_;
};

class BufferPool {
 public:
  using Buffer = std::unique_ptr<std::vector<char>>;

  Buffer Borrow() {
    if (free_.empty()) return std::make_unique<std::vector<char>>(6000);
    Buffer buffer = std::move(free_.back());
    free_.pop_back();
    return buffer;
  }

  void GiveBack(Buffer buffer) { free_.push_back(std::move(buffer)); }

 private:
  std::vector<Buffer> free_;
};

class Gate {
 public:
  std::shared_ptr<Session> Login(uint64_t id) {
    auto session = std::make_shared<Session>();
    session->id = id;
    session->channel = std::make_shared<Channel>();
    session->channel->session = session;
    std::snprintf(session->channel->address, sizeof session->channel->address, "10.0.%u.%u:443",
                  static_cast<unsigned>(id / 256 % 256), static_cast<unsigned>(id % 256));
    return session;
  }

  void Logout(const std::shared_ptr<Session>& session) { session->channel.reset(); }
};

class Server {
 public:
  explicit Server(uint64_t seed) : random_{seed} {}

  void Tick(double progress) {
    for (int i = 0; i < 15; ++i) {
      online_.push_back(gate_.Login(++logins_));
      sum_ += keys_.Fetch(RandomPopular(&random_, 6000));
    }
    while (online_.size() > 900) {
      if (!RandomPercent(&random_, 6)) gate_.Logout(online_.front());
      online_.pop_front();  // logged out, or timed out
    }
    // Exchanges that are under way; ever more of them until the third part of the run.
    const size_t wanted = static_cast<size_t>(100 + 700 * std::min(1.0, progress / 0.33)) +
                          RandomBelow(&random_, 100);
    while (busy_.size() < wanted) busy_.push_back(pool_.Borrow());
    for (; busy_.size() > wanted; busy_.pop_front()) pool_.GiveBack(std::move(busy_.front()));
  }

  uint64_t sum() const { return sum_; }

 private:
  Random random_;
  uint64_t logins_ = 0;
  uint64_t sum_ = 0;
  Gate gate_;
  std::deque<std::shared_ptr<Session>> online_;
  KeyCache keys_;
  BufferPool pool_;
  std::deque<BufferPool::Buffer> busy_;
};

}  // namespace auth

int main(int argc, char** argv) {
  const Options options = ParseOptions(argc, argv);
  static auth::Server& server = *new auth::Server(options.seed);
  Pace pace = PaceStart(options.seconds, 100);
  while (PaceNext(&pace)) server.Tick(PaceProgress(&pace));
  std::printf("sum: %" PRIu64 "\n", server.sum());
  std::fflush(stdout);
  std::quick_exit(0);
}
