#include "analyzer/leaks/gate_lines.h"

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <map>
#include <tuple>

namespace tidemark::leaks {
namespace {

// A function with more lines that allocate was made by a program, whose lines move in no way
// that one could tell.
constexpr size_t kMostMovingLines = 64;

}  // namespace

LinePairs::LinePairs(const SitePairs& sites, const Profile& base, const Profile& now)
    : sites_(sites) {
  const std::vector<Line> base_lines = LinesOf(base);
  const std::vector<Line> now_lines = LinesOf(now);
  std::vector<std::vector<const Line*>> base_of(sites.pairs().size());
  std::vector<std::vector<const Line*>> now_of(sites.pairs().size());
  for (const Line& line : base_lines) base_of[line.place.first].push_back(&line);
  for (const Line& line : now_lines) now_of[line.place.first].push_back(&line);
  for (size_t i = 0; i < sites.pairs().size(); ++i) {
    PairFunction(i, std::move(base_of[i]), std::move(now_of[i]));
  }
}

std::optional<LinePairs::Place> LinePairs::PlaceOf(const report::Frame& site) const {
  const std::optional<size_t> function = sites_.Find(site);
  if (!function) return std::nullopt;
  // So that no difference of two overflows.
  constexpr int64_t kMostLine = std::numeric_limits<int32_t>::max();
  return Place(*function, std::clamp<int64_t>(site.line, 0, kMostLine));
}

std::vector<LinePairs::Line> LinePairs::LinesOf(const Profile& profile) const {
  const int live = profile.FindSampleType("inuse_space");
  const int allocated = profile.FindSampleType("alloc_space");
  const auto live_errors = report::SamplingErrors::For(profile, live);
  std::optional<report::SamplingErrors> allocated_errors;
  if (allocated >= 0) allocated_errors = report::SamplingErrors::For(profile, allocated);
  std::vector<Line> lines;
  Index index;
  std::vector<std::optional<size_t>> line_of_stack(profile.stack_count());
  std::vector<double> held(profile.stack_count(), 0);
  for (size_t row = 0; row < profile.sample_count(); ++row) {
    const StackId stack = profile.sample_stacks()[row];
    if (profile.stack(stack).empty()) continue;
    std::optional<size_t>& line = line_of_stack[stack.value];
    if (!line) {
      const auto place =
          PlaceOf(report::MakeFrame(profile, stack, profile.annotations().site[stack.value]));
      line = index.try_emplace(*place, lines.size()).first->second;
      if (*line == lines.size()) lines.push_back({*place, {}});
    }
    SiteLevel& into = lines[*line].level;
    const report::SampledSum sum = RowOf(profile, live, row, live_errors);
    into.level += sum;
    if (allocated >= 0) into.allocated += RowOf(profile, allocated, row, allocated_errors);
    held[stack.value] += sum.estimate;
    if (!into.known || held[stack.value] > held[into.stack.value]) into.stack = stack;
    into.known = true;
  }
  return lines;
}

// The shift under which most bytes meet; of equal ones the shortest.
int64_t LinePairs::BestShift(const std::vector<const Line*>& base,
                             const std::vector<const Line*>& now) {
  std::map<int64_t, double> bytes_of_shift;
  for (const Line* b : base) {
    for (const Line* n : now) {
      bytes_of_shift[n->place.second - b->place.second] +=
          std::min(b->level.level.estimate, n->level.level.estimate);
    }
  }
  const auto rank = [](const auto& entry) {
    return std::tuple(entry.second, -std::abs(entry.first));
  };
  return std::max_element(bytes_of_shift.begin(), bytes_of_shift.end(),
                          [&](const auto& a, const auto& b) { return rank(a) < rank(b); })
      ->first;
}

void LinePairs::PairFunction(size_t function, std::vector<const Line*> base,
                             std::vector<const Line*> now) {
  const bool may_move = base.size() <= kMostMovingLines && now.size() <= kMostMovingLines;
  const size_t first = pairs_.size();
  bool is_guess = false;
  while (!base.empty() && !now.empty()) {
    const int64_t shift = may_move ? BestShift(base, now) : 0;
    absl::flat_hash_map<int64_t, const Line*> now_at;  // by what the line was
    for (const Line* n : now) now_at[n->place.second - shift] = n;
    std::vector<const Line*> left;
    for (const Line* b : base) {
      const auto met = now_at.find(b->place.second);
      if (met == now_at.end()) {
        left.push_back(b);
        continue;
      }
      Add(b, met->second, function);
      now_at.erase(met);
    }
    base = std::move(left);
    std::erase_if(now, [&](const Line* n) { return !now_at.contains(n->place.second - shift); });
    is_guess = is_guess || std::any_of(base.begin(), base.end(), [&](const Line* b) {
                 return sites_.CanTell({.base = b->level, .now = {}});
               });
    if (!may_move) break;
  }
  for (const Line* b : base) Add(b, nullptr, function);
  for (const Line* n : now) Add(nullptr, n, function);
  for (size_t i = first; i < pairs_.size(); ++i) pairs_[i].is_guess = is_guess;
}

void LinePairs::Add(const Line* base, const Line* now, size_t function) {
  LinePair pair;
  pair.function = function;
  if (base != nullptr) {
    pair.site.base = base->level;
    in_base_[base->place] = pairs_.size();
  }
  if (now != nullptr) {
    pair.site.now = now->level;
    in_now_[now->place] = pairs_.size();
  }
  pairs_.push_back(pair);
}

std::optional<size_t> LinePairs::Find(const Index& index, const report::Frame& site) const {
  const std::optional<Place> place = PlaceOf(site);
  const auto found = place ? index.find(*place) : index.end();
  if (found == index.end()) return std::nullopt;
  return found->second;
}

}  // namespace tidemark::leaks
