#include "analyzer/io/folded_export.h"

#include <deque>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"

namespace tidemark::io {
namespace {

std::string UnknownName(const Profile& p, const Location& location) {
  if (!location.mapping.valid()) return absl::StrCat("0x", absl::Hex(location.address));
  const Mapping& m = p.mapping(location.mapping);
  absl::string_view file = p.string(m.file);
  if (file.empty()) return absl::StrCat("0x", absl::Hex(location.address));
  file.remove_prefix(file.rfind('/') + 1);
  return absl::StrCat(file, "+0x", absl::Hex(location.address - m.start + m.offset));
}

void AppendName(absl::string_view name, std::string& out) {
  for (const char c : name) out.push_back(c == ';' ? ':' : c == '\n' || c == '\r' ? ' ' : c);
}

// "outermost;inlined": one location's part of a line.
std::string LocationText(const Profile& p, LocationId id) {
  std::string text;
  const auto lines = p.lines(id);
  for (size_t i = lines.size(); i-- > 0;) {
    if (!text.empty()) text.push_back(';');
    const FunctionId function = lines[i].function;
    absl::string_view name = function.valid() ? p.string(p.function(function).name) : "";
    if (name.empty() && function.valid()) name = p.string(p.function(function).system_name);
    if (name.empty()) {
      AppendName(UnknownName(p, p.location(id)), text);
    } else {
      AppendName(name, text);
    }
  }
  if (lines.empty()) AppendName(UnknownName(p, p.location(id)), text);
  return text;
}

}  // namespace

std::string ToFolded(const Profile& profile, size_t sample_type) {
  std::vector<std::string> texts;
  texts.reserve(profile.locations().size());
  for (uint32_t i = 0; i < profile.locations().size(); ++i) {
    texts.push_back(LocationText(profile, LocationId{i}));
  }

  std::vector<uint64_t> stack_values(profile.stack_count(), 0);  // sums wrap
  const auto values = profile.values(sample_type);
  for (size_t i = 0; i < values.size(); ++i) {
    stack_values[profile.sample_stacks()[i].value] += static_cast<uint64_t>(values[i]);
  }

  std::deque<std::pair<std::string, uint64_t>> lines;  // a deque: its strings do not move
  absl::flat_hash_map<absl::string_view, size_t> line_of;
  for (uint32_t s = 0; s < stack_values.size(); ++s) {
    if (stack_values[s] == 0) continue;
    const auto stack = profile.stack(StackId{s});
    std::string line;
    for (size_t i = stack.size(); i-- > 0;) {
      absl::StrAppend(&line, line.empty() ? "" : ";", texts[stack[i].value]);
    }
    if (line.empty()) line = "<unknown>";
    const auto known = line_of.find(line);
    if (known != line_of.end()) {
      lines[known->second].second += stack_values[s];
      continue;
    }
    lines.emplace_back(std::move(line), stack_values[s]);
    line_of.emplace(lines.back().first, lines.size() - 1);
  }

  std::string out;
  for (const auto& [line, value] : lines) {
    if (value != 0) absl::StrAppend(&out, line, " ", static_cast<int64_t>(value), "\n");
  }
  return out;
}

}  // namespace tidemark::io
