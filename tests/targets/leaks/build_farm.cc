// Hands jobs to builders and keeps what their users ask for.
//
//   leak   Queue::Submit          100 KB/s beside 8 MB of artifacts: a job moves from the running
//   to the finished ones by
//                                 splicing; the finished ones are a history without an end
//   leak   Statistics::Record     figures per commit, though a commit is built only once
//   decoy  ArtifactCache::Store   an LRU cache at its limit
//   decoy  Console::Print         output of the jobs, sent off in batches: a saw-tooth

#include <cinttypes>
#include <deque>
#include <list>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "tests/targets/leaks/pacing.h"

namespace farm {

struct Job {
  uint64_t number = 0;
  uint64_t started = 0;
  char command[224] = {};
};

class Queue {
 public:
  void Submit(uint64_t number, uint64_t tick) {
    Job job{number, tick, {}};
    std::snprintf(job.command, sizeof job.command, "make -C src/component%" PRIu64 " all test",
                  number % 300);
    running_.push_back(job);
  }

  bool FinishOne(uint64_t tick) {
    if (running_.empty() || running_.front().started + 20 > tick) return false;
    finished_.splice(finished_.end(), running_, running_.begin());
    return true;
  }

 private:
  std::list<Job> running_;
  std::list<Job> finished_;
};

class Statistics {
 public:
  void Record(const std::string& commit, uint64_t duration) {
    Figures& figures = by_commit_[commit];
    ++figures.builds;
    figures.durations[figures.builds % 6] = duration;
  }

 private:
  struct Figures {
    uint64_t builds = 0;
    uint64_t durations[6] = {};
  };
  std::unordered_map<std::string, Figures> by_commit_;
};

class ArtifactCache {
 public:
  static constexpr size_t kLimit = 400;

  void Store(uint64_t number, size_t size) {
    artifacts_.emplace_back(number, std::vector<char>(size, 'o'));
    if (artifacts_.size() > kLimit) artifacts_.pop_front();
  }

 private:
  std::deque<std::pair<uint64_t, std::vector<char>>> artifacts_;
};

class Console {
 public:
  void Print(uint64_t number) {
    lines_.push_back("[job " + std::to_string(number) + "] compiling, linking, and testing it all");
    if (lines_.size() == 3300) std::vector<std::string>().swap(lines_);
  }

 private:
  std::vector<std::string> lines_;
};

class Farm {
 public:
  explicit Farm(uint64_t seed) : random_{seed} {}

  void Tick(uint64_t tick) {
    for (int i = 0; i < 4; ++i) {
      queue_.Submit(++submitted_, tick);
      for (int line = 0; line < 3; ++line) console_.Print(submitted_);
    }
    while (queue_.FinishOne(tick)) {
      ++finished_;
      if (RandomPercent(&random_, 60)) {
        artifacts_.Store(finished_, 10000 + RandomBelow(&random_, 20000));
      }
      if (RandomPercent(&random_, 60)) statistics_.Record(NewCommit(), 20);
    }
  }

  uint64_t finished() const { return finished_; }

 private:
  std::string NewCommit() {
    char text[41];
    std::snprintf(text, sizeof text, "%016" PRIx64 "%016" PRIx64 "%08x", RandomNext(&random_),
                  RandomNext(&random_), static_cast<unsigned>(RandomNext(&random_)));
    return text;
  }

  Random random_;
  uint64_t submitted_ = 0;
  uint64_t finished_ = 0;
  Queue queue_;
  Statistics statistics_;
  ArtifactCache artifacts_;
  Console console_;
};

}  // namespace farm

int main(int argc, char** argv) {
  const Options options = ParseOptions(argc, argv);
  static farm::Farm& server = *new farm::Farm(options.seed);
  Pace pace = PaceStart(options.seconds, 100);
  while (PaceNext(&pace)) server.Tick(pace.tick);
  std::printf("finished: %" PRIu64 "\n", server.finished());
  return 0;
}
