#include "analyzer/symbolize/symbolizer.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <optional>
#include <thread>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "analyzer/model/profile_builder.h"
#include "analyzer/symbolize/debug_info.h"
#include "analyzer/symbolize/demangle.h"
#include "analyzer/symbolize/elf_file.h"
#include "analyzer/symbolize/module_finder.h"
#include "analyzer/symbolize/symbol_table.h"

namespace tidemark::symbolize {
namespace {

// A frame with its strings in the module's own table, filled off the main thread.
struct NamedLine {
  uint32_t function = 0;  // into ModuleWork::functions
  int64_t line = 0;
};

struct NamedFunction {
  std::string name;
  std::string system_name;
  std::string file;
  int64_t start_line = 0;
  friend bool operator==(const NamedFunction&, const NamedFunction&) = default;
  template <typename H>
  friend H AbslHashValue(H h, const NamedFunction& f) {
    return H::combine(std::move(h), f.name, f.system_name, f.file, f.start_line);
  }
};

// One module: what is asked of it, and the answers.
struct ModuleWork {
  std::string path;
  std::string build_id;
  std::vector<LocationId> locations;  // by address

  std::vector<NamedFunction> functions;
  std::vector<std::vector<NamedLine>> lines;  // parallel to locations; empty: unknown
  std::string warning;
};

class ModuleSymbolizer {
 public:
  ModuleSymbolizer(const Profile& profile, const Options& options, ModuleWork* work)
      : profile_(profile), options_(options), work_(*work) {}

  // False when cancelled.
  bool Run() {
    work_.lines.resize(work_.locations.size());
    const ModuleFiles files = FindModule(work_.path, work_.build_id, options_.search_path);
    if (!files.found()) {
      Advance(work_.locations.size());
      if (!files.problem.empty()) work_.warning = absl::StrCat(work_.path, ": ", files.problem);
      return true;
    }
    const std::unique_ptr<DebugInfo> debug = DebugInfo::Load(files.best());
    const SymbolTable symbols(files.best());
    // A debug file without a symbol table leaves the module's own dynamic symbols.
    const ElfFile& layout = files.module ? *files.module : *files.debug;
    const SymbolTable module_symbols(layout);

    size_t unknown = 0;
    for (size_t i = 0; i < work_.locations.size(); ++i) {
      if (options_.progress != nullptr && options_.progress->cancelled) return false;
      const Location& location = profile_.location(work_.locations[i]);
      const Mapping& m = profile_.mapping(location.mapping);
      const std::optional<uint64_t> address =
          layout.LinkAddress({m.start, m.limit, m.offset}, location.address);
      std::vector<SourceFrame> frames;
      if (address) {
        if (debug) frames = debug->FramesAt(*address);
        NameOutermost(symbols, module_symbols, *address, &frames);
      }
      for (SourceFrame& frame : frames) work_.lines[i].push_back(Intern(std::move(frame)));
      unknown += frames.empty();
      Advance(1);
    }
    // Of a few the frames themselves tell: they show module and address.
    constexpr size_t kFew = 3;
    if (unknown > kFew) {
      work_.warning = absl::StrCat(
          work_.path, ": ", unknown, " of ", work_.locations.size(), " addresses have no symbol",
          files.problem.empty() ? "" : absl::StrCat(" (", files.problem, ")"));
    }
    return true;
  }

 private:
  // The symbol table knows what debug information may lack: functions in assembly, and
  // the full names of C++ functions in anonymous namespaces; for a C function with aliases
  // (__GI___strdup) it has the name that people use.
  static void NameOutermost(const SymbolTable& symbols, const SymbolTable& module_symbols,
                            uint64_t address, std::vector<SourceFrame>* frames) {
    if (!frames->empty() && !frames->back().linkage_name.empty()) return;
    absl::string_view name = symbols.NameAt(address);
    if (name.empty()) name = module_symbols.NameAt(address);
    if (name.empty()) return;
    if (frames->empty()) frames->emplace_back();
    frames->back().linkage_name = name;
  }

  NamedLine Intern(SourceFrame&& frame) {
    NamedFunction function;
    if (frame.linkage_name.empty()) {
      function.system_name = function.name = std::string(frame.name);
    } else {
      function.system_name = std::string(frame.linkage_name);
      const auto [demangled, first] = demangled_.try_emplace(function.system_name);
      if (first) demangled->second = Demangle(function.system_name);
      function.name = demangled->second;
    }
    function.file =
        frame.file.empty() ? "" : std::filesystem::path(frame.file).lexically_normal().string();
    function.start_line = frame.start_line;
    const auto [it, inserted] =
        function_ids_.try_emplace(function, static_cast<uint32_t>(work_.functions.size()));
    if (inserted) work_.functions.push_back(std::move(function));
    return {it->second, frame.line};
  }

  void Advance(size_t addresses) {
    if (options_.progress != nullptr) options_.progress->done += addresses;
  }

  const Profile& profile_;
  const Options& options_;
  ModuleWork& work_;
  absl::flat_hash_map<NamedFunction, uint32_t> function_ids_;
  absl::flat_hash_map<std::string, std::string> demangled_;  // by linkage name
};

// The locations that lack lines, by module. Deterministic: by path and build id.
std::vector<ModuleWork> CollectWork(const Profile& profile, const Options& options) {
  std::map<std::pair<absl::string_view, absl::string_view>, std::vector<LocationId>> modules;
  for (uint32_t i = 0; i < profile.locations().size(); ++i) {
    const Location& location = profile.location(LocationId{i});
    if (!location.mapping.valid()) continue;
    const Mapping& m = profile.mapping(location.mapping);
    const bool symbolized = m.has_functions || m.has_filenames || m.has_line_numbers ||
                            !profile.lines(LocationId{i}).empty();
    if (symbolized && !options.force) continue;
    if (IsAnonymous(profile.string(m.file)) && profile.string(m.build_id).empty()) continue;
    modules[{profile.string(m.file), profile.string(m.build_id)}].push_back(LocationId{i});
  }
  std::vector<ModuleWork> work;
  for (auto& [key, locations] : modules) {
    std::sort(locations.begin(), locations.end(), [&](LocationId a, LocationId b) {
      return profile.location(a).address < profile.location(b).address;
    });
    ModuleWork& w = work.emplace_back();
    w.path = std::string(key.first);
    w.build_id = std::string(key.second);
    w.locations = std::move(locations);
  }
  return work;
}

// Largest module first, on as many threads as there are processors (at most 8: the memory
// of that many modules' indexes is in use at once). False when cancelled.
bool RunAll(const Profile& profile, const Options& options, std::vector<ModuleWork>* work) {
  std::vector<ModuleWork*> order;
  for (ModuleWork& w : *work) order.push_back(&w);
  std::sort(order.begin(), order.end(), [](const ModuleWork* a, const ModuleWork* b) {
    return a->locations.size() > b->locations.size();
  });
  std::atomic<size_t> next{0};
  std::atomic<bool> cancelled{false};
  const auto run = [&] {
    for (size_t i; (i = next.fetch_add(1)) < order.size() && !cancelled;) {
      if (!ModuleSymbolizer(profile, options, order[i]).Run()) cancelled = true;
    }
  };
  const size_t threads = std::min<size_t>(
      {order.size(), std::max(1u, std::thread::hardware_concurrency()), size_t{8}});
  std::vector<std::thread> others;
  for (size_t i = 1; i < threads; ++i) others.emplace_back(run);
  run();
  for (std::thread& t : others) t.join();
  return !cancelled;
}

void WriteBack(const Profile& profile, const ModuleWork& work, ProfileBuilder* builder) {
  std::vector<FunctionId> functions;
  functions.reserve(work.functions.size());
  for (const NamedFunction& f : work.functions) {
    functions.push_back(
        builder->AddFunction({builder->AddString(f.name), builder->AddString(f.system_name),
                              builder->AddString(f.file), f.start_line}));
  }
  std::vector<Line> lines;
  for (size_t i = 0; i < work.locations.size(); ++i) {
    if (work.lines[i].empty()) continue;
    Mapping& mapping = builder->mapping(profile.location(work.locations[i]).mapping);
    lines.clear();
    for (const NamedLine& line : work.lines[i]) {
      const NamedFunction& f = work.functions[line.function];
      mapping.has_functions = mapping.has_functions || !f.name.empty();
      mapping.has_filenames = mapping.has_filenames || !f.file.empty();
      mapping.has_line_numbers = mapping.has_line_numbers || line.line != 0;
      lines.push_back({functions[line.function], line.line});
    }
    mapping.has_inline_frames = mapping.has_inline_frames || lines.size() > 1;
    builder->SetLines(work.locations[i], lines);
  }
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

absl::StatusOr<Result> Symbolize(const std::shared_ptr<const Profile>& profile,
                                 const Options& options) {
  std::vector<ModuleWork> work = CollectWork(*profile, options);
  if (work.empty()) return Result{profile, {}};
  if (options.progress != nullptr) {
    uint64_t total = 0;
    for (const ModuleWork& w : work) total += w.locations.size();
    options.progress->total = total;
  }
  if (!RunAll(*profile, options, &work)) return absl::CancelledError("symbolization");

  Result result;
  ProfileBuilder builder(*profile);
  for (const ModuleWork& w : work) {
    WriteBack(*profile, w, &builder);
    if (!w.warning.empty()) result.warnings.push_back(w.warning);
  }
  auto built = builder.Build();
  if (!built.ok()) return built.status();
  result.profile = *std::move(built);
  return result;
}

}  // namespace tidemark::symbolize
