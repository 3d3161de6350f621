#include "analyzer/symbolize/symbolizer.h"

#include <algorithm>
#include <cstdlib>
#include <map>
#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "analyzer/base/rounding.h"
#include "analyzer/model/profile_builder.h"
#include "analyzer/symbolize/module_symbolizer.h"
#include "analyzer/symbolize/parallel.h"
#include "analyzer/symbolize/perf_map.h"

namespace tidemark::symbolize {
namespace {

// What is asked of one module, or (path "") of code in no file.
struct Work {
  std::string path;
  std::string build_id;
  std::vector<LocationId> locations;  // by address
};

// The process of the profile; 0 when that is not known, or it is several.
pid_t ProcessOf(const Profile& profile) {
  int pid = 0;
  for (const StringId comment : profile.comments()) {
    absl::string_view text = profile.string(comment);
    if (!absl::ConsumePrefix(&text, "tidemark.pid=")) continue;
    int value = 0;
    if (!absl::SimpleAtoi(text, &value) || value <= 0 || (pid != 0 && pid != value)) return 0;
    pid = value;
  }
  return pid;
}

// By location: whether a sample that counts refers to it.
std::vector<bool> LocationsShown(const Profile& profile, int sample_type) {
  std::vector<bool> stacks(profile.stack_count());
  for (size_t i = 0; i < profile.sample_count(); ++i) {
    bool counts = false;
    if (sample_type >= 0) {
      counts = profile.values(static_cast<size_t>(sample_type))[i] != 0;
    } else {
      for (size_t t = 0; t < profile.sample_types().size() && !counts; ++t) {
        counts = profile.values(t)[i] != 0;
      }
    }
    if (counts) stacks[profile.sample_stacks()[i].value] = true;
  }
  std::vector<bool> locations(profile.locations().size());
  for (uint32_t s = 0; s < stacks.size(); ++s) {
    if (!stacks[s]) continue;
    for (const LocationId id : profile.stack(StackId{s})) locations[id.value] = true;
  }
  return locations;
}

// The locations that lack lines, by module. Deterministic: by path and build id.
std::vector<Work> CollectWork(const Profile& profile, const Options& options) {
  std::map<std::pair<absl::string_view, absl::string_view>, std::vector<LocationId>> modules;
  const std::vector<bool> shown = LocationsShown(profile, options.sample_type);
  for (uint32_t i = 0; i < profile.locations().size(); ++i) {
    const Location& location = profile.location(LocationId{i});
    if (!shown[i]) continue;
    std::pair<absl::string_view, absl::string_view> key;
    bool symbolized = !profile.lines(LocationId{i}).empty();
    if (location.mapping.valid()) {
      const Mapping& m = profile.mapping(location.mapping);
      symbolized = symbolized || m.has_functions || m.has_filenames || m.has_line_numbers;
      if (!IsAnonymous(profile.string(m.file)) || !profile.string(m.build_id).empty()) {
        key = {profile.string(m.file), profile.string(m.build_id)};
      }
    }
    if (symbolized && !(options.force && !key.first.empty())) continue;
    modules[key].push_back(LocationId{i});
  }
  std::vector<Work> work;
  for (auto& [key, locations] : modules) {
    std::sort(locations.begin(), locations.end(), [&](LocationId a, LocationId b) {
      return profile.location(a).address < profile.location(b).address;
    });
    work.push_back({std::string(key.first), std::string(key.second), std::move(locations)});
  }
  return work;
}

using Modules = std::vector<std::unique_ptr<ModuleSymbolizer>>;

// Largest module first; a large one is spread over the threads.
void RunAll(const Modules& modules) {
  std::vector<ModuleSymbolizer*> order;
  for (const auto& module : modules) order.push_back(module.get());
  std::stable_sort(order.begin(), order.end(),
                   [](const ModuleSymbolizer* a, const ModuleSymbolizer* b) {
                     return a->question_count() > b->question_count();
                   });
  std::vector<size_t> chunks(order.size());
  ForEachParallel(order.size(), [&](size_t i) { chunks[i] = order[i]->Prepare(); });
  std::vector<std::pair<ModuleSymbolizer*, size_t>> jobs;
  for (size_t i = 0; i < order.size(); ++i) {
    for (size_t chunk = 0; chunk < chunks[i]; ++chunk) jobs.emplace_back(order[i], chunk);
  }
  ForEachParallel(jobs.size(), [&](size_t i) { jobs[i].first->Resolve(jobs[i].second); });
  ForEachParallel(order.size(), [&](size_t i) { order[i]->Finish(); });
}

void WriteBack(const Profile& profile, const Work& work, const ModuleSymbolizer& module,
               ProfileBuilder* builder) {
  // The cache may know functions that this profile has no use for.
  std::vector<FunctionId> functions(module.functions().size());
  std::vector<Line> lines;
  for (size_t i = 0; i < work.locations.size(); ++i) {
    if (module.lines(i).empty()) continue;
    Mapping& mapping = builder->mapping(profile.location(work.locations[i]).mapping);
    lines.clear();
    for (const NamedLine& line : module.lines(i)) {
      const NamedFunction& f = module.functions()[line.function];
      FunctionId& id = functions[line.function];
      if (!id.valid()) {
        id = builder->AddFunction({builder->AddString(f.name), builder->AddString(f.system_name),
                                   builder->AddString(f.file), f.start_line});
      }
      mapping.has_functions = mapping.has_functions || !f.name.empty();
      mapping.has_filenames = mapping.has_filenames || !f.file.empty();
      mapping.has_line_numbers = mapping.has_line_numbers || line.line != 0;
      lines.push_back({id, line.line});
    }
    mapping.has_inline_frames = mapping.has_inline_frames || lines.size() > 1;
    builder->SetLines(work.locations[i], lines);
  }
}

// Code in no file: what a just-in-time compiler told of it. Why it was not used, or "".
std::string NameGeneratedCode(const Profile& profile, const Options& options, const Work& work,
                              ProfileBuilder* builder) {
  PerfMapQuery query;
  query.pid = ProcessOf(profile);
  query.search_path = options.search_path;
  if (profile.time_ns() > 0) {
    query.end_ns = profile.time_ns();
    query.begin_ns =
        SaturatingDifference(profile.time_ns(), std::max<int64_t>(profile.duration_ns(), 0));
  }
  std::vector<uint64_t> addresses;
  for (const LocationId id : work.locations) addresses.push_back(profile.location(id).address);
  const PerfMap map = ReadPerfMap(query, addresses);
  for (size_t i = 0; i < map.names.size(); ++i) {
    if (map.names[i].empty()) continue;
    const StringId name = builder->AddString(map.names[i]);
    const Line line{builder->AddFunction({name, name, StringId{0}, 0}), 0};
    builder->SetLines(work.locations[i], {&line, 1});
  }
  return map.problem;
}

ModuleQuery QueryOf(const Profile& profile, const Options& options, const Work& work, pid_t pid,
                    Debuginfod* remote) {
  ModuleQuery query;
  query.path = work.path;
  query.build_id = work.build_id;
  query.search_path = options.search_path;
  query.debug_info = !options.fast;
  query.remote = remote;
  query.pid = pid;
  const Mapping& mapping = profile.mapping(profile.location(work.locations.front()).mapping);
  query.start = mapping.start;
  query.limit = mapping.limit;
  return query;
}

}  // namespace

std::vector<std::string> DefaultSearchPath() {
  if (const char* path = std::getenv("PPROF_BINARY_PATH"); path != nullptr && *path != '\0') {
    return absl::StrSplit(path, ':', absl::SkipEmpty());
  }
  if (const char* home = std::getenv("HOME"); home != nullptr && *home != '\0') {
    return {absl::StrCat(home, "/pprof/binaries")};
  }
  return {};
}

std::string ModulePath(const Profile& profile, MappingId id,
                       absl::Span<const std::string> search_path) {
  if (!id.valid()) return "";
  const Mapping& mapping = profile.mapping(id);
  ModuleQuery query;
  query.path = std::string(profile.string(mapping.file));
  query.build_id = std::string(profile.string(mapping.build_id));
  query.search_path = search_path;
  query.pid = ProcessOf(profile);
  query.start = mapping.start;
  query.limit = mapping.limit;
  query.debug_info = false;
  if (IsAnonymous(query.path)) return "";
  const ModuleFiles files = FindModule(query);
  return files.module == nullptr ? "" : files.module->path();
}

absl::StatusOr<Result> Symbolize(const std::shared_ptr<const Profile>& profile,
                                 const Options& options) {
  std::vector<Work> work = CollectWork(*profile, options);
  if (work.empty()) return Result{profile, {}};
  if (options.progress != nullptr) {
    uint64_t total = 0;
    for (const Work& w : work) total += w.locations.size();
    options.progress->total = total;
  }
  const pid_t pid = ProcessOf(*profile);
  const std::unique_ptr<SymbolCache> cache = options.cache ? SymbolCache::Open() : nullptr;
  std::optional<Debuginfod> remote;
  if (options.remote && !options.fast && Debuginfod::Configured()) {
    remote.emplace(options.remote_limit, options.progress);
  }
  std::optional<Work> generated;
  const ModuleSymbolizer::Context context{cache.get(), options.progress, options.fast};
  Modules modules;
  std::vector<const Work*> module_work;
  for (Work& w : work) {
    if (w.path.empty() && w.build_id.empty()) {
      generated = std::move(w);
      continue;
    }
    std::vector<ModuleSymbolizer::Question> questions;
    for (const LocationId id : w.locations) {
      const Location& location = profile->location(id);
      const Mapping& m = profile->mapping(location.mapping);
      questions.push_back({{m.start, m.limit, m.offset}, location.address});
    }
    modules.push_back(std::make_unique<ModuleSymbolizer>(
        context, QueryOf(*profile, options, w, pid, remote ? &*remote : nullptr),
        std::move(questions)));
    module_work.push_back(&w);
  }
  RunAll(modules);
  if (options.progress != nullptr && options.progress->cancelled) {
    return absl::CancelledError("symbolization");
  }

  Result result;
  ProfileBuilder builder(*profile);
  for (size_t i = 0; i < modules.size(); ++i) {
    WriteBack(*profile, *module_work[i], *modules[i], &builder);
    if (!modules[i]->warning().empty()) result.warnings.push_back(modules[i]->warning());
  }
  if (generated) {
    std::string problem = NameGeneratedCode(*profile, options, *generated, &builder);
    if (!problem.empty()) result.warnings.push_back(std::move(problem));
    if (options.progress != nullptr) options.progress->done += generated->locations.size();
  }
  if (remote && !remote->problem().empty()) result.warnings.push_back(remote->problem());
  auto built = builder.Build();
  if (!built.ok()) return built.status();
  result.profile = *std::move(built);
  return result;
}

}  // namespace tidemark::symbolize
