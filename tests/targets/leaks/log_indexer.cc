// Indexes log lines of many tenants.
//
//   leak   Transcripts::Append   a text per tenant, for a support page; appended to forever
//   decoy  TermTable::Grow       an open-addressing table that doubles once, halfway
//   decoy  Segment::Add          lines of the open segment, closed and freed: a saw-tooth

#include <array>
#include <cinttypes>
#include <string>
#include <utility>
#include <vector>

#include "tests/targets/leaks/pacing.h"

namespace indexer {

constexpr uint64_t kTenants = 60;

class Transcripts {
 public:
  void Append(uint64_t tenant, const std::string& line) {
    std::string& text = texts_[tenant];
    text += line;
    text += '\n';
  }

 private:
  std::array<std::string, kTenants> texts_;
};

// Term -> number of lines, with linear probing; grows when it is 70 % full.
class TermTable {
 public:
  TermTable() : slots_(16384) {}

  void Count(uint64_t term) {
    if (used_ * 10 > slots_.size() * 7) Grow();
    Slot& slot = Find(slots_, term);
    if (slot.lines++ == 0) {
      slot.term = term;
      ++used_;
    }
  }

 private:
  struct Slot {
    uint64_t term = 0;
    uint64_t lines = 0;
    uint64_t last_segment = 0;
  };

  static Slot& Find(std::vector<Slot>& slots, uint64_t term) {
    size_t at = term * 0x9e3779b97f4a7c15 % slots.size();
    while (slots[at].lines != 0 && slots[at].term != term) at = (at + 1) % slots.size();
    return slots[at];
  }

  void Grow() {
    std::vector<Slot> bigger(slots_.size() * 2);
    for (const Slot& slot : slots_) {
      if (slot.lines != 0) Find(bigger, slot.term) = slot;
    }
    slots_ = std::move(bigger);
  }

  std::vector<Slot> slots_;
  size_t used_ = 0;
};

class Segment {
 public:
  void Add(std::string line) {
    bytes_ += line.size();
    lines_.push_back(std::move(line));
    if (bytes_ > 700000) Close();
  }

 private:
  void Close() {
    std::vector<std::string>().swap(lines_);
    bytes_ = 0;
  }

  std::vector<std::string> lines_;
  size_t bytes_ = 0;
};

class Indexer {
 public:
  explicit Indexer(uint64_t seed) : random_{seed} {}

  void Tick() {
    for (int i = 0; i < 40; ++i) {
      const uint64_t tenant = RandomPopular(&random_, kTenants);
      std::string line = MakeLine(tenant);
      transcripts_.Append(tenant, line);
      // New terms are met at a rate that fills 70 % of the first table at 55 % of 9 s.
      terms_.Count(RandomPercent(&random_, 58) ? ++newest_term_
                                               : 1 + RandomBelow(&random_, newest_term_ + 1));
      segment_.Add(std::move(line));
      ++lines_;
    }
  }

  uint64_t lines() const { return lines_; }

 private:
  std::string MakeLine(uint64_t tenant) {
    return "tenant=" + std::to_string(tenant) + " request=" + std::to_string(lines_) +
           " status=200 path=/api/v1/items/" + std::to_string(RandomNext(&random_) >> 40) +
           " agent=client/2.1";
  }

  Random random_;
  uint64_t lines_ = 0;
  uint64_t newest_term_ = 0;
  Transcripts transcripts_;
  TermTable terms_;
  Segment segment_;
};

}  // namespace indexer

int main(int argc, char** argv) {
  const Options options = ParseOptions(argc, argv);
  static indexer::Indexer& server = *new indexer::Indexer(options.seed);
  Pace pace = PaceStart(options.seconds, 100);
  while (PaceNext(&pace)) server.Tick();
  std::printf("lines: %" PRIu64 "\n", server.lines());
  return 0;
}
