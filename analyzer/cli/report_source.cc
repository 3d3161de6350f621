#include "analyzer/cli/report_source.h"

#include <cstdio>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "analyzer/cli/open_profile.h"
#include "analyzer/model/subtract.h"

namespace tidemark::cli {
namespace {

using ProfilePtr = std::shared_ptr<const Profile>;

absl::string_view BaseName(absl::string_view path) { return path.substr(path.rfind('/') + 1); }

// A comment that pprof shows above reports, but for the recorder's own key=value lines, which
// `tidemark comments` lists.
bool IsForPeople(absl::string_view comment) {
  return !absl::StartsWith(comment, "#") && !absl::StartsWith(comment, "tidemark.");
}

void AddActiveFilters(const report::Options& options, std::vector<std::string>* labels) {
  const struct {
    const char* name;
    const std::string& value;
  } filters[] = {{"focus", options.focus},
                 {"ignore", options.ignore},
                 {"hide", options.hide},
                 {"show", options.show},
                 {"show_from", options.show_from},
                 {"tagfocus", options.tag_focus},
                 {"tagignore", options.tag_ignore},
                 {"tagshow", options.tag_show},
                 {"taghide", options.tag_hide}};
  constexpr size_t kShown = 80;  // bytes
  bool any = false;
  for (const auto& filter : filters) {
    if (filter.value.empty()) continue;
    if (!any) labels->push_back("Active filters:");
    any = true;
    std::string text = absl::StrCat(filter.name, "=", filter.value);
    if (text.size() > kShown) text = absl::StrCat(text.substr(0, kShown), "…");
    labels->push_back(absl::StrCat("   ", text));
  }
}

std::string DroppedText(size_t count, const char* what, const char* measure,
                        const std::string& cutoff) {
  return absl::StrCat("Dropped ", count, " ", what, count > 1 ? "s" : "", " (", measure,
                      " <= ", cutoff, ")");
}

int64_t PartOf(int64_t total, double fraction) {
  return report::WrappingAbs(static_cast<int64_t>(static_cast<double>(total) * fraction));
}

// Whether a filter is told to have matched by the name of a frame without a value, too.
bool NamesMatter(const report::Options& options) {
  return !options.focus.empty() || !options.ignore.empty() || !options.hide.empty() ||
         !options.show.empty() || !options.show_from.empty() || !options.prune_from.empty();
}

absl::StatusOr<ProfilePtr> OpenWithBase(const std::vector<std::string>& files,
                                        const ReportFlags& flags) {
  const std::vector<std::string>& bases = flags.base.empty() ? flags.diff_base : flags.base;
  if (bases.empty()) {
    auto opened = OpenMerged({files}, flags.fetch);
    if (!opened.ok()) return opened.status();
    return std::move(opened->front());
  }
  const auto opened = OpenMerged({files, bases}, flags.fetch);
  if (!opened.ok()) return opened.status();
  const auto& profile = (*opened)[0];
  const auto& base = (*opened)[1];
  auto difference =
      Subtract(profile, base, {.mark_base = flags.base.empty(), .normalize = flags.normalize});
  if (!difference.ok()) return absl::DataLossError(difference.status().message());
  return difference;
}

}  // namespace

absl::StatusOr<ReportSource> OpenReport(const std::vector<std::string>& files,
                                        const ReportFlags& flags, Shown shown, bool compared) {
  if (flags.normalize && flags.base.empty() && flags.diff_base.empty()) {
    return absl::InvalidArgumentError("--normalize: needs --base or --diff-base");
  }
  auto options = flags.open_options(compared);
  if (!options.ok()) return options.status();
  auto opened = OpenWithBase(files, flags);
  if (!opened.ok()) return opened.status();
  if (shown == Shown::kOneValue && !flags.report.mean && !NamesMatter(flags.report)) {
    const auto index = report::ResolveSampleIndex(**opened, flags.report.sample_index);
    if (index.ok()) options->symbolize.sample_type = *index;
  }
  auto prepared = Prepare(*std::move(opened), *options);
  if (!prepared.ok()) return prepared.status();
  ReportSource source;
  source.profile = *std::move(prepared);
  auto selection = report::Selection::Make(*source.profile, flags.report);
  if (!selection.ok()) return selection.status();
  source.selection = *std::move(selection);
  for (const std::string& option : source.selection->unmatched()) {
    std::fprintf(stderr, "tidemark: warning: --%s matched no samples\n", option.c_str());
  }
  return source;
}

ValueFormat FormatFor(const report::Selection& selection, absl::Span<const int64_t> values) {
  const report::Options& options = selection.options();
  return ValueFormat(selection.unit(), values, selection.total(), options.unit,
                     1 / options.divide_by);
}

std::vector<std::string> ProfileLabels(const report::Selection& selection,
                                       const ValueFormat& format) {
  const Profile& p = selection.profile();
  std::vector<std::string> labels;
  if (!p.mappings().empty()) {
    const Mapping& main = p.mappings().front();
    if (main.file.value != 0)
      labels.push_back(absl::StrCat("File: ", BaseName(p.string(main.file))));
    if (main.build_id.value != 0) {
      labels.push_back(absl::StrCat("Build ID: ", p.string(main.build_id)));
    }
  }
  for (const StringId comment : p.comments()) {
    if (IsForPeople(p.string(comment))) labels.emplace_back(p.string(comment));
  }
  const std::string type = selection.type_name();
  if (!type.empty()) labels.push_back(absl::StrCat("Type: ", type));
  if (p.doc_url().value != 0) labels.push_back(absl::StrCat("Doc: ", p.string(p.doc_url())));
  if (p.time_ns() != 0) {
    labels.push_back(absl::StrCat(
        "Time: ", absl::FormatTime("%Y-%m-%d %H:%M:%S %Z", absl::FromUnixNanos(p.time_ns()),
                                   absl::LocalTimeZone())));
  }
  if (p.duration_ns() != 0) {
    const ScaledValue total = Scale(selection.total(), selection.unit(), "nanoseconds");
    std::string share;
    if (total.unit == "ns" && total.value != 0) {
      share =
          absl::StrCat("(", FormatPercent(static_cast<int64_t>(total.value), p.duration_ns()), ")");
    }
    labels.push_back(absl::StrCat("Duration: ", FormatValue(p.duration_ns(), "nanoseconds"),
                                  ", Total samples = ", format.Format(selection.total()), " ",
                                  share));
  }
  return labels;
}

std::vector<std::string> ReportLabels(const report::Selection& selection, const ValueFormat& format,
                                      const Trimmed& trimmed) {
  const report::Options& options = selection.options();
  const int64_t total = selection.total();
  std::vector<std::string> labels = ProfileLabels(selection, format);
  AddActiveFilters(options, &labels);
  const std::string share = FormatPercent(trimmed.shown_total, total);
  labels.push_back(absl::StrCat("Showing nodes accounting for ", format.Format(trimmed.shown_total),
                                ", ", absl::StripAsciiWhitespace(share), " of ",
                                format.Format(total), " total"));
  if (total == 0) return labels;
  if (trimmed.dropped_nodes > 0) {
    labels.push_back(DroppedText(trimmed.dropped_nodes, "node", "cum",
                                 format.Format(PartOf(total, options.node_fraction))));
  }
  if (trimmed.dropped_edges > 0) {
    labels.push_back(DroppedText(trimmed.dropped_edges, "edge", "freq",
                                 format.Format(PartOf(total, options.edge_fraction))));
  }
  if (trimmed.shown_nodes > 0 && trimmed.shown_nodes < trimmed.nodes) {
    labels.push_back(
        absl::StrCat("Showing top ", trimmed.shown_nodes, " nodes out of ", trimmed.nodes));
  }
  return labels;
}

}  // namespace tidemark::cli
