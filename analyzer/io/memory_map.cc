#include "analyzer/io/memory_map.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"

namespace tidemark::io {
namespace {

using Substitutions = std::vector<std::pair<std::string, std::string>>;

// A line that substitutions make longer than this is none that anybody wrote, nor are more
// of them than that; both bound what a hostile file can ask for.
constexpr size_t kMaxLineBytes = 8192;
constexpr size_t kMaxSubstitutions = 100;

bool IsBlank(char c) { return c == ' ' || (c >= '\t' && c <= '\r' && c != '\v'); }

absl::string_view TakeHexDigits(absl::string_view& text) {
  size_t n = 0;
  while (n < text.size() && absl::ascii_isxdigit(text[n])) ++n;
  const absl::string_view digits = text.substr(0, n);
  text.remove_prefix(n);
  return digits;
}

// False when there are none, or what they stand for has more than 64 bits.
bool ReadHexDigits(absl::string_view digits, uint64_t& out) {
  TextScanner s(digits);
  return s.Number(out, 16) && s.rest().empty();
}

// At least one blank.
bool TakeBlanks(absl::string_view& text) {
  const size_t before = text.size();
  while (!text.empty() && IsBlank(text.front())) text.remove_prefix(1);
  return text.size() != before;
}

// "DIR/FILE.cc:123] " in front of a line, as glog writes it.
absl::string_view WithoutLogPrefix(absl::string_view line) {
  const size_t bracket = line.find_first_of("[]");
  if (bracket == absl::string_view::npos || line[bracket] != ']') return line;
  size_t digits = bracket;
  while (digits > 0 && absl::ascii_isdigit(line[digits - 1])) --digits;
  if (digits == bracket || digits < 2 || line[digits - 1] != ':') return line;
  if (bracket + 1 >= line.size() || !absl::ascii_isspace(line[bracket + 1])) return line;
  return line.substr(bracket + 2);
}

// The front of a line, "[0x]START-[0x]LIMIT[:]", and what stands behind it.
struct RangeText {
  absl::string_view start, limit, rest;
};

// "START-LIMIT", "START LIMIT". Digits without a second number are taken apart: the last
// one is the limit, since pprof does that too.
std::vector<RangeText> RangeTexts(absl::string_view line) {
  std::vector<RangeText> out;
  TakeBlanks(line);
  if (line.size() > 2 && absl::StartsWith(line, "0x") && absl::ascii_isxdigit(line[2])) {
    line.remove_prefix(2);
  }
  const absl::string_view start = TakeHexDigits(line);
  if (start.empty()) return out;
  absl::string_view rest = line;
  if (!rest.empty() && (rest.front() == '-' || IsBlank(rest.front()))) rest.remove_prefix(1);
  TakeBlanks(rest);
  if (rest.size() > 2 && absl::StartsWith(rest, "0x") && absl::ascii_isxdigit(rest[2])) {
    rest.remove_prefix(2);
  }
  const absl::string_view limit = TakeHexDigits(rest);
  absl::ConsumePrefix(&rest, ":");
  if (!limit.empty()) out.push_back({start, limit, rest});
  absl::ConsumePrefix(&line, ":");
  if (start.size() > 1) {
    out.push_back({start.substr(0, start.size() - 1), start.substr(start.size() - 1), line});
  }
  return out;
}

// What stands behind the range.
struct RangeTail {
  absl::string_view permissions, offset, file, build_id;
};

// " [PERM] [OFFSET] MAJOR:MINOR INODE [FILE]", as in /proc/PID/maps. False for another form.
bool ReadProcTail(absl::string_view text, RangeTail& tail) {
  absl::string_view rest = text;
  if (!TakeBlanks(rest)) return false;
  const size_t letters = std::min(rest.find_first_not_of("-rwxp"), rest.size());
  if (letters > 0) {
    tail.permissions = rest.substr(0, letters);
    rest.remove_prefix(letters);
    if (!TakeBlanks(rest)) return false;
  }
  absl::string_view number = TakeHexDigits(rest);
  if (TakeBlanks(rest)) {
    tail.offset = number;
    number = TakeHexDigits(rest);
  }
  if (number.empty() || !absl::ConsumePrefix(&rest, ":")) return false;
  if (TakeHexDigits(rest).empty() || !TakeBlanks(rest)) return false;
  if (rest.empty() || !absl::ascii_isdigit(rest.front())) return false;
  while (!rest.empty() && absl::ascii_isdigit(rest.front())) rest.remove_prefix(1);
  if (TakeBlanks(rest)) TextScanner(rest).Word(tail.file);
  return true;
}

// " [PERM] [FILE] [(@OFFSET)] [BUILD_ID]"; what follows is left alone.
RangeTail ReadBriefTail(absl::string_view rest) {
  RangeTail tail;
  absl::string_view ahead = rest;
  if (TakeBlanks(ahead)) {
    const size_t letters = std::min(ahead.find_first_not_of("-rwxp"), ahead.size());
    tail.permissions = ahead.substr(0, letters);
    if (letters > 0) rest = ahead.substr(letters);
  }
  ahead = rest;
  if (TakeBlanks(ahead)) {
    TextScanner s(ahead);
    if (s.Word(tail.file)) rest = s.rest();
  }
  ahead = rest;
  if (TakeBlanks(ahead) && absl::ConsumePrefix(&ahead, "(@")) {
    const absl::string_view offset = TakeHexDigits(ahead);
    if (!offset.empty() && absl::ConsumePrefix(&ahead, ")")) {
      tail.offset = offset;
      rest = ahead;
    }
  }
  if (TakeBlanks(rest)) tail.build_id = TakeHexDigits(rest);
  return tail;
}

enum class Entry { kExecutable, kOther, kNone };

Entry ReadEntry(absl::string_view line, MappedRange& range) {
  const std::vector<RangeText> texts = RangeTexts(line);
  if (texts.empty()) return Entry::kNone;
  RangeText text = texts.front();
  RangeTail tail;
  bool found = false;
  for (const RangeText& t : texts) {
    tail = {};
    found = ReadProcTail(t.rest, tail);
    if (!found) continue;
    text = t;
    break;
  }
  if (!found) tail = ReadBriefTail(text.rest);
  if (!tail.permissions.empty() && !absl::StrContains(tail.permissions, 'x')) return Entry::kOther;
  if (!ReadHexDigits(text.start, range.start) || !ReadHexDigits(text.limit, range.limit) ||
      (!tail.offset.empty() && !ReadHexDigits(tail.offset, range.offset))) {
    return Entry::kNone;
  }
  range.file = std::string(tail.file);
  range.build_id = std::string(tail.build_id);
  return Entry::kExecutable;
}

bool Adjacent(const MappedRange& a, const MappedRange& b) {
  if (!a.file.empty() && !b.file.empty() && a.file != b.file) return false;
  if (!a.build_id.empty() && !b.build_id.empty() && a.build_id != b.build_id) return false;
  if (a.limit != b.start) return false;
  return a.offset == 0 || b.offset == 0 || a.offset + (a.limit - a.start) == b.offset;
}

std::vector<MappedRange> JoinAdjacent(std::vector<MappedRange> ranges) {
  std::vector<MappedRange> out;
  for (MappedRange& range : ranges) {
    if (out.empty() || !Adjacent(out.back(), range)) {
      out.push_back(std::move(range));
      continue;
    }
    MappedRange& last = out.back();
    last.limit = range.limit;
    if (!range.file.empty()) last.file = std::move(range.file);
    if (!range.build_id.empty()) last.build_id = std::move(range.build_id);
  }
  return out;
}

// ".so" at the end, or ".so." or ".so_" and a digit anywhere.
bool IsLibrary(absl::string_view file) {
  if (absl::EndsWith(file, ".so")) return true;
  for (size_t at = file.find(".so"); at != absl::string_view::npos; at = file.find(".so", at + 1)) {
    if (at + 4 < file.size() && (file[at + 3] == '.' || file[at + 3] == '_') &&
        absl::ascii_isdigit(file[at + 4])) {
      return true;
    }
  }
  return false;
}

// Guesses the main binary and swaps it to the front.
void PutMainFirst(std::vector<MappedRange>& ranges) {
  for (MappedRange& range : ranges) {
    const std::string text = absl::StrReplaceAll(range.file, {{"(deleted)", ""}});
    const absl::string_view file = absl::StripAsciiWhitespace(text);
    if (file.empty() || file.front() == '[' || IsLibrary(file)) continue;
    std::swap(ranges.front(), range);
    return;
  }
}

// Undoes what remapping a main program's text onto huge pages does to its range.
void FixMain(std::vector<MappedRange>& ranges) {
  constexpr uint64_t kUsualStart = 0x400000;
  if (ranges.size() > 1 && absl::StartsWith(ranges[0].file, "/anon_hugepage") &&
      ranges[0].limit == ranges[1].start) {
    ranges.erase(ranges.begin());
  }
  if (!ranges.empty() && ranges[0].start - ranges[0].offset == kUsualStart) {
    ranges[0].start = kUsualStart;
    ranges[0].offset = 0;
  }
}

// Of several names that fit, the one given first is substituted.
std::string Substitute(absl::string_view line, const Substitutions& substitutions) {
  std::string out;
  while (!line.empty() && out.size() <= kMaxLineBytes) {
    const size_t dollar = std::min(line.find('$'), line.size());
    out.append(line.data(), dollar);
    line.remove_prefix(dollar);
    if (line.empty()) break;
    const auto fits = std::find_if(substitutions.begin(), substitutions.end(),
                                   [&](const auto& s) { return absl::StartsWith(line, s.first); });
    const bool found = fits != substitutions.end();
    if (found) absl::StrAppend(&out, fits->second);
    if (!found) out.push_back('$');
    line.remove_prefix(found ? fits->first.size() : 1);
  }
  return out;
}

}  // namespace

bool IsMemoryMapHeading(absl::string_view line) {
  return absl::StrContains(line, "--- Memory map: ---") ||
         absl::StrContains(line, "MAPPED_LIBRARIES:");
}

std::vector<MappedRange> ReadMemoryMap(LegacyInput& input) {
  std::vector<MappedRange> ranges;
  Substitutions substitutions;
  absl::string_view raw;
  while (input.Next(raw)) {
    raw = WithoutLogPrefix(raw);
    const std::string substituted =
        substitutions.empty() ? std::string() : Substitute(raw, substitutions);
    if (substituted.size() > kMaxLineBytes) continue;
    const absl::string_view line = substitutions.empty() ? raw : substituted;
    MappedRange range;
    switch (ReadEntry(line, range)) {
      case Entry::kExecutable:
        ranges.push_back(std::move(range));
        break;
      case Entry::kOther:
        break;
      case Entry::kNone:
        if (const size_t equals = line.find('=');
            equals != absl::string_view::npos && substitutions.size() < kMaxSubstitutions) {
          substitutions.emplace_back(
              absl::StrCat("$", absl::StripAsciiWhitespace(line.substr(0, equals))),
              absl::StripAsciiWhitespace(line.substr(equals + 1)));
        }
        break;
    }
  }
  ranges = JoinAdjacent(std::move(ranges));
  PutMainFirst(ranges);
  FixMain(ranges);
  return ranges;
}

void SmallestCover::Cover(uint64_t begin, uint64_t end, size_t value) {
  if (begin >= end) return;
  const auto leaf = [&](uint64_t bound) {
    return static_cast<size_t>(std::lower_bound(bounds_.begin(), bounds_.end(), bound) -
                               bounds_.begin()) +
           bounds_.size();
  };
  for (size_t l = leaf(begin), r = leaf(end); l < r; l /= 2, r /= 2) {
    if (l % 2 == 1) {
      tree_[l] = std::min(tree_[l], value);
      ++l;
    }
    if (r % 2 == 1) {
      --r;
      tree_[r] = std::min(tree_[r], value);
    }
  }
}

size_t SmallestCover::At(uint64_t address) const {
  const auto above = std::upper_bound(bounds_.begin(), bounds_.end(), address);
  if (above == bounds_.begin()) return kNone;
  size_t smallest = kNone;
  size_t node = static_cast<size_t>(above - bounds_.begin()) - 1 + bounds_.size();
  for (; node > 0; node /= 2) smallest = std::min(smallest, tree_[node]);
  return smallest;
}

namespace {

std::vector<uint64_t> SortedBounds(const std::vector<MappedRange>& ranges) {
  std::vector<uint64_t> bounds;
  bounds.reserve(ranges.size() * 3);
  for (const MappedRange& r : ranges) {
    bounds.insert(bounds.end(), {r.start, r.limit, r.start - r.offset});
  }
  std::sort(bounds.begin(), bounds.end());
  bounds.erase(std::unique(bounds.begin(), bounds.end()), bounds.end());
  return bounds;
}

}  // namespace

RangeFinder::RangeFinder(std::vector<MappedRange>& ranges)
    : ranges_(ranges), given_(SortedBounds(ranges)), below_(given_), lowered_(given_) {
  for (size_t i = 0; i < ranges.size(); ++i) {
    const MappedRange& r = ranges[i];
    given_.Cover(r.start, r.limit, i);
    below_.Cover(r.start - r.offset, r.start, i);
  }
}

size_t RangeFinder::Find(uint64_t address) {
  const size_t holds = std::min(given_.At(address), lowered_.At(address));
  if (holds != kNone) return holds;
  const size_t next = may_lower_ ? below_.At(address) : kNone;
  if (next == kNone) {
    may_lower_ = false;
    return kNone;
  }
  MappedRange& range = ranges_[next];
  range.start -= range.offset;
  lowered_.Cover(range.start, range.start + range.offset, next);
  range.offset = 0;
  return next;
}

}  // namespace tidemark::io
