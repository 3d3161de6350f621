// Routes calls to backends and matches the replies with them.
//
//   leak   Backend::Begin       a call is forgotten when its reply comes; for one in 25
//                               none comes, and nothing looks for those
//   decoy  ReplyCache::Put      replies that may be reused, a cache at its limit
//   decoy  Router::LoadRoutes   the routes, read anew every 1.3 s; the old ones are dropped

#include <algorithm>
#include <array>
#include <cinttypes>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "tests/targets/leaks/pacing.h"

namespace rpc {

struct PendingCall {
  uint64_t started = 0;
  char method[48] = {};
  char header[184] = {};
};

class Backend {
 public:
  void Begin(uint64_t id, uint64_t tick) {
    PendingCall& call = pending_[id];
    call.started = tick;
    std::snprintf(call.method, sizeof call.method, "example.Items/Get%" PRIu64, id % 40);
  }

  uint64_t End(uint64_t id) {
    const auto found = pending_.find(id);
    const uint64_t started = found->second.started;
    pending_.erase(found);
    return started;
  }

 private:
  absl::flat_hash_map<uint64_t, PendingCall> pending_;
};

class ReplyCache {
 public:
  static constexpr size_t kLimit = 2000;

  void Put(uint64_t key, uint64_t size) {
    if (by_key_.contains(key)) return;
    order_.emplace_back(key, std::string(size, 'r'));
    by_key_[key] = order_.begin();
    if (order_.size() <= kLimit) return;
    by_key_.erase(order_.front().first);
    order_.pop_front();
  }

 private:
  using Order = std::list<std::pair<uint64_t, std::string>>;
  Order order_;
  absl::flat_hash_map<uint64_t, Order::iterator> by_key_;
};

class Router {
 public:
  explicit Router(uint64_t seed) : random_{seed} {}

  void Tick(uint64_t tick) {
    if (tick % 130 == 1) LoadRoutes(tick);
    for (int i = 0; i < 60; ++i) {
      const uint64_t backend = RandomPopular(&random_, backends_.size());
      const uint64_t id = ++calls_;
      backends_[backend].Begin(id, tick);
      if (RandomBelow(&random_, 25) != 0) in_flight_.emplace_back(backend, id);
    }
    // Replies to what was sent a few ticks ago.
    const size_t replies = in_flight_.size() > 300 ? in_flight_.size() - 300 : 0;
    for (size_t i = 0; i < replies; ++i) {
      const auto [backend, id] = in_flight_[i];
      waited_ += tick - backends_[backend].End(id);
      replies_.Put(RandomPopular(&random_, 20000), 800 + RandomBelow(&random_, 1600));
    }
    in_flight_.erase(in_flight_.begin(), in_flight_.begin() + replies);
  }

  uint64_t waited() const { return waited_; }

 private:
  using Routes = std::map<std::string, std::string>;

  void LoadRoutes(uint64_t version) {
    auto routes = std::make_unique<Routes>();
    for (int i = 0; i < 12000; ++i) {
      routes->emplace("/service/of/the/shop/number/" + std::to_string(i),
                      "backend-" + std::to_string((i + version) % 24) + ".cluster.example:7000");
    }
    routes_ = std::move(routes);
  }

  Random random_;
  uint64_t calls_ = 0;
  uint64_t waited_ = 0;
  std::array<Backend, 24> backends_;
  std::vector<std::pair<uint64_t, uint64_t>> in_flight_;
  ReplyCache replies_;
  std::unique_ptr<Routes> routes_;
};

}  // namespace rpc

int main(int argc, char** argv) {
  const Options options = ParseOptions(argc, argv);
  static rpc::Router& router = *new rpc::Router(options.seed);
  Pace pace = PaceStart(options.seconds, 100);
  while (PaceNext(&pace)) router.Tick(pace.tick);
  std::printf("waited: %" PRIu64 "\n", router.waited());
  return 0;
}
