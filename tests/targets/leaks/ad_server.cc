// Answers bid requests.
//
//   leak   ParseBid              a request is made with new and deleted by whoever answers
//                                it; one in twenty-five cannot be parsed, and that path
//                                returns without deleting it
//   decoy  Campaigns::Load       campaigns, loaded anew every two seconds, replacing the old
//   decoy  FrequencyCaps::Count  how often a person saw an ad: kept for a while; more by day
//   decoy  WinLog::Add           what was won, sent off in batches: a saw-tooth

#include <cinttypes>
#include <cmath>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "tests/targets/leaks/pacing.h"

namespace ads {

struct BidRequest {
  uint64_t id = 0;
  uint64_t person = 0;
  uint64_t campaign = 0;
  char page[256] = {};
  char segments[1200] = {};
};

// The caller owns what is returned. Null when the text is no bid.
BidRequest* ParseBid(const char* text) {
  BidRequest* bid = new BidRequest();
  if (std::sscanf(text, "bid %" SCNu64 " person %" SCNu64 " campaign %" SCNu64 " page %255s",
                  &bid->id, &bid->person, &bid->campaign, bid->page) != 4) {
    return nullptr;
  }
  std::snprintf(bid->segments, sizeof bid->segments, "segment-%" PRIu64, bid->person % 50);
  return bid;
}

class Campaigns {
 public:
  void Load(uint64_t version) {
    auto fresh = std::make_shared<Table>();
    for (uint64_t i = 0; i < 4000; ++i) {
      (*fresh)[i] = "campaign " + std::to_string(i) + " in version " + std::to_string(version) +
                    " with a text to show on many pages";
    }
    current_ = fresh;
  }

  size_t TextSize(uint64_t campaign) const { return current_->at(campaign % 4000).size(); }

 private:
  using Table = std::map<uint64_t, std::string>;
  std::shared_ptr<const Table> current_;
};

class FrequencyCaps {
 public:
  void Count(uint64_t person) {
    if (++seen_["person-with-the-number-" + std::to_string(person)] == 1) order_.push_back(person);
  }

  void ForgetAllBut(size_t count) {
    for (; order_.size() > count; order_.pop_front()) {
      seen_.erase("person-with-the-number-" + std::to_string(order_.front()));
    }
  }

 private:
  std::unordered_map<std::string, uint32_t> seen_;
  std::deque<uint64_t> order_;
};

class WinLog {
 public:
  void Add(const BidRequest& bid) {
    wins_.push_back({bid.id, bid.person, bid.campaign});
    if (wins_.size() == 20000) {
      wins_.clear();
      wins_.shrink_to_fit();
    }
  }

 private:
  struct Win {
    uint64_t id, person, campaign;
  };
  std::vector<Win> wins_;
};

class Server {
 public:
  explicit Server(uint64_t seed) : random_{seed} {}

  void Tick(uint64_t tick) {
    if (tick % 200 == 1) campaigns_.Load(tick);
    for (int i = 0; i < 35; ++i) {
      char text[400];
      const char* form = RandomBelow(&random_, 25) == 0
                             ? "bid %" PRIu64 " person none campaign %" PRIu64
                             : "bid %" PRIu64 " person %" PRIu64
                               " campaign 17 page http://news.example/today";
      std::snprintf(text, sizeof text, form, ++requests_, RandomBelow(&random_, 100000));
      Answer(text);
    }
    caps_.ForgetAllBut(static_cast<size_t>(3500 + 1500 * std::sin(tick / 260.0 * 6.2832)));
  }

  uint64_t answered_bytes() const { return answered_bytes_; }

 private:
  void Answer(const char* text) {
    const BidRequest* bid = ParseBid(text);
    if (bid == nullptr) return;
    caps_.Count(bid->person);
    wins_.Add(*bid);
    answered_bytes_ += campaigns_.TextSize(bid->campaign);
    delete bid;
  }

  Random random_;
  uint64_t requests_ = 0;
  uint64_t answered_bytes_ = 0;
  Campaigns campaigns_;
  FrequencyCaps caps_;
  WinLog wins_;
};

}  // namespace ads

int main(int argc, char** argv) {
  const Options options = ParseOptions(argc, argv);
  static ads::Server& server = *new ads::Server(options.seed);
  Pace pace = PaceStart(options.seconds, 100);
  while (PaceNext(&pace)) server.Tick(pace.tick);
  std::printf("answered: %" PRIu64 "\n", server.answered_bytes());
  std::fflush(stdout);
  std::_Exit(0);
}
