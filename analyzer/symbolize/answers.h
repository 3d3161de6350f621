// What was found out about addresses of one module: functions, lines, inlined calls. All
// texts are its own, so that it can be handed between threads and to the cache.
//
// Thread class: one thread at a time per object. May allocate.

#ifndef TIDEMARK_ANALYZER_SYMBOLIZE_ANSWERS_H_
#define TIDEMARK_ANALYZER_SYMBOLIZE_ANSWERS_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/types/span.h"

namespace tidemark::symbolize {

struct NamedFunction {
  std::string name;
  std::string system_name;
  std::string file;
  int64_t start_line = 0;
  friend bool operator==(const NamedFunction&, const NamedFunction&) = default;
  template <typename H>
  friend H AbslHashValue(H h, const NamedFunction& f) {
    return H::combine(std::move(h), f.name, f.system_name, f.file, f.start_line);
  }
};

struct NamedLine {
  uint32_t function = 0;  // into functions()
  int64_t line = 0;
  friend bool operator==(const NamedLine&, const NamedLine&) = default;
};

class Answers {
 public:
  struct Entry {
    uint64_t address = 0;  // link-time
    uint32_t lines_begin = 0;
    uint32_t lines_end = 0;  // equal to lines_begin: nothing is known there
  };

  uint32_t AddFunction(NamedFunction function) {  // interned
    const auto [it, first] = ids_.try_emplace(function, static_cast<uint32_t>(functions_.size()));
    if (first) functions_.push_back(std::move(function));
    return it->second;
  }
  // The innermost inlined function first. An address that is there already stays as it is.
  void Add(uint64_t address, absl::Span<const NamedLine> lines) {
    if (!by_address_.try_emplace(address, static_cast<uint32_t>(entries_.size())).second) return;
    const auto begin = static_cast<uint32_t>(lines_.size());
    lines_.insert(lines_.end(), lines.begin(), lines.end());
    entries_.push_back({address, begin, static_cast<uint32_t>(lines_.size())});
  }
  void AddAll(Answers&& other) {
    std::vector<uint32_t> ids;
    for (NamedFunction& function : other.functions_)
      ids.push_back(AddFunction(std::move(function)));
    std::vector<NamedLine> lines;
    for (const Entry& entry : other.entries_) {
      lines.clear();
      for (const NamedLine& line : other.lines(entry)) {
        lines.push_back({ids[line.function], line.line});
      }
      Add(entry.address, lines);
    }
  }

  // Null when nothing was asked there.
  const Entry* Find(uint64_t address) const {
    const auto it = by_address_.find(address);
    return it == by_address_.end() ? nullptr : &entries_[it->second];
  }
  const std::vector<NamedFunction>& functions() const { return functions_; }
  const std::vector<Entry>& entries() const { return entries_; }
  absl::Span<const NamedLine> lines(const Entry& entry) const {
    return absl::MakeConstSpan(lines_).subspan(entry.lines_begin,
                                               entry.lines_end - entry.lines_begin);
  }

 private:
  std::vector<NamedFunction> functions_;
  absl::flat_hash_map<NamedFunction, uint32_t> ids_;
  std::vector<Entry> entries_;
  absl::flat_hash_map<uint64_t, uint32_t> by_address_;
  std::vector<NamedLine> lines_;
};

}  // namespace tidemark::symbolize

#endif  // TIDEMARK_ANALYZER_SYMBOLIZE_ANSWERS_H_
