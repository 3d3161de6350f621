#include "analyzer/report/filter.h"

#include <re2/re2.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

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

}  // namespace

// The passes in pprof's order; each sees what the one before left.
class FilterPass {
 public:
  explicit FilterPass(const Profile& profile)
      : profile_(profile),
        lines_(profile.locations().size()),
        hidden_(profile.locations().size(), false),
        first_(profile.stack_count(), 0),
        kept_(profile.stack_count(), true) {
    for (uint32_t i = 0; i < lines_.size(); ++i) {
      const auto lines = profile.lines(LocationId{i});
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

  // REQUIRES: at least one regex. Those that are null do not filter.
  void FilterByName(const RE2* focus, const RE2* ignore, const RE2* hide, const RE2* show) {
    const std::vector<Verdict> verdicts = FocusAndIgnore(focus, ignore);
    if (hide != nullptr) Hide(NameMatcher(profile_, *hide));
    if (show != nullptr) Show(NameMatcher(profile_, *show));
    bool any_hidden = false;
    for (const bool hidden : hidden_) any_hidden = any_hidden || hidden;

    for (uint32_t s = 0; s < kept_.size(); ++s) {
      bool focused = false;
      bool ignored = false;
      bool visible = false;
      for (const LocationId id : profile_.stack(StackId{s}).subspan(first_[s])) {
        focused = focused || verdicts[id.value] == kFocused;
        ignored = ignored || verdicts[id.value] == kIgnored;
        visible = visible || !hidden_[id.value];
      }
      kept_[s] = focused && !ignored && (visible || !any_hidden);
    }
  }

  FilteredProfile Finish(bool no_inlines) {
    FilteredProfile filtered;
    filtered.profile_ = &profile_;
    filtered.kept_ = std::move(kept_);
    filtered.first_ = std::move(first_);
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

  bool LocationMatches(uint32_t location, const NameMatcher& matcher) const {
    for (const Line& line : lines_[location]) {
      if (matcher.Matches(line)) return true;
    }
    return matcher.Matches(profile_.location(LocationId{location}).mapping);
  }

  std::vector<Verdict> FocusAndIgnore(const RE2* focus, const RE2* ignore) const {
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
    return verdicts;
  }

  void Hide(const NameMatcher& matcher) {
    for (uint32_t i = 0; i < lines_.size(); ++i) {
      if (!LocationMatches(i, matcher)) continue;
      if (matcher.Matches(profile_.location(LocationId{i}).mapping)) {
        lines_[i].clear();
      } else {
        std::erase_if(lines_[i], [&](const Line& line) { return matcher.Matches(line); });
      }
      hidden_[i] = lines_[i].empty();
    }
  }

  // A location without symbols is never shown, even when its mapping matches: pprof asks
  // for lines.
  void Show(const NameMatcher& matcher) {
    for (uint32_t i = 0; i < lines_.size(); ++i) {
      if (!matcher.Matches(profile_.location(LocationId{i}).mapping)) {
        std::erase_if(lines_[i], [&](const Line& line) {
          return line.function.valid() && !matcher.Matches(line);
        });
      }
      if (lines_[i].empty()) hidden_[i] = true;
    }
  }

  const Profile& profile_;
  std::vector<std::vector<Line>> lines_;  // [location]
  std::vector<bool> hidden_;
  std::vector<uint32_t> first_;
  std::vector<bool> kept_;
};

absl::StatusOr<FilteredProfile> FilteredProfile::Make(const Profile& profile,
                                                      const Options& options) {
  auto focus = CompileOption("focus", options.focus);
  if (!focus.ok()) return focus.status();
  auto ignore = CompileOption("ignore", options.ignore);
  if (!ignore.ok()) return ignore.status();
  auto hide = CompileOption("hide", options.hide);
  if (!hide.ok()) return hide.status();
  auto show = CompileOption("show", options.show);
  if (!show.ok()) return show.status();

  FilterPass pass(profile);
  pass.Prune();
  if (*focus || *ignore || *hide || *show) {
    pass.FilterByName(focus->get(), ignore->get(), hide->get(), show->get());
  }
  return pass.Finish(options.no_inlines);
}

std::vector<int64_t> FilteredProfile::ValuesPerStack(size_t sample_type) const {
  std::vector<int64_t> sums(profile_->stack_count(), 0);
  const auto values = profile_->values(sample_type);
  const auto stacks = profile_->sample_stacks();
  for (size_t i = 0; i < values.size(); ++i) {
    int64_t& sum = sums[stacks[i].value];
    sum = WrappingAdd(sum, values[i]);
  }
  for (size_t s = 0; s < sums.size(); ++s) {
    if (!kept_[s]) sums[s] = 0;
  }
  return sums;
}

}  // namespace tidemark::report
