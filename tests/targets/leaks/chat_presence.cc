// Who is there, and what was said, in a chat.
//
//   leak   Roster::Connect      an entry for every device that connects; Disconnect marks it
//                               as away and keeps it
//   leak   Receipts::MarkRead   up to where somebody read a message, by message; messages
//                               leave the history, receipts stay
//   decoy  History::Append      the last 6000 messages: a ring at its limit
//   decoy  Outgoing::Add        what is to be sent, in batches: a saw-tooth
//   decoy  Rooms::Enter         rooms open when people come and close when they leave

#include <cinttypes>
#include <cmath>
#include <deque>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "tests/targets/leaks/pacing.h"

namespace chat {

class Roster {
 public:
  void Connect(const std::string& device, uint64_t user) {
    Presence& presence = devices_[device];
    presence.user = user;
    presence.here = true;
  }

  void Disconnect(const std::string& device) { devices_.at(device).here = false; }

 private:
  struct Presence {
    uint64_t user = 0;
    bool here = false;
    char status[80] = {};
  };
  std::unordered_map<std::string, Presence> devices_;
};

class Receipts {
 public:
  void MarkRead(uint64_t message, uint32_t reader) { readers_[message].last[reader % 6] = reader; }

 private:
  struct Readers {
    uint32_t last[6] = {};
  };
  std::map<uint64_t, Readers> readers_;
};

class History {
 public:
  void Append(std::string message) {
    messages_.push_back(std::move(message));
    if (messages_.size() > 6000) messages_.pop_front();
  }

 private:
  std::deque<std::string> messages_;
};

class Outgoing {
 public:
  void Add(uint64_t message, uint64_t user) {
    parcels_.push_back({message, user, {}});
    if (parcels_.size() >= 7000) std::vector<Parcel>().swap(parcels_);
  }

 private:
  struct Parcel {
    uint64_t message, user;
    char header[64];
  };
  std::vector<Parcel> parcels_;
};

class Rooms {
 public:
  void Enter(uint64_t room) {
    Room& entered = rooms_[room];
    entered.topic = "everything about the subject with the number " + std::to_string(room);
    entered.people.resize(30);
  }

  void CloseDownTo(size_t count) {
    while (rooms_.size() > count) rooms_.erase(rooms_.begin());
  }

 private:
  struct Room {
    std::string topic;
    std::vector<uint64_t> people;
  };
  std::map<uint64_t, Room> rooms_;
};

class Server {
 public:
  explicit Server(uint64_t seed) : random_{seed} {}

  void Tick(uint64_t tick) {
    for (int i = 0; i < 8; ++i) {
      char device[48];
      std::snprintf(device, sizeof device, "device-%016" PRIx64, RandomNext(&random_));
      roster_.Connect(device, ++users_);
      roster_.Disconnect(device);
      rooms_.Enter(users_);
    }
    rooms_.CloseDownTo(static_cast<size_t>(1600 + 900 * std::sin(tick / 240.0 * 6.2832)));
    for (int i = 0; i < 25; ++i) {
      ++messages_;
      history_.Append(Compose());
      outgoing_.Add(messages_, RandomBelow(&random_, users_));
      receipts_.MarkRead(messages_, static_cast<uint32_t>(RandomBelow(&random_, users_)));
    }
  }

  uint64_t messages() const { return messages_; }

 private:
  std::string Compose() {
    return "message " + std::to_string(messages_) + ": " +
           std::string(40 + RandomBelow(&random_, 200), 'm');
  }

  Random random_;
  uint64_t users_ = 0;
  uint64_t messages_ = 0;
  Roster roster_;
  Receipts receipts_;
  History history_;
  Outgoing outgoing_;
  Rooms rooms_;
};

}  // namespace chat

int main(int argc, char** argv) {
  const Options options = ParseOptions(argc, argv);
  chat::Server server(options.seed);  // tidied up at the end: what leaked is freed then
  Pace pace = PaceStart(options.seconds, 100);
  while (PaceNext(&pace)) server.Tick(pace.tick);
  std::printf("messages: %" PRIu64 "\n", server.messages());
  return 0;
}
