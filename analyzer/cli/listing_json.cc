#include "analyzer/cli/listing_json.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "analyzer/cli/json_writer.h"
#include "analyzer/cli/listed_rows.h"

namespace tidemark::cli {
namespace {

std::string Dumped(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

// {head…, "rows": [row, …]}
class RowsWriter {
 public:
  RowsWriter(const Json& head, Output& out) : out_(out) {
    std::string text = Dumped(head);
    text.pop_back();  // the closing brace
    out_ << text << ",\"rows\":[";
  }
  // Text of a JSON value.
  void Add(absl::string_view row) {
    out_ << (any_ ? ",\n" : "\n") << row;
    any_ = true;
  }
  void Finish() { out_ << (any_ ? "\n]}\n" : "]}\n"); }

 private:
  Output& out_;
  bool any_ = false;
};

Json ValueOf(const report::Selection& selection, int64_t value) {
  return ValueJson(selection.options(), value, static_cast<double>(value));
}

// Frames' texts, each made when it is first needed: samples share frames.
class FrameTexts {
 public:
  explicit FrameTexts(const report::Selection& selection)
      : selection_(selection), texts_(selection.profile().locations().size()) {}

  const std::string& Of(const report::TraceFrame& frame) {
    std::vector<std::string>& lines = texts_[frame.location.value];
    if (lines.size() <= frame.line) lines.resize(frame.line + 1);
    std::string& text = lines[frame.line];
    if (text.empty()) text = Make(frame);
    return text;
  }

 private:
  std::string Make(const report::TraceFrame& frame) const {
    const Profile& profile = selection_.profile();
    const auto lines = selection_.filtered().lines(frame.location);
    if (frame.line < lines.size() && lines[frame.line].function.valid()) {
      const Line& line = lines[frame.line];
      const Function& function = profile.function(line.function);
      return Dumped(Json{{"function", TextOrNull(profile.string(function.name))},
                         {"file", TextOrNull(profile.string(function.filename))},
                         {"line", NumberOrNull(line.line)}});
    }
    const Location& location = profile.location(frame.location);
    Json module;
    if (location.mapping.valid()) {
      module = TextOrNull(profile.string(profile.mapping(location.mapping).file));
    }
    return Dumped(Json{{"function", nullptr},
                       {"file", nullptr},
                       {"line", nullptr},
                       {"module", std::move(module)},
                       {"address", location.address}});
  }

  const report::Selection& selection_;
  std::vector<std::vector<std::string>> texts_;  // [location][line]
};

Json LabelsJson(const Profile& profile, absl::Span<const Label> labels) {
  Json json = Json::object();
  for (const Label& label : labels) {
    Json& values = json[std::string(profile.string(label.key))];
    if (label.str.value != 0) {
      values.push_back(std::string(profile.string(label.str)));
    } else {
      values.push_back(label.num);
    }
  }
  return json;
}

Json LabelUnits(const report::Selection& selection) {
  const Profile& profile = selection.profile();
  Json units = Json::object();
  for (uint32_t set = 0; set < profile.label_set_count(); ++set) {
    for (const Label& label : profile.labels(LabelSetId{set})) {
      if (label.str.value != 0 || !selection.filtered().shows_label(label.key)) continue;
      units[std::string(profile.string(label.key))] = std::string(selection.label_unit(label.key));
    }
  }
  return units;
}

}  // namespace

void WriteTracesJson(const report::Selection& selection, Output& out) {
  const Profile& profile = selection.profile();
  Json head = DocumentHead("tidemark.traces/1", selection);
  Json types = Json::array();
  for (const ValueType& type : profile.sample_types()) {
    types.push_back(Json{{"type", std::string(profile.string(type.type))},
                         {"unit", std::string(profile.string(type.unit))}});
  }
  head["sample_types"] = std::move(types);
  head["label_units"] = LabelUnits(selection);
  RowsWriter rows(head, out);
  FrameTexts frames(selection);
  const report::Traces traces(selection);
  std::string row;
  traces.ForEach([&](const report::Trace& trace) {
    row = "{\"stack\":[";
    for (const report::TraceFrame& frame : trace.frames) {
      if (row.back() != '[') row += ',';
      row += frames.Of(frame);
    }
    row += "],\"values\":[";
    for (size_t t = 0; t < profile.sample_types().size(); ++t) {
      report::Weight weight{profile.values(t)[trace.sample], 0};
      if (selection.options().mean) weight.divisor = profile.values(0)[trace.sample];
      absl::StrAppend(&row, t == 0 ? "" : ",", Dumped(ValueJson(selection.options(), weight)));
    }
    absl::StrAppend(&row, "],\"labels\":", Dumped(LabelsJson(profile, trace.labels)), "}");
    rows.Add(row);
    return out.ok();
  });
  rows.Finish();
}

void WriteTagsJson(const report::Selection& selection, const std::vector<report::TagKey>& tags,
                   Output& out) {
  RowsWriter rows(DocumentHead("tidemark.tags/1", selection), out);
  for (const report::TagKey& tag : tags) {
    for (const report::TagValue& value : tag.values) {
      Json row{{"key", std::string(tag.key)}};
      if (value.numeric) {
        row["value"] = value.number;
        row["unit"] = std::string(tag.unit);
      } else {
        row["value"] = std::string(value.text);
        row["unit"] = nullptr;
      }
      row["flat"] = ValueOf(selection, value.flat);
      rows.Add(Dumped(row));
    }
  }
  rows.Finish();
}

void WriteListJson(const report::Selection& selection, const report::SourceListing& listing,
                   report::SourceReader& reader, Output& out) {
  RowsWriter rows(DocumentHead("tidemark.list/1", selection), out);
  ForEachListedRow(listing, reader, [&](const ListedRow& row) {
    rows.Add(Dumped(Json{{"function", TextOrNull(row.function)},
                         {"file", TextOrNull(row.file)},
                         {"line", NumberOrNull(row.line)},
                         {"source", row.has_source ? Json(std::string(row.source)) : Json()},
                         {"flat", ValueOf(selection, row.flat)},
                         {"cum", ValueOf(selection, row.cum)}}));
  });
  rows.Finish();
}

void WriteDisassemblyJson(const report::Selection& selection,
                          const report::Disassembly& disassembly, Output& out) {
  RowsWriter rows(DocumentHead("tidemark.disasm/1", selection), out);
  for (const report::DisassembledRoutine& routine : disassembly.routines) {
    for (const report::DisassembledLine& line : routine.lines) {
      rows.Add(Dumped(Json{{"routine", routine.name},
                           {"symbol", routine.raw_name},
                           {"module", TextOrNull(routine.module)},
                           {"address", line.address},
                           {"instruction", line.text},
                           {"function", TextOrNull(line.function)},
                           {"file", TextOrNull(line.file)},
                           {"line", NumberOrNull(line.line)},
                           {"flat", ValueJson(selection.options(), line.flat)},
                           {"cum", ValueJson(selection.options(), line.cum)}}));
    }
  }
  rows.Finish();
}

}  // namespace tidemark::cli
