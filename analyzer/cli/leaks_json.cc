#include "analyzer/cli/leaks_json.h"

#include <cmath>
#include <optional>
#include <vector>

#include "analyzer/base/rounding.h"
#include "analyzer/cli/json_writer.h"

namespace tidemark::cli {
namespace {

Json IntervalJson(const leaks::Interval& interval) {
  return Json{Rounded(interval.low), Rounded(interval.high)};
}

Json IntervalJson(const std::optional<leaks::Interval>& interval) {
  return interval ? IntervalJson(*interval) : Json();
}

template <class T>
Json OrNull(const std::optional<T>& value) {
  return value ? Json(*value) : Json();
}

Json RoundedOrNull(const std::optional<double>& value) {
  return value ? Json(Rounded(*value)) : Json();
}

// Two decimals: what a test statistic is worth.
Json Decimal(double value) { return std::round(value * 100) / 100; }

Json TrendJson(const std::optional<leaks::Trend>& trend) {
  if (!trend) return Json();
  const leaks::GrowthTests& tests = trend->tests;
  const std::optional<leaks::Step>& step = tests.step;
  return Json{{"mann_kendall_z", Decimal(tests.mann_kendall_z)},
              {"growth_z", Decimal(tests.growth_z)},
              {"late_z", Decimal(tests.late_z)},
              {"of", trend->of_elements ? "elements" : "site"},
              {"step", step ? Json{step->from, step->to} : Json()},
              {"is_only_step", tests.is_only_step},
              {"paused_since", OrNull(tests.paused_since)}};
}

Json FlowsJson(const std::optional<leaks::Flows>& flows) {
  if (!flows) return Json();
  return Json{{"allocated_bytes", Rounded(flows->allocated)},
              {"allocated_ci", IntervalJson(flows->allocated_ci)},
              {"freed_bytes", Rounded(flows->freed)},
              {"freed_ci", IntervalJson(flows->freed_ci)},
              {"survived_bytes", RoundedOrNull(flows->survived)}};
}

Json TimeLeftJson(const std::optional<leaks::TimeLeft>& left) {
  if (!left) return Json();
  return Json{{"seconds", Rounded(left->seconds)},
              {"low", Rounded(left->low_s)},
              {"high", RoundedOrNull(left->high_s)}};
}

Json GenerationsJson(const std::vector<leaks::Generation>& generations) {
  Json json = Json::array();
  for (const leaks::Generation& generation : generations) {
    json.push_back(Json{{"begin_s", Decimal(generation.begin_s)},
                        {"end_s", Decimal(generation.end_s)},
                        {"live_bytes", OrNull(generation.live_bytes)},
                        {"live_ci", IntervalJson(generation.live_ci)}});
  }
  return json;
}

Json CallersJson(const std::vector<leaks::CallerShare>& callers) {
  Json json = Json::array();
  for (const leaks::CallerShare& caller : callers) {
    Json one = SiteJson(caller.frame);
    one["live_bytes"] = caller.live_bytes;
    one["delta_bytes"] = OrNull(caller.delta_bytes);
    one["samples"] = caller.samples;
    json.push_back(std::move(one));
  }
  return json;
}

Json AdviceJson(const std::vector<leaks::Advice>& all) {
  Json json = Json::array();
  for (const leaks::Advice& advice : all) {
    Json numbers = Json::object();
    for (const auto& [name, value] : advice.numbers) numbers[name] = value;
    json.push_back(Json{{"kind", leaks::Name(advice.kind)},
                        {"text", advice.text},
                        {"evidence", tidemark::Name(advice.evidence)},
                        {"numbers", numbers}});
  }
  return json;
}

Json ProjectionJson(const std::optional<leaks::Projection>& projection) {
  if (!projection) return Json();
  constexpr double kSecondsPerHour = 3600;
  Json json;
  json["limit_bytes"] = projection->limit_bytes;
  json["source"] = projection->is_cgroup ? "cgroup" : "given";
  json["used"] = projection->is_resident ? "resident" : "live";
  json["used_bytes"] = projection->used_bytes;
  const auto& growth = projection->growth_bytes_per_s;
  const auto& ci = projection->growth_ci;
  json["growth_bytes_per_hour"] = growth ? Json(Rounded(*growth * kSecondsPerHour)) : Json();
  json["growth_ci"] =
      ci ? IntervalJson({ci->low * kSecondsPerHour, ci->high * kSecondsPerHour}) : Json();
  json["time_left"] = TimeLeftJson(projection->time_left);
  return json;
}

Json FindingJson(const leaks::Finding& f) {
  Json json;
  json["rank"] = f.rank;
  json["verdict"] = leaks::Name(f.verdict);
  json["reason"] = f.reason;
  json["site"] = SiteJson(f.site);
  json["container"] = ContainerJson(f.container);
  json["live_bytes"] = f.live_bytes;
  json["live_ci"] = IntervalJson(f.live_ci);
  json["live_objects"] = f.live_objects;
  json["delta_bytes"] = OrNull(f.delta_bytes);
  json["delta_ci"] = IntervalJson(f.delta_ci);
  json["slope_bytes_per_hour"] = RoundedOrNull(f.slope_bytes_per_hour);
  json["slope_ci"] = IntervalJson(f.slope_ci);
  json["flows"] = FlowsJson(f.flows);
  json["trend"] = TrendJson(f.trend);
  json["time_left"] = TimeLeftJson(f.time_left);
  json["samples"] = f.samples;
  json["series"] = f.series;
  json["generations"] = GenerationsJson(f.generations);
  json["callers"] = CallersJson(f.callers);
  json["advice"] = AdviceJson(f.advice);
  json["stack"] = FramesJson(f.stack);
  return json;
}

}  // namespace

std::string LeaksJson(const leaks::Ranking& ranking) {
  Json document =
      DocumentHead("tidemark.leaks/1", "inuse_space", "bytes", ranking.total_live_bytes);
  document["times_ns"] = ranking.times_ns;
  document["limit"] = ProjectionJson(ranking.projection);
  document["generations"] = GenerationsJson(ranking.generations);
  document["notes"] = ranking.notes;
  document["findings"] = Json::array();
  for (const leaks::Finding& f : ranking.findings) document["findings"].push_back(FindingJson(f));
  return DumpDocument(document);
}

}  // namespace tidemark::cli
