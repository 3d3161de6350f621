#include "analyzer/cli/json_writer.h"

#include <algorithm>
#include <utility>

namespace tidemark::cli {
namespace {

size_t Shown(size_t rows, size_t limit) { return limit == 0 ? rows : std::min(rows, limit); }

Json AddressOrNull(uint64_t address) { return address == 0 ? Json() : Json(address); }

// {function, file, line, address}
template <typename Row>
Json RowHead(const Row& row) {
  return Json{{"function", TextOrNull(row.function)},
              {"file", TextOrNull(row.file)},
              {"line", NumberOrNull(row.line)},
              {"address", AddressOrNull(row.address)}};
}

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

Json DocumentHead(absl::string_view schema, absl::string_view sample_type, absl::string_view unit,
                  int64_t total) {
  return Json{{"schema", std::string(schema)},
              {"sample_type", TextOrNull(sample_type)},
              {"unit", TextOrNull(unit)},
              {"total", total}};
}

std::string DumpDocument(const Json& document) {
  return document.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string TopJson(const report::TopReport& top, size_t limit) {
  Json rows = Json::array();
  for (size_t i = 0; i < Shown(top.rows.size(), limit); ++i) {
    Json row = RowHead(top.rows[i]);
    row["flat"] = top.rows[i].flat;
    row["cum"] = top.rows[i].cum;
    rows.push_back(std::move(row));
  }
  Json document = DocumentHead("tidemark.top/1", top.sample_type, top.unit, top.total);
  document["rows"] = std::move(rows);
  return DumpDocument(document);
}

std::string DiffJson(const report::DiffReport& diff, size_t limit) {
  Json rows = Json::array();
  for (size_t i = 0; i < Shown(diff.rows.size(), limit); ++i) {
    const report::DiffRow& from = diff.rows[i];
    Json row = RowHead(from);
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
