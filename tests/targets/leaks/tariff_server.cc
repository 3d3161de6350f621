// Prices of trains. Nothing leaks here.
//
//   decoy  Tariffs::Reload     the tariffs, read anew every 1.7 s; they replace the old ones,
//                              and are a little larger or smaller each time
//   decoy  Carts::Open         carts of people who are about to buy: many by day, few by
//                              night
//   decoy  Receipts::Print     texts that are sent off in batches: a saw-tooth
//   decoy  Seats::Reserve      maps of the trains of the day: complete after a fifth

#include <cinttypes>
#include <cmath>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "tests/targets/leaks/pacing.h"

namespace tariff {

class Tariffs {
 public:
  void Reload(uint64_t version, size_t count) {
    auto fresh = std::make_unique<std::unordered_map<std::string, Tariff>>();
    for (size_t i = 0; i < count; ++i) {
      Tariff& tariff = (*fresh)["relation-from-town-to-town-" + std::to_string(i)];
      tariff.name =
          "tariff of version " + std::to_string(version) + ", number " + std::to_string(i);
      tariff.cents = 500 + i;
    }
    current_ = std::move(fresh);
  }

  uint64_t Cents(uint64_t relation) const {
    const auto found = current_->find("relation-from-town-to-town-" + std::to_string(relation));
    return found == current_->end() ? 0 : found->second.cents;
  }

 private:
  struct Tariff {
    std::string name;
    uint64_t cents = 0;
  };
  std::unique_ptr<std::unordered_map<std::string, Tariff>> current_;
};

class Carts {
 public:
  void Open(uint64_t number) { carts_.push_back(Cart{number, {}}); }

  void CloseDownTo(size_t count) {
    while (carts_.size() > count) carts_.pop_front();
  }

 private:
  struct Cart {
    uint64_t number;
    uint64_t tickets[40];
  };
  std::list<Cart> carts_;
};

class Receipts {
 public:
  void Print(uint64_t number, uint64_t cents) {
    texts_.push_back("Receipt " + std::to_string(number) + ": one ticket at " +
                     std::to_string(cents) + " cents. Thank you for travelling with us.");
    if (texts_.size() > 6000) std::vector<std::string>().swap(texts_);
  }

 private:
  std::vector<std::string> texts_;
};

class Seats {
 public:
  void Reserve(uint64_t train, uint64_t seat) {
    std::vector<uint8_t>& seats = by_train_[train];
    if (seats.empty()) seats.resize(2400);
    seats[seat % seats.size()] = 1;
  }

 private:
  std::map<uint64_t, std::vector<uint8_t>> by_train_;
};

class Server {
 public:
  explicit Server(uint64_t seed) : random_{seed} {}

  void Tick(uint64_t tick) {
    if (tick % 170 == 1) tariffs_.Reload(tick, 6000 + RandomBelow(&random_, 600));
    for (int i = 0; i < 30; ++i) {
      carts_.Open(++number_);
      const uint64_t cents = tariffs_.Cents(RandomPopular(&random_, 6000));
      receipts_.Print(number_, cents);
      seats_.Reserve(RandomBelow(&random_, 800), number_);
      sum_ += cents;
    }
    carts_.CloseDownTo(static_cast<size_t>(2500 - 1900 * std::cos(tick / 300.0 * 6.2832)));
  }

  uint64_t sum() const { return sum_; }

 private:
  Random random_;
  uint64_t number_ = 0;
  uint64_t sum_ = 0;
  Tariffs tariffs_;
  Carts carts_;
  Receipts receipts_;
  Seats seats_;
};

}  // namespace tariff

int main(int argc, char** argv) {
  const Options options = ParseOptions(argc, argv);
  static tariff::Server& server = *new tariff::Server(options.seed);
  Pace pace = PaceStart(options.seconds, 100);
  while (PaceNext(&pace)) server.Tick(pace.tick);
  std::printf("sum: %" PRIu64 "\n", server.sum());
  return 0;
}
