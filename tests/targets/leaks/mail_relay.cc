// A relay for mail. It accepts more than the smarthost behind it takes.
//
//   leak   Outbox::Enqueue       the consumer is too slow, and nothing pushes back: the
//                                queue of mails grows without a limit, oldest leaving first
//   decoy  BounceCollector::Add  bursts of bounces, worked off within a moment
//   decoy  DeliveryLog::Write    lines that go to disk in batches: a saw-tooth
//   decoy  Greylist::Check       one entry per sender for a while; at its steady size

#include <cinttypes>
#include <deque>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "tests/targets/leaks/pacing.h"

namespace relay {

struct Mail {
  uint64_t number = 0;
  uint32_t sender = 0;
  uint32_t attempts = 0;
  char recipient[64] = {};
  char first_lines[432] = {};
};

class Outbox {
 public:
  void Enqueue(uint64_t number, uint32_t sender) {
    Mail& mail = mails_.emplace_back();
    mail.number = number;
    mail.sender = sender;
    std::snprintf(mail.recipient, sizeof mail.recipient, "user%u@example.org", sender);
  }

  // Delivers that many, oldest first; returns the sum of their numbers.
  uint64_t Deliver(int count) {
    uint64_t sum = 0;
    for (; count > 0 && !mails_.empty(); --count) {
      sum += mails_.front().number;
      mails_.pop_front();
    }
    return sum;
  }

 private:
  std::deque<Mail> mails_;
};

class BounceCollector {
 public:
  void Add(uint64_t number) {
    bounces_.push_back("550 5.1.1 mail " + std::to_string(number) + " rejected: no such user here");
  }

  void WorkOff(size_t count) {
    for (; count > 0 && !bounces_.empty(); --count) bounces_.pop_back();
    if (bounces_.empty()) bounces_.shrink_to_fit();
  }

 private:
  std::vector<std::string> bounces_;
};

class DeliveryLog {
 public:
  void Write(uint64_t number, uint32_t sender) {
    lines_.push_back("delivered mail=" + std::to_string(number) + " from=user" +
                     std::to_string(sender) + " relay=smarthost.example status=sent");
    if (lines_.size() < 2500) return;
    for (const std::string& line : lines_) written_bytes_ += line.size();
    std::vector<std::string>().swap(lines_);
  }

 private:
  std::vector<std::string> lines_;
  uint64_t written_bytes_ = 0;
};

class Greylist {
 public:
  // True when the sender is known; unknown ones are kept for 60 ticks.
  bool Check(uint32_t sender, uint64_t tick) {
    const auto [entry, added] =
        until_.try_emplace("user" + std::to_string(sender) + "@some-sender.example", tick + 60);
    if (added) order_.emplace_back(tick + 60, entry->first);
    return !added;
  }

  void Expire(uint64_t tick) {
    for (; !order_.empty() && order_.front().first <= tick; order_.pop_front()) {
      until_.erase(order_.front().second);
    }
  }

 private:
  std::unordered_map<std::string, uint64_t> until_;
  std::deque<std::pair<uint64_t, std::string>> order_;
};

class Relay {
 public:
  explicit Relay(uint64_t seed) : random_{seed} {}

  void Tick(uint64_t tick) {
    for (int i = 0; i < 20; ++i) {
      const uint32_t sender = static_cast<uint32_t>(RandomBelow(&random_, 100000));
      greylist_.Check(sender, tick);
      outbox_.Enqueue(++accepted_, sender);
      log_.Write(accepted_, sender);
    }
    greylist_.Expire(tick);
    delivered_sum_ += outbox_.Deliver(12);
    // A burst now and then, when some list's subscribers moved.
    if (RandomBelow(&random_, 90) == 0) burst_left_ = 12;
    if (burst_left_ > 0) {
      --burst_left_;
      for (int i = 0; i < 250; ++i) bounces_.Add(accepted_ + i);
    }
    bounces_.WorkOff(60);
  }

  uint64_t delivered_sum() const { return delivered_sum_; }

 private:
  Random random_;
  uint64_t accepted_ = 0;
  uint64_t delivered_sum_ = 0;
  int burst_left_ = 0;
  Outbox outbox_;
  BounceCollector bounces_;
  DeliveryLog log_;
  Greylist greylist_;
};

}  // namespace relay

int main(int argc, char** argv) {
  const Options options = ParseOptions(argc, argv);
  relay::Relay server(options.seed);  // tidied up at the end: what leaked is freed then
  Pace pace = PaceStart(options.seconds, 100);
  while (PaceNext(&pace)) server.Tick(pace.tick);
  std::printf("delivered: %" PRIu64 "\n", server.delivered_sum());
  return 0;
}
