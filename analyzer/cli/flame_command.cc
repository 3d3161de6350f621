// flame.

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "analyzer/cli/commands.h"
#include "analyzer/cli/flame_html.h"
#include "analyzer/cli/open_profile.h"
#include "analyzer/cli/options.h"
#include "analyzer/cli/report_source.h"
#include "analyzer/report/flame.h"

namespace tidemark::cli {
namespace {

struct FlameArguments {
  std::vector<std::string> files;
  std::string output;
  ReportFlags flags;
};

std::string TitleOf(const Profile& profile, const std::string& path) {
  absl::string_view name = path;
  if (!profile.mappings().empty() && profile.mappings().front().file.value != 0) {
    name = profile.string(profile.mappings().front().file);
  }
  return std::string(name.substr(name.rfind('/') + 1));
}

// The tree of each sample type that is asked for: all, unless one is named.
absl::Status AddTrees(const Profile& profile, const Profile* base, const report::Options& options,
                      FlamePage* page) {
  const auto selected = report::ResolveSampleIndex(profile, options.sample_index);
  if (!selected.ok()) return selected.status();
  report::Options one = options;
  for (size_t t = 0; t < profile.sample_types().size(); ++t) {
    const bool is_selected = static_cast<int>(t) == *selected;
    if (!options.sample_index.empty() && !is_selected) continue;
    // What the base lacks cannot be compared, and is not what was asked for.
    if (base != nullptr && !is_selected &&
        !report::MatchingSampleType(*base, profile, static_cast<int>(t)).ok()) {
      continue;
    }
    one.sample_index = absl::StrCat(t);
    auto tree = report::Flame(profile, base, one, /*inverted=*/false);
    if (!tree.ok()) return tree.status();
    if (is_selected) page->selected = page->trees.size();
    // One whole tree at a time: those of big profiles are big.
    PageTree& trimmed = page->trees.emplace_back();
    trimmed.tree = *std::move(tree);
    TrimTree(kMostPageFrames, &trimmed);
  }
  return absl::OkStatus();
}

int RunFlame(const FlameArguments& arguments) {
  // Both profiles' values are shown: the base is not subtracted first.
  ReportFlags flags = arguments.flags;
  const std::vector<std::string> bases =
      flags.base.empty() ? std::exchange(flags.diff_base, {}) : std::exchange(flags.base, {});
  const bool compared = !bases.empty();
  const auto source = OpenReport(arguments.files, flags, Shown::kAllValues, compared);
  if (!source.ok()) return Fail(source.status());
  std::optional<ReportSource> base;
  if (compared) {
    auto opened = OpenReport(bases, flags, Shown::kAllValues, compared);
    if (!opened.ok()) return Fail(opened.status());
    base = *std::move(opened);
  }
  const Profile& profile = *source->profile;
  FlamePage page;
  page.diff = base.has_value();
  page.title = TitleOf(profile, arguments.files.front());
  page.labels = ProfileLabels(*source->selection, FormatFor(*source->selection, {}));
  const absl::Status added =
      AddTrees(profile, base ? base->profile.get() : nullptr, flags.report, &page);
  if (!added.ok()) return Fail(added);

  return Write(arguments.output, FlameHtml(std::move(page)));
}

}  // namespace

void AddFlameCommand(CLI::App& app, int& exit_status) {
  CLI::App* const flame =
      app.add_subcommand("flame", "A flame graph: one HTML page for any browser");
  const auto arguments = std::make_shared<FlameArguments>();
  flame->add_option("FILE", arguments->files, "Profiles; several are merged")
      ->required()
      ->type_name("");
  flame
      ->add_option("-o,--output", arguments->output,
                   "Where to write the page (default -: standard output)")
      ->type_name("OUT");
  CLI::Option* const base =
      flame
          ->add_option("--base", arguments->flags.base,
                       "Colour by what changed since this profile; several are merged")
          ->type_name("FILE")
          ->allow_extra_args(false);
  flame->add_option("--diff-base", arguments->flags.diff_base, "The same")
      ->type_name("FILE")
      ->allow_extra_args(false)
      ->excludes(base);
  AddReportOptions(*flame, arguments->flags, Trim::kNothing);
  arguments->flags.fold_containers = true;
  AddContainersOption(*flame, arguments->flags);
  flame->callback([arguments, &exit_status] { exit_status = RunFlame(*arguments); });
}

}  // namespace tidemark::cli
