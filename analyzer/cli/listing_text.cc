#include "analyzer/cli/listing_text.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "analyzer/base/units.h"
#include "analyzer/cli/go_text.h"
#include "analyzer/cli/report_source.h"

namespace tidemark::cli {
namespace {

// These reports do not choose one unit for all of their values, as tables do.
ValueFormat EachOnItsOwn(const report::Selection& selection) { return FormatFor(selection, {}); }

std::string ValueOrDot(int64_t value, const ValueFormat& format) {
  return value == 0 ? "." : format.Format(value);
}

absl::string_view BaseName(absl::string_view path) { return path.substr(path.rfind('/') + 1); }

// "     bytes:  16B\n" for each key: text first, then numbers, each sorted.
std::string LabelLines(const report::Selection& selection, absl::Span<const Label> labels) {
  const Profile& profile = selection.profile();
  std::map<absl::string_view, std::vector<std::string>> text, numbers;
  for (const Label& label : labels) {
    const absl::string_view key = profile.string(label.key);
    if (label.str.value != 0) {
      text[key].emplace_back(profile.string(label.str));
    } else {
      numbers[key].push_back(ScaledLabel(label.num, selection.label_unit(label.key), "auto"));
    }
  }
  std::string all;
  for (const auto* group : {&text, &numbers}) {
    std::vector<std::string> lines;
    for (const auto& [key, values] : *group) {
      lines.push_back(absl::StrCat(PadLeft(key, 10), ":  ", absl::StrJoin(values, " "), "\n"));
    }
    std::sort(lines.begin(), lines.end());
    absl::StrAppend(&all, absl::StrJoin(lines, ""));
  }
  return all;
}

}  // namespace

void WriteTracesText(const report::Selection& selection, Output& out) {
  const ValueFormat format = EachOnItsOwn(selection);
  out << absl::StrJoin(ProfileLabels(selection, format), "\n") << "\n";
  constexpr absl::string_view kSeparator =
      "-----------+-------------------------------------------------------\n";
  const report::Traces traces(selection);
  std::vector<std::string> names(traces.nodes().size());
  traces.ForEach([&](const report::Trace& trace) {
    out << kSeparator << LabelLines(selection, trace.labels);
    std::string value = PadLeft(format.Format(selection.weight(trace.sample).value()), 10);
    for (const report::TraceFrame& frame : trace.frames) {
      std::string& name = names[frame.node];
      if (name.empty()) name = traces.nodes().PrintableName(frame.node);
      out << value << "   " << name << (frame.inlined ? " (inline)\n" : "\n");
      value = "          ";
    }
    return out.ok();
  });
  out << kSeparator;
}

void WriteTagsText(const report::Selection& selection, const std::vector<report::TagKey>& tags,
                   Output& out) {
  const ValueFormat format = EachOnItsOwn(selection);
  const int64_t total = selection.total();
  const auto with_percent = [&](int64_t value) {
    return total > 0 ? absl::StrCat(" (", FormatPercent(value, total), ")") : "";
  };
  for (const report::TagKey& tag : tags) {
    // Numbers that look the same are one row.
    std::map<std::string, int64_t> buckets;
    for (const report::TagValue& value : tag.values) {
      int64_t& flat =
          buckets[value.numeric ? ScaledLabel(value.number, tag.unit, selection.options().unit)
                                : std::string(value.text)];
      flat = report::WrappingAdd(flat, value.flat);
    }
    std::vector<std::pair<std::string, int64_t>> rows(buckets.begin(), buckets.end());
    std::stable_sort(rows.begin(), rows.end(), [](const auto& a, const auto& b) {
      return report::WrappingAbs(a.second) > report::WrappingAbs(b.second);
    });
    // Both columns are as wide as their widest cell and a space.
    const std::string key = absl::StrCat(tag.key, ":");
    size_t width = 0;
    std::vector<std::string> cells;
    for (const auto& [name, flat] : rows) {
      cells.push_back(absl::StrCat(format.Format(flat), with_percent(flat), ":"));
      width = std::max(width, RuneCount(cells.back()));
    }
    const size_t key_width = RuneCount(key) + 1;
    out << " " << key << " Total " << format.Format(tag.total) << " of " << format.Format(total)
        << with_percent(tag.total) << "\n";
    for (size_t i = 0; i < rows.size(); ++i) {
      out << std::string(key_width, ' ') << PadLeft(cells[i], width + 1) << " " << rows[i].first
          << "\n";
    }
    out << "\n";
  }
}

void WriteListText(const report::Selection& selection, const report::SourceListing& listing,
                   report::SourceReader& reader, Output& out) {
  const ValueFormat format = EachOnItsOwn(selection);
  const int64_t total = selection.total();
  const auto write_line = [&](int64_t line, int64_t flat, int64_t cum, absl::string_view source) {
    out << PadLeft(ValueOrDot(flat, format), 10) << " " << PadLeft(ValueOrDot(cum, format), 10)
        << " " << PadLeft(absl::StrCat(line), 6) << ":" << source << "\n";
  };
  absl::flat_hash_set<std::string> read;  // files
  out << "Total: " << format.Format(total) << "\n";
  for (const report::ListedFunction& function : listing.functions) {
    if (function.files.empty()) {
      out << "No source information for " << function.function << "\n";
    }
    for (const report::ListedFile& file : function.files) {
      out << "ROUTINE ======================== " << function.function << " in " << file.file << "\n"
          << PadLeft(format.Format(file.flat), 10) << " " << PadLeft(format.Format(file.cum), 10)
          << " (flat, cum) " << FormatPercent(file.cum, total) << " of Total\n";
      // A function that begins below all of its lines shows none, and is no reason for pprof to
      // look for the file; but what it knows of the file it says.
      const bool shows_lines = file.first_line <= file.last_line;
      if (!shows_lines && !read.contains(file.file)) continue;
      read.insert(file.file);
      const report::SourceReader::File& source = reader.Read(file.file);
      if (!source.status.ok()) {
        out << " Error: " << absl::string_view(source.status.message()) << "\n";
        for (const report::ListedLine& line : file.lines) {
          write_line(line.line, line.flat, line.cum, "");
        }
        continue;
      }
      size_t next = 0;
      absl::string_view text;
      for (int64_t i = file.first_line; i <= file.last_line && source.Line(i, &text); ++i) {
        while (next < file.lines.size() && file.lines[next].line < i) ++next;
        const bool counted = next < file.lines.size() && file.lines[next].line == i;
        write_line(i, counted ? file.lines[next].flat : 0, counted ? file.lines[next].cum : 0,
                   text);
      }
    }
  }
}

void WriteDisassemblyText(const report::Selection& selection,
                          const report::Disassembly& disassembly, Output& out) {
  const ValueFormat format = EachOnItsOwn(selection);
  const int64_t total = selection.total();
  constexpr size_t kShortInstruction = 40;
  out << "Total: " << format.Format(total) << "\n";
  for (const report::DisassembledRoutine& routine : disassembly.routines) {
    out << "ROUTINE ======================== " << routine.name << "\n";
    for (const std::string& alias : routine.aliases) {
      out << "    AKA ======================== " << alias << "\n";
    }
    out << PadLeft(format.Format(routine.flat), 10) << " "
        << PadLeft(format.Format(routine.cum), 10) << " (flat, cum) "
        << FormatPercent(routine.cum, total) << " of Total\n";
    const report::DisassembledLine* place = nullptr;  // the one said last
    for (const report::DisassembledLine& line : routine.lines) {
      std::string said;
      if (place == nullptr || line.function != place->function || line.file != place->file ||
          line.line != place->line) {
        place = &line;
        if (!line.function.empty()) absl::StrAppend(&said, line.function, " ");
        if (!line.file.empty()) {
          absl::StrAppend(&said, BaseName(line.file));
          if (line.line != 0) absl::StrAppend(&said, ":", line.line);
        }
      }
      const std::string values =
          absl::StrCat(PadLeft(ValueOrDot(line.flat.value(), format), 10), " ",
                       PadLeft(ValueOrDot(line.cum.value(), format), 10), " ",
                       absl::StrFormat("%10x: ", line.address));
      if (said.empty()) {
        out << values << line.text << "\n";
      } else if (line.text.size() < kShortInstruction) {
        out << values << absl::StrFormat("%-40s;", line.text) << said << "\n";
      } else {
        out << std::string(74, ' ') << ";" << said << "\n" << values << line.text << "\n";
      }
    }
  }
}

}  // namespace tidemark::cli
