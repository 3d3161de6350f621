// Routes through a town. Much is loaded late here, and only one thing goes on.
//
//   leak   Traces::Remember    traces of requests, switched on in the middle of the run and
//                              never sent anywhere
//   decoy  Streets::Import     the streets of another town, loaded at once after the middle
//   decoy  Shops::Import       its shops, loaded bit by bit within a seventh of the run
//   decoy  Heights::At         heights of hills, asked for once each: complete after three
//                              fifths
//   decoy  Planner::Plan       routes, which live for as long as their travellers travel

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

namespace route {

class Traces {
 public:
  void Remember(uint64_t request, double cost) { traces_.push_back(Trace{request, cost, {}}); }

 private:
  struct Trace {
    uint64_t request;
    double cost;
    uint32_t crossings[24];
  };
  std::list<Trace> traces_;
};

class Streets {
 public:
  void Import(size_t count) {
    for (size_t i = 0; i < count; ++i) {
      Street& street = by_number_[i];
      street.name = "Street of the other town, number " + std::to_string(i);
      street.length = 100 + i % 900;
    }
  }

  uint32_t Length(uint64_t number) const {
    const auto found = by_number_.find(number);
    return found == by_number_.end() ? 0 : found->second.length;
  }

 private:
  struct Street {
    std::string name;
    uint32_t length = 0;
  };
  std::map<uint64_t, Street> by_number_;
};

class Shops {
 public:
  void Import(uint64_t number) {
    shops_.push_back(std::make_unique<Shop>());
    shops_.back()->number = number;
  }

 private:
  struct Shop {
    uint64_t number = 0;
    char address[240] = {};
  };
  std::deque<std::unique_ptr<Shop>> shops_;
};

class Heights {
 public:
  double At(uint64_t place) {
    std::vector<float>& profile = by_place_[place];
    if (profile.empty()) profile.assign(60, static_cast<float>(place % 700));
    return profile[place % profile.size()];
  }

 private:
  std::unordered_map<uint64_t, std::vector<float>> by_place_;
};

class Planner {
 public:
  double Plan(uint64_t request, uint64_t now, uint64_t travels) {
    Route& route = routes_[now + travels].emplace_back();
    route.request = request;
    route.corners.resize(30 + request % 20);
    return std::sqrt(static_cast<double>(route.corners.size() + request % 100));
  }

  void Arrive(uint64_t now) { routes_.erase(now); }

 private:
  struct Route {
    uint64_t request = 0;
    std::vector<uint32_t> corners;
  };
  std::unordered_map<uint64_t, std::list<Route>> routes_;  // by when they end
};

class Router {
 public:
  explicit Router(uint64_t seed) : random_{seed} {}

  void Tick(uint64_t tick, double progress) {
    if (progress >= 0.58 && !has_streets_) {
      streets_.Import(14000);
      has_streets_ = true;
    }
    for (int i = 0; i < 70 && progress >= 0.56 && shops_imported_ < 8000; ++i) {
      shops_.Import(shops_imported_++);
    }
    for (int i = 0; i < 14 && progress < 0.6; ++i) cost_ += heights_.At(places_++);
    for (int i = 0; i < 12; ++i) {
      ++request_;
      const double cost = planner_.Plan(request_, tick, 20 + RandomBelow(&random_, 80));
      cost_ += cost + streets_.Length(RandomBelow(&random_, 20000));
      if (progress > 0.45) traces_.Remember(request_, cost);
    }
    planner_.Arrive(tick);
  }

  double cost() const { return cost_; }

 private:
  Random random_;
  uint64_t request_ = 0;
  uint64_t places_ = 0;
  uint64_t shops_imported_ = 0;
  bool has_streets_ = false;
  double cost_ = 0;
  Traces traces_;
  Streets streets_;
  Shops shops_;
  Heights heights_;
  Planner planner_;
};

}  // namespace route

int main(int argc, char** argv) {
  const Options options = ParseOptions(argc, argv);
  static route::Router& router = *new route::Router(options.seed);
  Pace pace = PaceStart(options.seconds, 100);
  while (PaceNext(&pace)) router.Tick(pace.tick, PaceProgress(&pace));
  std::printf("cost: %.0f\n", router.cost());
  return 0;
}
