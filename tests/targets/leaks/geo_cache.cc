// Answers which place a coordinate belongs to. Nothing leaks here.
//
//   decoy  PlaceCache::Put       an LRU cache that is at its limit from the second second on
//   decoy  Distances::Between    memoized for pairs of 45 cities: once each was asked for,
//                                nothing is added
//   decoy  CellTable::Double     a table that doubles once, after half of the run
//   decoy  Trips::Start          trips end after a while; there are more by day

#include <cinttypes>
#include <cmath>
#include <deque>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "tests/targets/leaks/pacing.h"

namespace geo {

class PlaceCache {
 public:
  static constexpr size_t kLimit = 5000;

  bool Contains(uint64_t key) {
    const auto found = by_key_.find(key);
    if (found == by_key_.end()) return false;
    order_.splice(order_.begin(), order_, found->second);
    return true;
  }

  void Put(uint64_t key, std::string place) {
    order_.emplace_front(key, std::move(place));
    by_key_[key] = order_.begin();
    if (order_.size() <= kLimit) return;
    by_key_.erase(order_.back().first);
    order_.pop_back();
  }

 private:
  using Order = std::list<std::pair<uint64_t, std::string>>;
  Order order_;
  std::unordered_map<uint64_t, Order::iterator> by_key_;
};

class Distances {
 public:
  double Between(uint64_t a, uint64_t b) {
    const auto [entry, added] = known_.try_emplace(std::make_pair(a, b));
    if (added) {
      entry->second.resize(40);
      for (size_t i = 0; i < entry->second.size(); ++i) entry->second[i] = std::hypot(a + i, b);
    }
    return entry->second[7];
  }

 private:
  std::map<std::pair<uint64_t, uint64_t>, std::vector<double>> known_;
};

class CellTable {
 public:
  void Touch(uint64_t cell) { ++cells_[cell % cells_.size()].visits; }

  void Double() {
    std::vector<Cell> bigger(cells_.size() * 2);
    for (size_t i = 0; i < cells_.size(); ++i) bigger[i * 2] = cells_[i];
    cells_.swap(bigger);
  }

 private:
  struct Cell {
    uint64_t visits = 0;
    uint32_t neighbours[6] = {};
  };
  std::vector<Cell> cells_ = std::vector<Cell>(20000);
};

struct Trip {
  uint64_t number = 0;
  double way[60] = {};
};

class Trips {
 public:
  void Start(uint64_t number) {
    auto trip = std::make_unique<Trip>();
    trip->number = number;
    trips_.push_back(std::move(trip));
  }

  void EndAllBut(size_t count) {
    while (trips_.size() > count) trips_.pop_front();
  }

 private:
  std::deque<std::unique_ptr<Trip>> trips_;
};

class Server {
 public:
  explicit Server(uint64_t seed) : random_{seed} {}

  void Tick(uint64_t tick, double progress) {
    if (progress > 0.55 && !doubled_) {
      cells_.Double();
      doubled_ = true;
    }
    for (int i = 0; i < 60; ++i) {
      const uint64_t key = RandomPopular(&random_, 60000);
      cells_.Touch(key);
      if (!places_.Contains(key)) {
        places_.Put(key, "place " + std::to_string(key) +
                             std::string(60 + RandomBelow(&random_, 200), '.'));
      }
      sum_ += distances_.Between(RandomPopular(&random_, 45), RandomBelow(&random_, 45));
      if (i % 3 == 0) trips_.Start(++started_);
    }
    trips_.EndAllBut(static_cast<size_t>(1800 + 1200 * std::sin(tick / 220.0 * 6.2832)));
  }

  double sum() const { return sum_; }

 private:
  Random random_;
  bool doubled_ = false;
  uint64_t started_ = 0;
  double sum_ = 0;
  PlaceCache places_;
  Distances distances_;
  CellTable cells_;
  Trips trips_;
};

}  // namespace geo

int main(int argc, char** argv) {
  const Options options = ParseOptions(argc, argv);
  static geo::Server& server = *new geo::Server(options.seed);
  Pace pace = PaceStart(options.seconds, 100);
  while (PaceNext(&pace)) server.Tick(pace.tick, PaceProgress(&pace));
  std::printf("distances: %.0f\n", server.sum());
  return 0;
}
