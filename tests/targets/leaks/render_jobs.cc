// Renders frames in a worker thread and sends them on.
//
//   leak   Renderer::Render      one frame in six had a glitch and is pinned for somebody to
//                                look at; nobody does. Few blocks, 200 KiB each.
//   decoy  TileCache::Put        tiles of the map, a cache at its limit
//   decoy  FrameRing::Reserve    buffers for the encoder; more are made until there are
//                                enough of them

#include <algorithm>
#include <atomic>
#include <cinttypes>
#include <deque>
#include <list>
#include <map>
#include <thread>
#include <utility>
#include <vector>

#include "tests/targets/leaks/pacing.h"

namespace render {

using Pixels = std::vector<uint8_t>;

class TileCache {
 public:
  static constexpr size_t kLimit = 60;

  const Pixels* Find(uint64_t id) const {
    const auto found = tiles_.find(id);
    return found == tiles_.end() ? nullptr : &found->second;
  }

  const Pixels* Put(uint64_t id) {
    if (order_.size() == kLimit) {
      tiles_.erase(order_.front());
      order_.pop_front();
    }
    order_.push_back(id);
    return &tiles_.emplace(id, Pixels(40000 + id % 50 * 1000, 7)).first->second;
  }

 private:
  std::map<uint64_t, Pixels> tiles_;
  std::deque<uint64_t> order_;
};

// Buffers that the encoder reuses.
class FrameRing {
 public:
  void Reserve(size_t frames) {
    while (buffers_.size() < frames) buffers_.push_back(Pixels(150000));
  }

 private:
  std::list<Pixels> buffers_;
};

class Renderer {
 public:
  explicit Renderer(uint64_t seed) : random_{seed} {}

  void Work(double seconds) {
    Pace pace = PaceStart(seconds, 30);
    while (PaceNext(&pace)) {
      const double progress = PaceProgress(&pace);
      ring_.Reserve(progress < 0.3 ? 4 + static_cast<size_t>(progress * 80) : 28);
      Pixels frame = Render(pace.tick);
      if (pace.tick % 6 == 5) {
        pinned_.push_back(std::move(frame));
      } else {
        checksum_ += frame[frame.size() / 2];
      }
    }
  }

  uint64_t checksum() const { return checksum_; }

 private:
  Pixels Render(uint64_t number) {
    Pixels frame(200 * 1024);
    for (uint64_t y = 0; y < 4; ++y) {
      const uint64_t id = RandomPopular(&random_, 400);
      const Pixels* tile = tiles_.Find(id);
      if (tile == nullptr) tile = tiles_.Put(id);
      std::copy_n(tile->begin(), 30000, frame.begin() + y * 50000);
    }
    frame[number % frame.size()] = 1;
    return frame;
  }

  Random random_;
  TileCache tiles_;
  FrameRing ring_;
  std::vector<Pixels> pinned_;
  std::atomic<uint64_t> checksum_ = 0;
};

}  // namespace render

int main(int argc, char** argv) {
  const Options options = ParseOptions(argc, argv);
  static render::Renderer& renderer = *new render::Renderer(options.seed);
  std::thread worker(&render::Renderer::Work, &renderer, options.seconds);
  worker.join();
  std::printf("checksum: %" PRIu64 "\n", renderer.checksum());
  std::fflush(stdout);
  std::_Exit(0);
}
