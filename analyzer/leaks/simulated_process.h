// A program of known behaviour for tests: blocks with sizes and life spans, sampled as the
// recorder samples, cut into snapshots.
//
// Thread class: one test, one thread. Everything follows from the seed.

#ifndef TIDEMARK_ANALYZER_LEAKS_SIMULATED_PROCESS_H_
#define TIDEMARK_ANALYZER_LEAKS_SIMULATED_PROCESS_H_

#include <algorithm>
#include <cmath>
#include <compare>
#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
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

  // Ids are in the order of adding; the site's function is `name`, on line 1 unless it ends in
  // "@LINE", called by `callers`, and calls the container's `glue`, both innermost first. Those of
  // one name are one site.
  size_t AddSite(std::string name, std::optional<Container> container = std::nullopt,
                 std::vector<std::string> callers = {}, std::vector<std::string> glue = {}) {
    sites_.push_back(
        {std::move(name), std::move(container), std::move(callers), std::move(glue), {}});
    return sites_.size() - 1;
  }

  // A block that is allocated at `birth_s` and freed at `death_s`; kept if it is sampled.
  void Allocate(size_t site, double size, double birth_s, double death_s = kForever) {
    if (std::uniform_real_distribution<double>(0, 1)(random_) >= SamplingProbability(size)) return;
    AllocateSampled(site, size, birth_s, death_s);
  }
  // A block that is sampled.
  void AllocateSampled(size_t site, double size, double birth_s, double death_s = kForever) {
    sites_[site].blocks.push_back(
        {size, birth_s, death_s, SamplingProbability(size), frees_elsewhere_, reallocs_});
  }
  // Of blocks that are allocated from now on.
  void set_frees_elsewhere(bool elsewhere) { frees_elsewhere_ = elsewhere; }
  void set_reallocs(int64_t reallocs) { reallocs_ = reallocs; }

  void set_process_id(std::string id) { process_id_ = std::move(id); }
  void set_pid(int pid) { pid_ = pid; }
  // What later snapshots say they were taken for: "interval", "exit"…
  void set_reason(std::string reason) { reason_ = std::move(reason); }
  // Another of the recorder's comments, in later snapshots.
  void set_comment(const std::string& key, const std::string& value) { comments_[key] = value; }
  // When its use was highest, as later snapshots know it.
  void set_peak(double time_s) {
    peak_s_ = time_s;
    set_comment("peak_time_seconds", std::to_string(static_cast<int64_t>(time_s)));
  }
  // The files that are mapped besides the program.
  void set_libraries(std::vector<std::string> files) { libraries_ = std::move(files); }
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
    if (peak_s_) {
      types.push_back({id("peak_objects"), id("count")});
      types.push_back({id("peak_space"), id("bytes")});
    }
    for (const std::string& file : libraries_) {
      Mapping mapping;
      mapping.file = builder.AddString(file);
      builder.AddMapping(mapping);
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

  // Exact below 16, then eight in each octave.
  static int64_t SizeBucketStart(double size) {
    const double step = std::max(1.0, std::exp2(std::floor(std::log2(size)) - 3));
    return static_cast<int64_t>(std::floor(size / step) * step);
  }

  // Powers of two, in nanoseconds.
  static int64_t LifetimeBucketStart(double seconds) {
    return int64_t{1} << std::ilogb(std::max(seconds * 1e9, 1.0));
  }

  struct Block {
    double size, birth_s, death_s, p;
    bool freed_elsewhere;
    int64_t reallocs;
  };
  struct Site {
    std::string name;
    std::optional<Container> container;
    std::vector<std::string> callers;
    std::vector<std::string> glue;
    std::vector<Block> blocks;
  };
  struct Row {
    double alloc_objects = 0, alloc_bytes = 0, live_objects = 0, live_bytes = 0;
    int64_t alloc_samples = 0, live_samples = 0;
    double peak_objects = 0, peak_bytes = 0;
  };
  // What rows are kept apart by. allocated_at and reallocs are of live blocks, lifetime_ns and
  // freed_elsewhere of freed ones; -1: no such label.
  struct RowKey {
    double size = 0;
    int64_t allocated_at = -1;
    int64_t reallocs = 0;
    int64_t lifetime_ns = -1;
    bool freed_elsewhere = false;
    friend auto operator<=>(const RowKey&, const RowKey&) = default;
  };

  static LocationId AddFrame(ProfileBuilder& builder, const std::string& name) {
    const size_t at = name.find('@');
    Function function;
    function.name = builder.AddString(name.substr(0, at));
    function.system_name = function.name;
    const int64_t line = at == std::string::npos ? 1 : std::stoll(name.substr(at + 1));
    const Line lines[] = {{builder.AddFunction(function), line}};
    return builder.AddLocation(0x1000, MappingId{}, false, lines);
  }

  void AddSiteTo(ProfileBuilder& builder, const Site& site, double time_s,
                 Annotations& annotations) const {
    std::vector<LocationId> frames;
    for (const std::string& function : site.glue) frames.push_back(AddFrame(builder, function));
    frames.push_back(AddFrame(builder, site.name));
    for (const std::string& caller : site.callers) frames.push_back(AddFrame(builder, caller));
    const StackId stack = builder.AddStack(frames);
    annotations.site.resize(stack.value + 1);
    annotations.site[stack.value].location = static_cast<uint32_t>(site.glue.size());
    annotations.container.resize(stack.value + 1);
    if (site.container) {
      annotations.container[stack.value] =
          ContainerId{static_cast<uint32_t>(annotations.containers.size())};
      annotations.containers.push_back(*site.container);
    }
    for (const auto& [key, row] : MakeRows(site, time_s)) AddRow(builder, stack, key, row);
  }

  std::map<RowKey, Row> MakeRows(const Site& site, double time_s) const {
    std::map<RowKey, Row> rows;
    for (const Block& block : site.blocks) {
      if (block.birth_s > time_s) continue;
      const bool live = block.death_s > time_s;
      RowKey key{.size = block.size};
      if (live) {
        key.allocated_at = AgeBucketStart(static_cast<int64_t>(block.birth_s));
        key.reallocs = block.reallocs;
      } else {
        key.lifetime_ns = LifetimeBucketStart(block.death_s - block.birth_s);
        key.freed_elsewhere = block.freed_elsewhere;
      }
      Row& row = rows[key];
      row.alloc_objects += 1 / block.p;
      row.alloc_bytes += block.size / block.p;
      ++row.alloc_samples;
      if (peak_s_ && block.birth_s <= *peak_s_ && block.death_s > *peak_s_) {
        Row& rest = rows[RowKey{.size = block.size}];
        rest.peak_objects += 1 / block.p;
        rest.peak_bytes += block.size / block.p;
      }
      if (!live) continue;
      row.live_objects += 1 / block.p;
      row.live_bytes += block.size / block.p;
      ++row.live_samples;
    }
    return rows;
  }

  void AddRow(ProfileBuilder& builder, StackId stack, const RowKey& key, const Row& row) const {
    std::vector<Label> labels;
    const auto add = [&](const char* name, int64_t value, const char* unit) {
      labels.push_back({builder.AddString(name), StringId{0}, value, builder.AddString(unit)});
    };
    add("bytes", plain_ ? static_cast<int64_t>(key.size) : SizeBucketStart(key.size), "bytes");
    if (!plain_ && key.allocated_at >= 0) add("allocated_at", key.allocated_at, "seconds");
    if (!plain_ && key.reallocs > 0) add("reallocs", key.reallocs, "count");
    if (!plain_ && key.lifetime_ns >= 0) add("lifetime", key.lifetime_ns, "nanoseconds");
    if (!plain_ && key.freed_elsewhere) {
      labels.push_back(
          {builder.AddString("freed_by"), builder.AddString("other thread"), 0, StringId{0}});
    }
    std::vector<int64_t> values = {std::llround(row.alloc_objects), std::llround(row.alloc_bytes),
                                   std::llround(row.live_objects), std::llround(row.live_bytes)};
    if (!plain_) values.insert(values.end(), {row.alloc_samples, row.live_samples});
    if (peak_s_) {
      values.push_back(std::llround(row.peak_objects));
      values.push_back(std::llround(row.peak_bytes));
    }
    builder.AddSample(stack, builder.AddLabels(labels), values);
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
  bool frees_elsewhere_ = false;
  int64_t reallocs_ = 0;
  std::optional<double> peak_s_;
  std::vector<std::string> libraries_;
};

}  // namespace tidemark::leaks

#endif  // TIDEMARK_ANALYZER_LEAKS_SIMULATED_PROCESS_H_
