#include "analyzer/report/filter.h"

#include <re2/re2.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "analyzer/report/tag_filter.h"

namespace tidemark::report {
namespace {

re2::StringPiece Piece(absl::string_view s) { return {s.data(), s.size()}; }

std::unique_ptr<RE2> Compile(absl::string_view pattern) {
  RE2::Options options;
  options.set_log_errors(false);
  return std::make_unique<RE2>(Piece(pattern), options);
}

absl::StatusOr<std::unique_ptr<RE2>> CompileOption(const char* option, const std::string& pattern) {
  if (pattern.empty()) return nullptr;
  std::unique_ptr<RE2> re = Compile(pattern);
  if (!re->ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat("--", option, ": bad regex \"", pattern, "\": ", re->error()));
  }
  return re;
}

// One regex against the names of a profile, each function and mapping once.
class NameMatcher {
 public:
  NameMatcher(const Profile& profile, const RE2& re) {
    functions_.reserve(profile.functions().size());
    for (const Function& f : profile.functions()) {
      functions_.push_back(RE2::PartialMatch(Piece(profile.string(f.name)), re) ||
                           RE2::PartialMatch(Piece(profile.string(f.filename)), re));
    }
    mappings_.reserve(profile.mappings().size());
    for (const Mapping& m : profile.mappings()) {
      mappings_.push_back(RE2::PartialMatch(Piece(profile.string(m.file)), re));
    }
  }

  bool Matches(const Line& line) const {
    return line.function.valid() && functions_[line.function.value];
  }
  bool Matches(MappingId mapping) const { return mapping.valid() && mappings_[mapping.value]; }

 private:
  std::vector<bool> functions_;
  std::vector<bool> mappings_;
};

// The argument list goes, unless its '(' belongs to a name: pprof's simplifyFunc.
absl::string_view SimplifiedName(absl::string_view name) {
  name = absl::StripPrefix(name, ".");
  for (size_t i = name.find('('); i != absl::string_view::npos; i = name.find('(', i)) {
    const absl::string_view rest = name.substr(i);
    constexpr absl::string_view kAnonymous = "(anonymous namespace)";
    constexpr absl::string_view kCallOperator = "operator()";
    if (absl::StartsWith(rest, kAnonymous)) {
      i += kAnonymous.size();
    } else if (absl::EndsWith(name.substr(0, i + 2), kCallOperator)) {
      i += 2;
    } else {
      return name.substr(0, i);
    }
  }
  return name;
}

// The filters that ask for names, compiled; null: no filter.
struct NameFilters {
  std::unique_ptr<RE2> focus, ignore, hide, show, show_from, prune_from, tag_show, tag_hide;

  bool AnyOfFrames() const { return focus || ignore || hide || show || show_from || prune_from; }
};

absl::StatusOr<NameFilters> CompileFilters(const Options& options) {
  NameFilters filters;
  const struct {
    const char* option;
    const std::string& pattern;
    std::unique_ptr<RE2>& compiled;
  } all[] = {{"focus", options.focus, filters.focus},
             {"ignore", options.ignore, filters.ignore},
             {"hide", options.hide, filters.hide},
             {"show", options.show, filters.show},
             {"show-from", options.show_from, filters.show_from},
             {"prune-from", options.prune_from, filters.prune_from},
             {"tagshow", options.tag_show, filters.tag_show},
             {"taghide", options.tag_hide, filters.tag_hide}};
  for (const auto& filter : all) {
    auto compiled = CompileOption(filter.option, filter.pattern);
    if (!compiled.ok()) return compiled.status();
    filter.compiled = *std::move(compiled);
  }
  return filters;
}

}  // namespace

// The passes in pprof's order; each sees what the one before left.
class FilterPass {
 public:
  explicit FilterPass(const Profile& profile) : profile_(profile) {}

  // Copies what the passes over frames change. Without them a profile is looked at in place.
  void PrepareFrames() {
    whole_ = false;
    lines_.resize(profile_.locations().size());
    hidden_.resize(profile_.locations().size(), false);
    first_.resize(profile_.stack_count(), 0);
    last_.resize(profile_.stack_count(), 0);
    kept_.resize(profile_.stack_count(), true);
    for (uint32_t s = 0; s < last_.size(); ++s) {
      last_[s] = static_cast<uint32_t>(profile_.stack(StackId{s}).size());
    }
    for (uint32_t i = 0; i < lines_.size(); ++i) {
      const auto lines = profile_.lines(LocationId{i});
      lines_[i].assign(lines.begin(), lines.end());
    }
  }

  // drop_frames and keep_frames cut what allocators and runtimes put at the leaf's end.
  void Prune() {
    const absl::string_view drop = profile_.string(profile_.drop_frames());
    if (drop.empty()) return;
    const auto drop_re = Compile(absl::StrCat("^(", drop, ")$"));
    if (!drop_re->ok()) return;
    const absl::string_view keep = profile_.string(profile_.keep_frames());
    std::unique_ptr<RE2> keep_re;
    if (!keep.empty()) {
      keep_re = Compile(absl::StrCat("^(", keep, ")$"));
      if (!keep_re->ok()) return;
    }
    std::vector<bool> drops;
    drops.reserve(profile_.functions().size());
    for (const Function& f : profile_.functions()) {
      const re2::StringPiece name = Piece(SimplifiedName(profile_.string(f.name)));
      drops.push_back(!profile_.string(f.name).empty() && RE2::PartialMatch(name, *drop_re) &&
                      !(keep_re && RE2::PartialMatch(name, *keep_re)));
    }

    enum Cut : uint8_t { kNothing, kBeneath, kWhole };
    std::vector<Cut> cuts(lines_.size(), kNothing);
    for (size_t i = 0; i < lines_.size(); ++i) {
      std::vector<Line>& lines = lines_[i];
      size_t matched = lines.size();
      while (matched > 0 &&
             !(lines[matched - 1].function.valid() && drops[lines[matched - 1].function.value])) {
        --matched;
      }
      if (matched == 0) continue;
      cuts[i] = matched == lines.size() ? kWhole : kBeneath;
      if (cuts[i] == kBeneath) lines.erase(lines.begin(), lines.begin() + matched);
    }

    for (uint32_t s = 0; s < first_.size(); ++s) {
      const auto stack = profile_.stack(StackId{s});
      // Nothing above the first frame that stays is cut: it would empty the stack.
      bool found_user = false;
      for (size_t i = stack.size(); i-- > 0;) {
        const Cut cut = cuts[stack[i].value];
        if (cut == kNothing) {
          found_user = true;
        } else if (found_user) {
          first_[s] = static_cast<uint32_t>(cut == kWhole ? i + 1 : i);
          break;
        }
      }
    }
  }

  void FilterByName(const NameFilters& filters) {
    const RE2* const focus = filters.focus.get();
    const RE2* const ignore = filters.ignore.get();
    if (focus == nullptr && ignore == nullptr && !filters.hide && !filters.show) return;
    const std::vector<Verdict> verdicts = FocusAndIgnore(focus, ignore);
    if (filters.hide) Hide(NameMatcher(profile_, *filters.hide));
    if (filters.show) Show(NameMatcher(profile_, *filters.show));
    const bool any_hidden = std::find(hidden_.begin(), hidden_.end(), true) != hidden_.end();

    for (uint32_t s = 0; s < kept_.size(); ++s) {
      bool focused = false;
      bool ignored = false;
      bool visible = false;
      for (const LocationId id : Stack(s)) {
        focused = focused || verdicts[id.value] == kFocused;
        ignored = ignored || verdicts[id.value] == kIgnored;
        visible = visible || !hidden_[id.value];
      }
      kept_[s] = focused && !ignored && (visible || !any_hidden);
    }
  }

  // Nothing above the outermost match; stacks without one go.
  void ShowFrom(const RE2& re) {
    const NameMatcher matcher(profile_, re);
    std::vector<bool> matches(lines_.size(), false);
    bool any = false;
    for (uint32_t i = 0; i < lines_.size(); ++i) {
      std::vector<Line>& lines = lines_[i];
      if (matcher.Matches(profile_.location(LocationId{i}).mapping)) {
        matches[i] = any = true;
        continue;
      }
      size_t end = lines.size();
      while (end > 0 && !matcher.Matches(lines[end - 1])) --end;
      if (end == 0) continue;
      lines.resize(end);
      matches[i] = any = true;
    }
    for (uint32_t s = 0; s < kept_.size(); ++s) {
      const auto stack = profile_.stack(StackId{s});
      while (last_[s] > first_[s]) {
        const LocationId outermost = stack[last_[s] - 1];
        if (!hidden_[outermost.value] && matches[outermost.value]) break;
        --last_[s];
      }
      if (last_[s] == first_[s]) kept_[s] = false;
    }
    if (!any) unmatched_.push_back("show-from");
  }

  // Nothing beneath the innermost match.
  void PruneFrom(const RE2& re) {
    std::vector<bool> matching;  // [function]
    matching.reserve(profile_.functions().size());
    for (const Function& f : profile_.functions()) {
      const absl::string_view name = profile_.string(f.name);
      matching.push_back(!name.empty() && RE2::PartialMatch(Piece(SimplifiedName(name)), re));
    }
    std::vector<bool> prunes(lines_.size(), false);
    for (uint32_t i = 0; i < lines_.size(); ++i) {
      std::vector<Line>& lines = lines_[i];
      const auto match = std::find_if(lines.begin(), lines.end(), [&](const Line& line) {
        return line.function.valid() && matching[line.function.value];
      });
      if (match == lines.end()) continue;
      lines.erase(lines.begin(), match);
      prunes[i] = true;
    }
    for (uint32_t s = 0; s < kept_.size(); ++s) {
      const auto stack = profile_.stack(StackId{s});
      for (uint32_t i = first_[s]; i < last_[s]; ++i) {
        if (hidden_[stack[i].value] || !prunes[stack[i].value]) continue;
        first_[s] = i;
        break;
      }
    }
  }

  absl::Status FilterByLabels(const Options& options) {
    if (options.tag_focus.empty() && options.tag_ignore.empty()) return absl::OkStatus();
    const auto focus = TagFilter::Make("tagfocus", options.tag_focus, profile_);
    if (!focus.ok()) return focus.status();
    const auto ignore = TagFilter::Make("tagignore", options.tag_ignore, profile_);
    if (!ignore.ok()) return ignore.status();
    bool any_focused = false, any_ignored = false;
    labels_kept_.resize(profile_.label_set_count());
    for (uint32_t i = 0; i < labels_kept_.size(); ++i) {
      const auto labels = profile_.labels(LabelSetId{i});
      const bool focused = options.tag_focus.empty() || focus->Matches(labels);
      const bool ignored = !options.tag_ignore.empty() && ignore->Matches(labels);
      any_focused = any_focused || focused;
      any_ignored = any_ignored || ignored;
      labels_kept_[i] = focused && !ignored;
    }
    if (!any_focused) unmatched_.push_back("tagfocus");
    if (!options.tag_ignore.empty() && !any_ignored) unmatched_.push_back("tagignore");
    return absl::OkStatus();
  }

  // Which labels are shown. REQUIRES: at least one regex.
  void FilterLabelKeys(const RE2* show, const RE2* hide) {
    label_keys_.assign(profile_.string_count(), true);
    std::vector<bool> asked(profile_.string_count(), false);
    bool any_shown = false, any_hidden = false;
    for (uint32_t i = 0; i < profile_.label_set_count(); ++i) {
      for (const Label& label : profile_.labels(LabelSetId{i})) {
        if (asked[label.key.value]) continue;
        asked[label.key.value] = true;
        const re2::StringPiece key = Piece(profile_.string(label.key));
        const bool shown = show == nullptr || RE2::PartialMatch(key, *show);
        const bool hidden = hide != nullptr && RE2::PartialMatch(key, *hide);
        any_shown = any_shown || shown;
        any_hidden = any_hidden || hidden;
        label_keys_[label.key.value] = shown && !hidden;
      }
    }
    if (show != nullptr && !any_shown) unmatched_.push_back("tagshow");
    if (hide != nullptr && !any_hidden) unmatched_.push_back("taghide");
  }

  FilteredProfile Finish(bool no_inlines) {
    FilteredProfile filtered;
    filtered.profile_ = &profile_;
    filtered.whole_ = whole_;
    filtered.kept_ = std::move(kept_);
    filtered.first_ = std::move(first_);
    filtered.last_ = std::move(last_);
    filtered.labels_kept_ = std::move(labels_kept_);
    filtered.label_keys_ = std::move(label_keys_);
    filtered.unmatched_ = std::move(unmatched_);
    filtered.hidden_ = std::move(hidden_);
    filtered.line_begins_.reserve(lines_.size() + 1);
    filtered.line_begins_.push_back(0);
    for (const std::vector<Line>& lines : lines_) {
      auto begin = lines.begin();
      if (no_inlines && lines.size() > 1) begin = lines.end() - 1;
      filtered.lines_.insert(filtered.lines_.end(), begin, lines.end());
      filtered.line_begins_.push_back(static_cast<uint32_t>(filtered.lines_.size()));
    }
    return filtered;
  }

 private:
  enum Verdict : uint8_t { kNeither, kFocused, kIgnored };

  absl::Span<const LocationId> Stack(uint32_t s) const {
    return profile_.stack(StackId{s}).subspan(first_[s], last_[s] - first_[s]);
  }

  bool LocationMatches(uint32_t location, const NameMatcher& matcher) const {
    for (const Line& line : lines_[location]) {
      if (matcher.Matches(line)) return true;
    }
    return matcher.Matches(profile_.location(LocationId{location}).mapping);
  }

  std::vector<Verdict> FocusAndIgnore(const RE2* focus, const RE2* ignore) {
    std::optional<NameMatcher> focus_matcher, ignore_matcher;
    if (focus != nullptr) focus_matcher.emplace(profile_, *focus);
    if (ignore != nullptr) ignore_matcher.emplace(profile_, *ignore);
    std::vector<Verdict> verdicts(lines_.size(), kNeither);
    for (uint32_t i = 0; i < verdicts.size(); ++i) {
      if (ignore_matcher && LocationMatches(i, *ignore_matcher)) {
        verdicts[i] = kIgnored;
      } else if (!focus_matcher || LocationMatches(i, *focus_matcher)) {
        verdicts[i] = kFocused;
      }
    }
    const auto none = [&](Verdict verdict) {
      return std::find(verdicts.begin(), verdicts.end(), verdict) == verdicts.end();
    };
    if (focus != nullptr && none(kFocused)) unmatched_.push_back("focus");
    if (ignore != nullptr && none(kIgnored)) unmatched_.push_back("ignore");
    return verdicts;
  }

  void Hide(const NameMatcher& matcher) {
    bool any = false;
    for (uint32_t i = 0; i < lines_.size(); ++i) {
      if (!LocationMatches(i, matcher)) continue;
      any = true;
      if (matcher.Matches(profile_.location(LocationId{i}).mapping)) {
        lines_[i].clear();
      } else {
        std::erase_if(lines_[i], [&](const Line& line) { return matcher.Matches(line); });
      }
      hidden_[i] = lines_[i].empty();
    }
    if (!any) unmatched_.push_back("hide");
  }

  // A location without symbols is never shown, even when its mapping matches: pprof asks
  // for lines.
  void Show(const NameMatcher& matcher) {
    bool any = false;
    for (uint32_t i = 0; i < lines_.size(); ++i) {
      if (!matcher.Matches(profile_.location(LocationId{i}).mapping)) {
        std::erase_if(lines_[i], [&](const Line& line) {
          return line.function.valid() && !matcher.Matches(line);
        });
      }
      if (lines_[i].empty()) hidden_[i] = true;
      any = any || !lines_[i].empty();
    }
    if (!any) unmatched_.push_back("show");
  }

  const Profile& profile_;
  bool whole_ = true;
  std::vector<std::vector<Line>> lines_;  // [location]
  std::vector<bool> hidden_;
  std::vector<uint32_t> first_;
  std::vector<uint32_t> last_;
  std::vector<bool> kept_;
  std::vector<bool> labels_kept_;
  std::vector<bool> label_keys_;
  std::vector<std::string> unmatched_;
};

absl::StatusOr<FilteredProfile> FilteredProfile::Make(const Profile& profile,
                                                      const Options& options) {
  const auto filters = CompileFilters(options);
  if (!filters.ok()) return filters.status();
  FilterPass pass(profile);
  if (profile.drop_frames().value != 0 || filters->AnyOfFrames() || options.no_inlines) {
    pass.PrepareFrames();
    pass.Prune();
    pass.FilterByName(*filters);
    if (filters->show_from) pass.ShowFrom(*filters->show_from);
  }
  const absl::Status labels = pass.FilterByLabels(options);
  if (!labels.ok()) return labels;
  if (filters->tag_show || filters->tag_hide) {
    pass.FilterLabelKeys(filters->tag_show.get(), filters->tag_hide.get());
  }
  if (filters->prune_from) pass.PruneFrom(*filters->prune_from);
  return pass.Finish(options.no_inlines);
}

std::vector<int64_t> FilteredProfile::ValuesPerStack(size_t sample_type) const {
  std::vector<int64_t> sums(profile_->stack_count(), 0);
  const auto values = profile_->values(sample_type);
  const auto stacks = profile_->sample_stacks();
  const auto label_sets = profile_->sample_labels();
  for (size_t i = 0; i < values.size(); ++i) {
    if (!keeps(label_sets[i])) continue;
    int64_t& sum = sums[stacks[i].value];
    sum = WrappingAdd(sum, values[i]);
  }
  for (uint32_t s = 0; s < sums.size(); ++s) {
    if (!keeps(StackId{s})) sums[s] = 0;
  }
  return sums;
}

}  // namespace tidemark::report
