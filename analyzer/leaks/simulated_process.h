// A program of known behaviour for tests: blocks with sizes and life spans, sampled as the
// recorder samples, cut into snapshots.
//
// Thread class: one test, one thread. Everything follows from the seed.

#ifndef TIDEMARK_ANALYZER_LEAKS_SIMULATED_PROCESS_H_
#define TIDEMARK_ANALYZER_LEAKS_SIMULATED_PROCESS_H_

#include <cmath>
#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <tuple>
#include <vector>

#include "analyzer/leaks/series.h"
#include "analyzer/model/profile_builder.h"

namespace tidemark::leaks {

inline constexpr double kForever = std::numeric_limits<double>::infinity();

class SimulatedProcess {
 public:
  explicit SimulatedProcess(uint32_t seed, double rate = 524288) : random_(seed), rate_(rate) {}

  std::mt19937& random() { return random_; }
  double Exponential(double mean) {
    return std::exponential_distribution<double>(1 / mean)(random_);
  }

  // Ids are in the order of adding; the site's function is `name`, called by `callers`,
  // innermost first.
  size_t AddSite(std::string name, std::optional<Container> container = std::nullopt,
                 std::vector<std::string> callers = {}) {
    sites_.push_back({std::move(name), std::move(container), std::move(callers), {}});
    return sites_.size() - 1;
  }

  // A block that is allocated at `birth_s` and freed at `death_s`; kept if it is sampled.
  void Allocate(size_t site, double size, double birth_s, double death_s = kForever) {
    if (std::uniform_real_distribution<double>(0, 1)(random_) >= SamplingProbability(size)) return;
    AllocateSampled(site, size, birth_s, death_s);
  }
  // A block that is sampled.
  void AllocateSampled(size_t site, double size, double birth_s, double death_s = kForever) {
    sites_[site].blocks.push_back({size, birth_s, death_s, SamplingProbability(size)});
  }

  void set_process_id(std::string id) { process_id_ = std::move(id); }
  void set_pid(int pid) { pid_ = pid; }
  // What later snapshots say they were taken for: "interval", "exit"…
  void set_reason(std::string reason) { reason_ = std::move(reason); }
  // Another of the recorder's comments, in later snapshots.
  void set_comment(const std::string& key, const std::string& value) { comments_[key] = value; }
  // When the process began, in seconds on an axis of one's own.
  void set_begin(double begin_s) { begin_s_ = begin_s; }
  // As Go's profiles: no ages, no sample counts.
  void set_plain(bool plain) { plain_ = plain; }

  // The heap as it stands at `time_s` after the start, annotated.
  std::shared_ptr<const Profile> SnapshotAt(double time_s) const {
    ProfileBuilder builder;
    const auto id = [&](const char* s) { return builder.AddString(s); };
    std::vector<ValueType> types = {{id("alloc_objects"), id("count")},
                                    {id("alloc_space"), id("bytes")},
                                    {id("inuse_objects"), id("count")},
                                    {id("inuse_space"), id("bytes")}};
    if (!plain_) {
      types.push_back({id("alloc_samples"), id("count")});
      types.push_back({id("inuse_samples"), id("count")});
    }
    builder.SetSampleTypes(types);
    builder.SetPeriod({id("space"), id("bytes")}, static_cast<int64_t>(rate_));
    builder.SetTime(kEpoch + static_cast<int64_t>((begin_s_ + time_s) * 1e9),
                    static_cast<int64_t>(time_s * 1e9));
    if (!process_id_.empty()) {
      builder.AddComment(builder.AddString("tidemark.process_id=" + process_id_));
      builder.AddComment(builder.AddString("tidemark.pid=" + std::to_string(pid_)));
    }
    for (const auto& [key, value] : comments_) {
      builder.AddComment(builder.AddString("tidemark." + key + "=" + value));
    }
    if (!reason_.empty()) builder.AddComment(builder.AddString("tidemark.reason=" + reason_));
    Annotations annotations;
    for (const Site& site : sites_) AddSiteTo(builder, site, time_s, annotations);
    builder.SetAnnotations(std::move(annotations));
    return builder.Build().value();
  }

  static constexpr int64_t kEpoch = 1'700'000'000'000'000'000;

 private:
  double SamplingProbability(double size) const {
    return rate_ <= 1 ? 1 : -std::expm1(-size / rate_);
  }

  static int64_t AgeBucketStart(int64_t second) {
    int64_t begin = 0;
    while (AgeBucketEnd(begin) <= second) begin = AgeBucketEnd(begin);
    return begin;
  }

  struct Block {
    double size, birth_s, death_s, p;
  };
  struct Site {
    std::string name;
    std::optional<Container> container;
    std::vector<std::string> callers;
    std::vector<Block> blocks;
  };
  struct Row {
    double alloc_objects = 0, alloc_bytes = 0, live_objects = 0, live_bytes = 0;
    int64_t alloc_samples = 0, live_samples = 0;
  };

  static LocationId AddFrame(ProfileBuilder& builder, const std::string& name) {
    Function function;
    function.name = builder.AddString(name);
    function.system_name = function.name;
    const Line lines[] = {{builder.AddFunction(function), 1}};
    return builder.AddLocation(0x1000, MappingId{}, false, lines);
  }

  void AddSiteTo(ProfileBuilder& builder, const Site& site, double time_s,
                 Annotations& annotations) const {
    std::vector<LocationId> frames = {AddFrame(builder, site.name)};
    for (const std::string& caller : site.callers) frames.push_back(AddFrame(builder, caller));
    const StackId stack = builder.AddStack(frames);
    annotations.site.resize(stack.value + 1);
    annotations.container.resize(stack.value + 1);
    if (site.container) {
      annotations.container[stack.value] =
          ContainerId{static_cast<uint32_t>(annotations.containers.size())};
      annotations.containers.push_back(*site.container);
    }
    // (size, live, allocated_at)
    std::map<std::tuple<double, bool, int64_t>, Row> rows;
    for (const Block& block : site.blocks) {
      if (block.birth_s > time_s) continue;
      const bool live = block.death_s > time_s;
      const int64_t at = live ? AgeBucketStart(static_cast<int64_t>(block.birth_s)) : 0;
      Row& row = rows[{block.size, live, at}];
      row.alloc_objects += 1 / block.p;
      row.alloc_bytes += block.size / block.p;
      ++row.alloc_samples;
      if (!live) continue;
      row.live_objects += 1 / block.p;
      row.live_bytes += block.size / block.p;
      ++row.live_samples;
    }
    for (const auto& [key, row] : rows) {
      std::vector<Label> labels = {{builder.AddString("bytes"), StringId{0},
                                    static_cast<int64_t>(std::get<0>(key)),
                                    builder.AddString("bytes")}};
      if (std::get<1>(key) && !plain_) {
        labels.push_back({builder.AddString("allocated_at"), StringId{0}, std::get<2>(key),
                          builder.AddString("seconds")});
      }
      std::vector<int64_t> values = {std::llround(row.alloc_objects), std::llround(row.alloc_bytes),
                                     std::llround(row.live_objects), std::llround(row.live_bytes)};
      if (!plain_) values.insert(values.end(), {row.alloc_samples, row.live_samples});
      builder.AddSample(stack, builder.AddLabels(labels), values);
    }
  }

  std::mt19937 random_;
  double rate_;
  std::vector<Site> sites_;
  std::string process_id_;
  int pid_ = 1;
  std::map<std::string, std::string> comments_;
  double begin_s_ = 0;
  std::string reason_;
  bool plain_ = false;
};

}  // namespace tidemark::leaks

#endif  // TIDEMARK_ANALYZER_LEAKS_SIMULATED_PROCESS_H_
