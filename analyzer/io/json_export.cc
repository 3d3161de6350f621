// Rows are written as text one by one, from frames made once per location: a tree of a
// million samples' frames would take many times the memory of the document.

#include "analyzer/io/json_export.h"

#include <nlohmann/json.hpp>
#include <vector>

#include "absl/strings/str_cat.h"

namespace tidemark::io {
namespace {

using Json = nlohmann::ordered_json;

std::string Dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Json Text(const Profile& p, StringId id) { return std::string(p.string(id)); }
// Null when empty.
Json TextOrNull(absl::string_view s) { return s.empty() ? Json() : Json(std::string(s)); }
Json NumberOrNull(int64_t v) { return v == 0 ? Json() : Json(v); }

Json FrameJson(const Profile& p, const Location& location, const Line* line, bool inlined) {
  const bool mapped = location.mapping.valid();
  const bool known = line != nullptr && line->function.valid();
  absl::string_view function, file;
  if (known) {
    const Function& f = p.function(line->function);
    function = p.string(f.name.value != 0 ? f.name : f.system_name);
    file = p.string(f.filename);
  }
  return Json{
      {"function", TextOrNull(function)},
      {"file", TextOrNull(file)},
      {"line", NumberOrNull(line == nullptr ? 0 : line->line)},
      {"module", TextOrNull(mapped ? p.string(p.mapping(location.mapping).file) : "")},
      {"build_id", TextOrNull(mapped ? p.string(p.mapping(location.mapping).build_id) : "")},
      {"address", location.address == 0 ? Json() : Json(location.address)},
      {"inlined", inlined}};
}

// "{frame},{frame}" for each location.
std::vector<std::string> LocationFrames(const Profile& p) {
  std::vector<std::string> out;
  out.reserve(p.locations().size());
  for (uint32_t i = 0; i < p.locations().size(); ++i) {
    const Location& location = p.location(LocationId{i});
    const auto lines = p.lines(LocationId{i});
    std::string text;
    if (lines.empty()) text = Dump(FrameJson(p, location, nullptr, false));
    for (size_t l = 0; l < lines.size(); ++l) {
      absl::StrAppend(&text, l == 0 ? "" : ",",
                      Dump(FrameJson(p, location, &lines[l], l + 1 < lines.size())));
    }
    out.push_back(std::move(text));
  }
  return out;
}

std::vector<std::string> LabelSets(const Profile& p) {
  std::vector<std::string> out;
  out.reserve(p.label_set_count());
  for (uint32_t i = 0; i < p.label_set_count(); ++i) {
    Json labels = Json::object();
    for (const Label& label : p.labels(LabelSetId{i})) {
      Json& values = labels[std::string(p.string(label.key))];
      if (label.str.value != 0) {
        values.push_back(Text(p, label.str));
      } else {
        values.push_back(label.num);
      }
    }
    out.push_back(Dump(labels));
  }
  return out;
}

Json LabelUnits(const Profile& p) {
  Json units = Json::object();
  for (uint32_t i = 0; i < p.label_set_count(); ++i) {
    for (const Label& label : p.labels(LabelSetId{i})) {
      if (label.str.value != 0 || label.num_unit.value == 0) continue;
      const std::string key(p.string(label.key));
      if (!units.contains(key)) units[key] = Text(p, label.num_unit);
    }
  }
  return units;
}

int64_t SumOfMagnitudes(absl::Span<const int64_t> values) {
  uint64_t sum = 0;
  for (const int64_t v : values) {
    sum += v < 0 ? uint64_t{0} - static_cast<uint64_t>(v) : static_cast<uint64_t>(v);
  }
  return static_cast<int64_t>(sum);
}

Json Head(const Profile& p) {
  Json types = Json::array();
  for (const ValueType& type : p.sample_types()) {
    types.push_back(Json{{"type", Text(p, type.type)}, {"unit", Text(p, type.unit)}});
  }
  Json comments = Json::array();
  for (const StringId comment : p.comments()) comments.push_back(Text(p, comment));
  Json mappings = Json::array();
  for (const Mapping& m : p.mappings()) {
    mappings.push_back(Json{{"start", m.start},
                            {"limit", m.limit},
                            {"offset", m.offset},
                            {"file", TextOrNull(p.string(m.file))},
                            {"build_id", TextOrNull(p.string(m.build_id))}});
  }
  const int index = p.default_sample_type_index();
  const ValueType type = index < 0 ? ValueType{StringId{0}, StringId{0}} : p.sample_types()[index];
  return Json{{"schema", "tidemark.profile/1"},
              {"sample_type", TextOrNull(p.string(type.type))},
              {"unit", TextOrNull(p.string(type.unit))},
              {"total", index < 0 ? 0 : SumOfMagnitudes(p.values(index))},
              {"sample_types", types},
              {"period_type", Json{{"type", TextOrNull(p.string(p.period_type().type))},
                                   {"unit", TextOrNull(p.string(p.period_type().unit))}}},
              {"period", NumberOrNull(p.period())},
              {"time_nanos", NumberOrNull(p.time_ns())},
              {"duration_nanos", NumberOrNull(p.duration_ns())},
              {"comments", comments},
              {"mappings", mappings},
              {"label_units", LabelUnits(p)}};
}

}  // namespace

std::string ToJson(const Profile& profile) {
  const std::vector<std::string> frames = LocationFrames(profile);
  const std::vector<std::string> labels = LabelSets(profile);
  std::string out = Dump(Head(profile));
  out.back() = ',';  // the rows follow inside the same object
  out += "\"rows\":[";
  const size_t types = profile.sample_types().size();
  for (size_t i = 0; i < profile.sample_count(); ++i) {
    absl::StrAppend(&out, i == 0 ? "\n" : ",\n", "{\"stack\":[");
    bool first = true;
    for (const LocationId id : profile.stack(profile.sample_stacks()[i])) {
      absl::StrAppend(&out, first ? "" : ",", frames[id.value]);
      first = false;
    }
    out += "],\"values\":[";
    for (size_t t = 0; t < types; ++t) {
      absl::StrAppend(&out, t == 0 ? "" : ",", profile.values(t)[i]);
    }
    absl::StrAppend(&out, "],\"labels\":", labels[profile.sample_labels()[i].value], "}");
  }
  out += "\n]}\n";
  return out;
}

}  // namespace tidemark::io
