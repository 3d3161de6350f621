#include "analyzer/cli/json_writer.h"

#include <algorithm>
#include <utility>

namespace tidemark::cli {
namespace {

Json AddressOrNull(uint64_t address) { return address == 0 ? Json() : Json(address); }

}  // namespace

Json TextOrNull(absl::string_view text) { return text.empty() ? Json() : Json(std::string(text)); }

Json NumberOrNull(int64_t number) { return number == 0 ? Json() : Json(number); }

Json FrameJson(const report::Frame& frame) {
  return Json{{"function", TextOrNull(frame.function)},
              {"file", TextOrNull(frame.file)},
              {"line", NumberOrNull(frame.line)},
              {"module", TextOrNull(frame.module)},
              {"build_id", TextOrNull(frame.build_id)},
              {"address", AddressOrNull(frame.address)},
              {"inlined", frame.inlined}};
}

Json FramesJson(const std::vector<report::Frame>& frames) {
  Json out = Json::array();
  for (const report::Frame& frame : frames) out.push_back(FrameJson(frame));
  return out;
}

Json SiteJson(const report::Frame& frame) {
  Json json = FrameJson(frame);
  json.erase("build_id");
  json.erase("inlined");
  return json;
}

Json ContainerJson(const std::optional<Container>& container) {
  if (!container) return Json();
  return Json{{"kind", Name(container->kind)},
              {"badge", container->badge},
              {"type", TextOrNull(container->type)},
              {"element", TextOrNull(container->element)},
              {"operation", TextOrNull(Name(container->operation))},
              {"evidence", Name(container->evidence)}};
}

Json DocumentHead(absl::string_view schema, absl::string_view sample_type, absl::string_view unit,
                  int64_t total) {
  return Json{{"schema", std::string(schema)},
              {"sample_type", TextOrNull(sample_type)},
              {"unit", TextOrNull(unit)},
              {"total", total}};
}

Json DocumentHead(absl::string_view schema, const report::Selection& selection) {
  Json head = DocumentHead(schema, selection.type_name(), selection.unit(), selection.total());
  if (selection.options().divide_by != 1) {
    head["total"] = static_cast<double>(selection.total()) / selection.options().divide_by;
  }
  return head;
}

Json ValueJson(const report::Options& options, int64_t value, double mean) {
  if (!options.mean && options.divide_by == 1) return value;
  return (options.mean ? mean : static_cast<double>(value)) / options.divide_by;
}

Json ValueJson(const report::Options& options, const report::Weight& weight) {
  return ValueJson(options, weight.value(), weight.real());
}

Json NodeJson(absl::string_view function, absl::string_view file, int64_t line, uint64_t address) {
  return Json{{"function", TextOrNull(function)},
              {"file", TextOrNull(file)},
              {"line", NumberOrNull(line)},
              {"address", AddressOrNull(address)}};
}

std::string DumpDocument(const Json& document) {
  return document.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string TopJson(const report::Selection& selection, const report::TopReport& top) {
  const report::Options& options = selection.options();
  Json rows = Json::array();
  for (const report::TopRow& from : top.rows) {
    Json row = NodeJson(from.function, from.file, from.line, from.address);
    if (options.show_columns) row["column"] = NumberOrNull(from.column);
    row["flat"] = ValueJson(options, from.flat, from.flat_mean);
    row["cum"] = ValueJson(options, from.cum, from.cum_mean);
    rows.push_back(std::move(row));
  }
  Json document = DocumentHead("tidemark.top/1", selection);
  document["rows"] = std::move(rows);
  return DumpDocument(document);
}

std::string DiffJson(const report::DiffReport& diff, size_t limit) {
  Json rows = Json::array();
  const size_t shown = limit == 0 ? diff.rows.size() : std::min(diff.rows.size(), limit);
  for (size_t i = 0; i < shown; ++i) {
    const report::DiffRow& from = diff.rows[i];
    Json row = NodeJson(from.function, from.file, from.line, from.address);
    row["base_flat"] = from.base_flat;
    row["flat"] = from.flat;
    row["delta_flat"] = from.delta_flat;
    row["base_cum"] = from.base_cum;
    row["cum"] = from.cum;
    row["delta_cum"] = from.delta_cum;
    row["delta_ci"] =
        from.delta_ci.has_value() ? Json{from.delta_ci->first, from.delta_ci->second} : Json();
    rows.push_back(std::move(row));
  }
  Json document = DocumentHead("tidemark.diff/1", diff.sample_type, diff.unit, diff.total);
  document["base_total"] = diff.base_total;
  document["rows"] = std::move(rows);
  return DumpDocument(document);
}

}  // namespace tidemark::cli
