// Collects measurements of many series and shows the last minutes of them.
//
//   leak   Series::Add           points are added to a vector per series; the code that was
//                                to cut it to the last hour was never called
//   decoy  Registry::Describe    what each series is: complete after the first seconds
//   decoy  Page::Render          the text for a scraper: built, sent, dropped
//   decoy  Alerts::Raise         bursts of alerts, which end by themselves

#include <array>
#include <cinttypes>
#include <deque>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "tests/targets/leaks/pacing.h"

namespace metrics {

constexpr uint64_t kSeries = 80;

struct Point {
  uint64_t time = 0;
  double value = 0;
  double weight = 0;
};

class Series {
 public:
  void Add(uint64_t time, double value) { points_.push_back({time, value, 1}); }
  double Last() const { return points_.empty() ? 0 : points_.back().value; }

 private:
  std::vector<Point> points_;
};

class Registry {
 public:
  void Describe(uint64_t number) {
    auto& labels = descriptions_["series_of_the_plant_number_" + std::to_string(number)];
    for (int i = 0; i < 6; ++i) {
      labels["label-with-a-long-name-" + std::to_string(i)] =
          "value of the label, number " + std::to_string(number * i);
    }
  }

 private:
  std::map<std::string, std::map<std::string, std::string>> descriptions_;
};

class Page {
 public:
  void Render(const std::array<Series, kSeries>& series) {
    for (uint64_t i = 0; i < kSeries; ++i) {
      text_ += "plant_series_value{number=\"" + std::to_string(i) + "\"} " +
               std::to_string(series[i].Last()) + "\n";
    }
    if (text_.size() > 600000) std::string().swap(text_);
  }

 private:
  std::string text_;
};

class Alerts {
 public:
  void Raise(uint64_t tick, uint64_t series) {
    open_.emplace_back(
        tick + 40, "series " + std::to_string(series) + " is above the limit that was set for it");
  }

  void CloseUntil(uint64_t tick) {
    while (!open_.empty() && open_.front().first <= tick) open_.pop_front();
  }

 private:
  std::deque<std::pair<uint64_t, std::string>> open_;
};

class Gateway {
 public:
  explicit Gateway(uint64_t seed) : random_{seed} {}

  void Tick(uint64_t tick, double progress) {
    while (described_ < 700 && described_ < progress / 0.2 * 700) registry_.Describe(described_++);
    for (int i = 0; i < 200; ++i) {
      const uint64_t series = RandomPopular(&random_, kSeries);
      const double value = static_cast<double>(RandomBelow(&random_, 10000)) / 100;
      series_[series].Add(tick, value);
      sum_ += value;
    }
    page_.Render(series_);
    if (tick % 170 < 15) {
      for (uint64_t i = 0; i < 200; ++i) alerts_.Raise(tick, i);
    }
    alerts_.CloseUntil(tick);
  }

  double sum() const { return sum_; }

 private:
  Random random_;
  uint64_t described_ = 0;
  double sum_ = 0;
  std::array<Series, kSeries> series_;
  Registry registry_;
  Page page_;
  Alerts alerts_;
};

}  // namespace metrics

int main(int argc, char** argv) {
  const Options options = ParseOptions(argc, argv);
  static metrics::Gateway& server = *new metrics::Gateway(options.seed);
  Pace pace = PaceStart(options.seconds, 100);
  while (PaceNext(&pace)) server.Tick(pace.tick, PaceProgress(&pace));
  std::printf("sum: %.0f\n", server.sum());
  return 0;
}
