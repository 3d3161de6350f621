#include "analyzer/report/node_table.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace tidemark::report {
namespace {

absl::string_view BaseName(absl::string_view path) {
  const size_t slash = path.rfind('/');
  return slash == absl::string_view::npos ? path : path.substr(slash + 1);
}

}  // namespace

absl::string_view TrimPath(absl::string_view path, absl::string_view trim_path,
                           absl::string_view source_path) {
  if (trim_path.empty()) {
    for (const absl::string_view directory : absl::StrSplit(source_path, ':', absl::SkipEmpty())) {
      const std::string want = absl::StrCat("/", BaseName(CleanPath(directory)), "/");
      const size_t found = path.find(want);
      if (found != absl::string_view::npos) return path.substr(found + want.size());
    }
  }
  std::vector<std::string> prefixes = absl::StrSplit(trim_path, ':', absl::SkipEmpty());
  prefixes.insert(prefixes.end(), {"/proc/self/cwd/./", "/proc/self/cwd/"});
  for (std::string& prefix : prefixes) {
    if (prefix.back() != '/') prefix.push_back('/');
    if (absl::ConsumePrefix(&path, prefix)) break;
  }
  return path;
}

std::string CleanPath(absl::string_view path) {
  if (path.empty()) return "";
  const bool rooted = path[0] == '/';
  std::vector<absl::string_view> parts;
  for (const absl::string_view part : absl::StrSplit(path, '/', absl::SkipEmpty())) {
    if (part == ".") continue;
    if (part != "..") {
      parts.push_back(part);
    } else if (!parts.empty() && parts.back() != "..") {
      parts.pop_back();
    } else if (!rooted) {
      parts.push_back(part);
    }
  }
  const std::string joined = absl::StrJoin(parts, "/");
  if (rooted) return absl::StrCat("/", joined);
  return joined.empty() ? "." : joined;
}

struct NodeTable::Source {
  const Profile* profile = nullptr;
  std::vector<absl::string_view> files;  // [function], cleaned
  std::vector<uint64_t> shifts;          // [mapping], to be added to addresses
};

absl::string_view NodeTable::CleanFile(absl::string_view path) {
  std::string cleaned = CleanPath(TrimPath(path, trim_path_, source_path_));
  if (cleaned == path) return path;
  cleaned_files_.push_back(std::move(cleaned));
  return cleaned_files_.back();
}

NodeKey NodeTable::MakeKey(const Source& source, const Location& location, const Line* line) const {
  const Profile& profile = *source.profile;
  const bool files = granularity_ != Granularity::kFunctions;
  const bool functions = granularity_ != Granularity::kFiles;
  const bool lines = granularity_ == Granularity::kLines || granularity_ == Granularity::kAddresses;
  NodeKey key;
  if (line != nullptr && line->function.valid()) {
    const Function& function = profile.function(line->function);
    if (functions) key.function = profile.string(function.name);
    if (files) key.file = source.files[line->function.value];
    if (lines) key.line = line->line;
    if (lines && show_columns_) key.column = line->column;
    if (key.function.empty() || modules_) key.start_line = function.start_line;
  }
  if ((key.function.empty() || modules_) && location.mapping.valid()) {
    key.module = profile.string(profile.mapping(location.mapping).file);
  }
  const bool unknown = key.function.empty() && key.file.empty();
  if (granularity_ == Granularity::kAddresses || (unknown && unknown_ == Unknown::kByAddress)) {
    key.address = location.address;
    if (location.mapping.valid()) key.address += source.shifts[location.mapping.value];
  }
  return key;
}

uint32_t NodeTable::Intern(const NodeKey& key) {
  const auto [it, inserted] = ids_.try_emplace(key, static_cast<uint32_t>(keys_.size()));
  if (inserted) keys_.push_back(key);
  return it->second;
}

LocationNodes NodeTable::Add(const FilteredProfile& filtered) {
  const Profile& profile = filtered.profile();
  Source source;
  source.profile = &profile;
  if (granularity_ != Granularity::kFunctions) {
    absl::flat_hash_map<uint32_t, absl::string_view> cleaned;  // by StringId
    for (const Function& function : profile.functions()) {
      const auto [it, inserted] = cleaned.try_emplace(function.filename.value);
      if (inserted) it->second = CleanFile(profile.string(function.filename));
      source.files.push_back(it->second);
    }
  }
  for (const Mapping& m : profile.mappings()) {
    uint64_t shift = 0;
    if (rebase_) {
      constexpr uint64_t kPage = 4096;
      ModuleKey key;
      key.size = (m.limit - m.start + kPage - 1) / kPage * kPage;
      key.offset = m.offset;
      key.identity = profile.string(m.build_id.value != 0 ? m.build_id : m.file);
      shift = module_starts_.try_emplace(key, m.start).first->second - m.start;
    }
    source.shifts.push_back(shift);
  }

  LocationNodes nodes;
  const size_t count = profile.locations().size();
  nodes.begins_.reserve(count + 1);
  nodes.nodes_.reserve(count);
  nodes.begins_.push_back(0);
  for (uint32_t i = 0; i < count; ++i) {
    const Location& location = profile.location(LocationId{i});
    const auto lines = filtered.lines(LocationId{i});
    if (lines.empty()) nodes.nodes_.push_back(Intern(MakeKey(source, location, nullptr)));
    for (const Line& line : lines) {
      nodes.nodes_.push_back(Intern(MakeKey(source, location, &line)));
    }
    nodes.begins_.push_back(static_cast<uint32_t>(nodes.nodes_.size()));
  }
  return nodes;
}

std::string NodeTable::UnknownName(const NodeKey& key) {
  if (key.module.empty()) return "<unknown>";
  return absl::StrCat("[", BaseName(key.module), "]");
}

std::string NodeTable::Name(const NodeKey& k, absl::string_view separator) {
  std::string name;
  const auto add = [&name, separator](absl::string_view part) {
    absl::StrAppend(&name, name.empty() ? "" : separator, part);
  };
  if (k.address != 0) add(absl::StrFormat("%016x", k.address));
  if (!k.function.empty()) add(k.function);
  if (k.line != 0) {
    add(absl::StrCat(k.file, ":", k.line, k.column != 0 ? absl::StrCat(":", k.column) : ""));
  } else if (!k.file.empty()) {
    add(k.file);
  } else if (k.function.empty()) {
    add(UnknownName(k));
  }
  return name;
}

std::string NodeTable::FullName(uint32_t node) const {
  const NodeKey& k = keys_[node];
  return absl::StrCat("{", k.function, "  ", k.address, " ", k.file, " ", k.start_line, " ", k.line,
                      " ", k.column, " ", k.module, "}");
}

void SortLikePprof(const NodeTable& table, const std::vector<int64_t>& score,
                   const std::vector<int64_t>& second, std::vector<uint32_t>* nodes) {
  struct Entry {
    uint32_t node = 0;
    int64_t score = 0;
    int64_t second = 0;
    std::string name;
  };
  std::vector<Entry> entries;
  entries.reserve(nodes->size());
  for (const uint32_t node : *nodes) {
    entries.push_back(
        {node, WrappingAbs(score[node]), WrappingAbs(second[node]), table.PrintableName(node)});
  }
  std::sort(entries.begin(), entries.end(), [&table](const Entry& a, const Entry& b) {
    if (a.score != b.score) return a.score > b.score;
    if (a.name != b.name) return a.name < b.name;
    if (a.second != b.second) return a.second > b.second;
    return a.node != b.node && table.FullName(a.node) < table.FullName(b.node);
  });
  for (size_t i = 0; i < entries.size(); ++i) (*nodes)[i] = entries[i].node;
}

}  // namespace tidemark::report
