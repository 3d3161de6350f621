// Request timeouts for an RPC server, in shards by account.
//
//   leak   Shard::Arm            a cancelled timer stays in the priority queue until its
//                                deadline, ten minutes away; nearly all are cancelled
//   decoy  Shard::Track          the timers that are active: as many as requests in flight,
//                                more by day than by night
//   decoy  CallbackPool::Take    callbacks, reused; as many as were ever needed at once

#include <array>
#include <cinttypes>
#include <cmath>
#include <deque>
#include <memory>
#include <queue>
#include <unordered_map>
#include <utility>
#include <vector>

#include "tests/targets/leaks/pacing.h"

namespace timers {

struct Callback {
  uint64_t timer = 0;
  char arguments[240] = {};
};

class CallbackPool {
 public:
  std::unique_ptr<Callback> Take(uint64_t timer) {
    if (free_.empty()) free_.push_back(std::make_unique<Callback>());
    std::unique_ptr<Callback> callback = std::move(free_.back());
    free_.pop_back();
    callback->timer = timer;
    return callback;
  }

  void GiveBack(std::unique_ptr<Callback> callback) { free_.push_back(std::move(callback)); }

 private:
  std::vector<std::unique_ptr<Callback>> free_;
};

struct Timer {
  uint64_t deadline = 0;
  uint64_t id = 0;
  char owner[48] = {};
  bool operator<(const Timer& other) const { return deadline > other.deadline; }
};

class Shard {
 public:
  void Arm(uint64_t id, uint64_t now) {
    Timer timer;
    timer.deadline = now + 60000;
    timer.id = id;
    std::snprintf(timer.owner, sizeof timer.owner, "account-%" PRIu64, id % 977);
    queue_.push(timer);
  }

  void Track(uint64_t id, std::unique_ptr<Callback> callback) {
    active_.emplace(id, std::move(callback));
  }

  std::unique_ptr<Callback> Cancel(uint64_t id) {
    auto node = active_.extract(id);
    return std::move(node.mapped());
  }

  uint64_t FireUntil(uint64_t now) {
    uint64_t fired = 0;
    for (; !queue_.empty() && queue_.top().deadline <= now; queue_.pop()) ++fired;
    return fired;
  }

 private:
  std::priority_queue<Timer> queue_;
  std::unordered_map<uint64_t, std::unique_ptr<Callback>> active_;
};

class Server {
 public:
  explicit Server(uint64_t seed) : random_{seed} {}

  void Tick(uint64_t tick) {
    for (int i = 0; i < 55; ++i) {
      const uint64_t id = ++armed_;
      const uint64_t shard = RandomPopular(&random_, shards_.size());
      shards_[shard].Arm(id, tick);
      shards_[shard].Track(id, pool_.Take(id));
      in_flight_.emplace_back(shard, id);
    }
    // Answers come; how many requests are in flight follows a day of 2.5 s.
    const size_t wanted = static_cast<size_t>(2200 + 1400 * std::sin(tick / 250.0 * 6.2832));
    for (; in_flight_.size() > wanted; in_flight_.pop_front()) {
      const auto [shard, id] = in_flight_.front();
      pool_.GiveBack(shards_[shard].Cancel(id));
    }
    for (Shard& shard : shards_) fired_ += shard.FireUntil(tick);
  }

  uint64_t armed() const { return armed_; }

 private:
  Random random_;
  uint64_t armed_ = 0;
  uint64_t fired_ = 0;
  std::array<Shard, 20> shards_;
  std::deque<std::pair<uint64_t, uint64_t>> in_flight_;
  CallbackPool pool_;
};

}  // namespace timers

int main(int argc, char** argv) {
  const Options options = ParseOptions(argc, argv);
  static timers::Server& server = *new timers::Server(options.seed);
  Pace pace = PaceStart(options.seconds, 100);
  while (PaceNext(&pace)) server.Tick(pace.tick);
  std::printf("armed: %" PRIu64 "\n", server.armed());
  return 0;
}
