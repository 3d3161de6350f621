#include "analyzer/io/memory_map.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"

namespace tidemark::io {
namespace {

using Substitutions = std::vector<std::pair<std::string, std::string>>;

bool IsHex(absl::string_view s) {
  return !s.empty() && std::all_of(s.begin(), s.end(), absl::ascii_isxdigit);
}

bool IsPermissions(absl::string_view s) {
  return !s.empty() && s.find_first_not_of("-rwxp") == absl::string_view::npos;
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

bool ReadHex(TextScanner& s, uint64_t& out) {
  if (!s.Literal("0x")) s.Literal("0X");
  return s.Number(out, 16);
}

enum class Entry { kExecutable, kOther, kNone };

// Behind "START-LIMIT PERM": "OFFSET MAJOR:MINOR INODE [FILE]". False for another form.
bool ReadProcTail(TextScanner s, MappedRange& range) {
  absl::string_view offset, device, inode, file;
  s.SkipBlanks();
  if (!s.Word(offset) || !IsHex(offset)) return false;
  s.SkipBlanks();
  if (!s.Word(device)) return false;
  const size_t colon = device.find(':');
  if (colon == absl::string_view::npos || !IsHex(device.substr(0, colon)) ||
      !IsHex(device.substr(colon + 1))) {
    return false;
  }
  s.SkipBlanks();
  if (!s.Word(inode) || !std::all_of(inode.begin(), inode.end(), absl::ascii_isdigit)) {
    return false;
  }
  if (!TextScanner(offset).Number(range.offset, 16)) return false;
  s.SkipBlanks();
  if (s.Word(file)) range.file = std::string(file);
  return true;
}

// "[FILE] [(@OFFSET)] [BUILD_ID]"
void ReadBriefTail(TextScanner s, MappedRange& range) {
  absl::string_view word;
  s.SkipBlanks();
  if (!s.Word(word)) return;
  range.file = std::string(word);
  s.SkipBlanks();
  if (s.Literal("(@")) {
    if (!s.Number(range.offset, 16) || !s.Literal(")")) return;
    s.SkipBlanks();
  }
  if (s.Word(word) && IsHex(word)) range.build_id = std::string(word);
}

Entry ReadEntry(absl::string_view line, MappedRange& range) {
  TextScanner s(line);
  s.SkipBlanks();
  if (!ReadHex(s, range.start)) return Entry::kNone;
  const size_t before = s.rest().size();
  s.Literal("-");
  s.SkipBlanks();
  if (s.rest().size() == before || !ReadHex(s, range.limit)) return Entry::kNone;
  s.Literal(":");
  if (!s.rest().empty() && !absl::ascii_isspace(s.rest().front())) return Entry::kNone;
  TextScanner tail = s;
  tail.SkipBlanks();
  absl::string_view permissions;
  if (tail.Word(permissions) && IsPermissions(permissions)) {
    s = tail;
  } else {
    permissions = "";
  }
  if (!ReadProcTail(s, range)) ReadBriefTail(s, range);
  const bool executable = permissions.empty() || absl::StrContains(permissions, "x");
  return executable ? Entry::kExecutable : Entry::kOther;
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

}  // namespace

bool IsMemoryMapHeading(absl::string_view line) {
  return absl::StrContains(line, "--- Memory map: ---") ||
         absl::StrContains(line, "MAPPED_LIBRARIES:");
}

std::vector<MappedRange> ReadMemoryMap(LineReader& lines) {
  std::vector<MappedRange> ranges;
  Substitutions substitutions;
  absl::string_view raw;
  while (lines.Next(raw)) {
    raw = WithoutLogPrefix(raw);
    const std::string line =
        substitutions.empty() ? std::string(raw) : absl::StrReplaceAll(raw, substitutions);
    MappedRange range;
    switch (ReadEntry(line, range)) {
      case Entry::kExecutable:
        ranges.push_back(std::move(range));
        break;
      case Entry::kOther:
        break;
      case Entry::kNone:
        if (const size_t equals = line.find('='); equals != std::string::npos) {
          const absl::string_view text = line;
          substitutions.emplace_back(
              absl::StrCat("$", absl::StripAsciiWhitespace(text.substr(0, equals))),
              absl::StripAsciiWhitespace(text.substr(equals + 1)));
        }
        break;
    }
  }
  ranges = JoinAdjacent(std::move(ranges));
  PutMainFirst(ranges);
  FixMain(ranges);
  return ranges;
}

RangeFinder::RangeFinder(std::vector<MappedRange>& ranges)
    : ranges_(ranges), by_start_(ranges.size()) {
  std::iota(by_start_.begin(), by_start_.end(), size_t{0});
  std::stable_sort(by_start_.begin(), by_start_.end(),
                   [&](size_t a, size_t b) { return ranges_[a].start < ranges_[b].start; });
}

size_t RangeFinder::Find(uint64_t address) {
  const auto above = std::upper_bound(by_start_.begin(), by_start_.end(), address,
                                      [&](uint64_t a, size_t i) { return a < ranges_[i].start; });
  if (above != by_start_.begin() && address < ranges_[*(above - 1)].limit) return *(above - 1);
  if (above == by_start_.end()) return kNone;
  MappedRange& next = ranges_[*above];
  const uint64_t file_start = next.start - next.offset;
  // The order of starts must survive.
  const bool in_order = above == by_start_.begin() || ranges_[*(above - 1)].start <= file_start;
  if (next.offset == 0 || next.offset > next.start || file_start > address || !in_order) {
    return kNone;
  }
  next.start = file_start;
  next.offset = 0;
  return *above;
}

}  // namespace tidemark::io
