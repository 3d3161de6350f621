#include "analyzer/cli/raw_text.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "analyzer/cli/go_text.h"

namespace tidemark::cli {
namespace {

// "0x1f", and "0x0" where C's %#x writes "0".
std::string Hex(uint64_t value) { return absl::StrCat("0x", absl::Hex(value)); }

void WriteHead(const Profile& profile, Output& out) {
  for (const StringId comment : profile.comments()) {
    out << "Comment: " << profile.string(comment) << "\n";
  }
  if (profile.doc_url().value != 0) out << "Doc: " << profile.string(profile.doc_url()) << "\n";
  const ValueType period = profile.period_type();
  out << "PeriodType: " << profile.string(period.type) << " " << profile.string(period.unit)
      << "\n";
  out << "Period: " << absl::StrCat(profile.period()) << "\n";
  if (profile.time_ns() != 0) {
    out << "Time: "
        << absl::FormatTime("%Y-%m-%d %H:%M:%E*S %z %Z", absl::FromUnixNanos(profile.time_ns()),
                            absl::LocalTimeZone())
        << "\n";
  }
  if (profile.duration_ns() != 0) {
    out << "Duration: " << FirstRunes(GoDuration(profile.duration_ns()), 4) << "\n";
  }
}

// "bytes:[16 bytes 32 bytes]": a unit on one value of a key puts one on all of them.
std::string LabelLines(const Profile& profile, absl::Span<const Label> labels) {
  struct Values {
    std::vector<std::string> values;
    std::vector<absl::string_view> units;
    bool any_unit = false;
  };
  std::map<absl::string_view, Values> text, numbers;
  for (const Label& label : labels) {
    const bool numeric = label.str.value == 0;
    Values& values = (numeric ? numbers : text)[profile.string(label.key)];
    values.values.push_back(numeric ? absl::StrCat(label.num)
                                    : std::string(profile.string(label.str)));
    values.units.push_back(profile.string(label.num_unit));
    values.any_unit = values.any_unit || (numeric && label.num_unit.value != 0);
  }
  std::string lines;
  for (auto* group : {&text, &numbers}) {
    std::vector<std::string> keys;
    for (auto& [key, values] : *group) {
      for (size_t i = 0; values.any_unit && i < values.values.size(); ++i) {
        absl::StrAppend(&values.values[i], " ", values.units[i]);
      }
      keys.push_back(absl::StrCat(key, ":[", absl::StrJoin(values.values, " "), "]"));
    }
    std::sort(keys.begin(), keys.end());
    if (!keys.empty()) {
      absl::StrAppend(&lines, std::string(16, ' '), absl::StrJoin(keys, " "), "\n");
    }
  }
  return lines;
}

void WriteSamples(const Profile& profile, Output& out) {
  std::string types;
  for (const ValueType& type : profile.sample_types()) {
    const bool is_default =
        profile.string(type.type) == profile.string(profile.default_sample_type());
    absl::StrAppend(&types, profile.string(type.type), "/", profile.string(type.unit),
                    is_default ? "[dflt] " : " ");
  }
  out << "Samples:\n" << absl::StripAsciiWhitespace(types) << "\n";
  std::string line;
  for (size_t s = 0; s < profile.sample_count() && out.ok(); ++s) {
    line.clear();
    for (size_t t = 0; t < profile.sample_types().size(); ++t) {
      absl::StrAppendFormat(&line, " %10d", profile.values(t)[s]);
    }
    line += ": ";
    for (const LocationId location : profile.stack(profile.sample_stacks()[s])) {
      absl::StrAppend(&line, uint64_t{location.value} + 1, " ");
    }
    out << line << "\n" << LabelLines(profile, profile.labels(profile.sample_labels()[s]));
  }
}

// In a profile without mappings pprof puts everything into one of which nothing is known.
void WriteLocations(const Profile& profile, Output& out) {
  const bool fake_mapping = profile.mappings().empty();
  out << "Locations\n";
  for (uint32_t i = 0; i < profile.locations().size() && out.ok(); ++i) {
    const Location& location = profile.location(LocationId{i});
    std::string head = absl::StrFormat("%6d: %s ", uint64_t{i} + 1, Hex(location.address));
    if (location.mapping.valid()) {
      absl::StrAppend(&head, "M=", uint64_t{location.mapping.value} + 1, " ");
    } else if (fake_mapping) {
      head += "M=1 ";
    }
    if (location.is_folded) head += "[F] ";
    const auto lines = profile.lines(LocationId{i});
    if (lines.empty()) out << head << "\n";
    for (const Line& line : lines) {
      out << head;
      head = std::string(13, ' ');
      if (!line.function.valid()) {
        out << "??\n";
        continue;
      }
      const Function& function = profile.function(line.function);
      out << profile.string(function.name) << " " << profile.string(function.filename)
          << absl::StrCat(":", line.line, ":", line.column, " s=", function.start_line);
      if (function.name != function.system_name) {
        out << "(" << profile.string(function.system_name) << ")";
      }
      out << "\n";
    }
  }
}

}  // namespace

void WriteRawText(const Profile& profile, Output& out) {
  WriteHead(profile, out);
  WriteSamples(profile, out);
  WriteLocations(profile, out);
  out << "Mappings\n";
  if (profile.mappings().empty()) out << "1: 0x0/0x0/0x0   \n";
  for (uint32_t i = 0; i < profile.mappings().size(); ++i) {
    const Mapping& m = profile.mapping(MappingId{i});
    out << absl::StrCat(uint64_t{i} + 1, ": ", Hex(m.start), "/", Hex(m.limit), "/", Hex(m.offset))
        << " " << profile.string(m.file) << " " << profile.string(m.build_id) << " "
        << (m.has_functions ? "[FN]" : "") << (m.has_filenames ? "[FL]" : "")
        << (m.has_line_numbers ? "[LN]" : "") << (m.has_inline_frames ? "[IN]" : "") << "\n";
  }
}

void WriteComments(const Profile& profile, Output& out) {
  for (const StringId comment : profile.comments()) out << profile.string(comment) << "\n";
}

}  // namespace tidemark::cli
