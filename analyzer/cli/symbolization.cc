#include "analyzer/cli/symbolization.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace tidemark::cli {
namespace {

using symbolize::NameStyle;

constexpr std::pair<absl::string_view, NameStyle> kStyles[] = {
    {"none", NameStyle::kNone},           {"full", NameStyle::kFull},
    {"templates", NameStyle::kTemplates}, {"default", NameStyle::kDefault},
    {"short", NameStyle::kShort},
};

bool ParseStyle(absl::string_view word, NameStyle* style) {
  for (const auto& [name, meaning] : kStyles) {
    if (word != name) continue;
    *style = meaning;
    return true;
  }
  return false;
}

}  // namespace

symbolize::Options Symbolization::options() const {
  symbolize::Options options;
  options.remote = remote;
  options.fast = fast;
  options.force = force;
  options.sample_type = sample_type;
  return options;
}

std::string ParseSymbolization(absl::string_view text, Symbolization* symbolization) {
  for (const absl::string_view given : absl::StrSplit(text, absl::ByAnyChar(":,"))) {
    const std::string lower = absl::AsciiStrToLower(given);
    absl::string_view word = lower;
    if (word == "none") {
      symbolization->enabled = false;
    } else if (word == "local" || word == "fastlocal") {
      symbolization->enabled = true;
      symbolization->remote = false;
      symbolization->fast = word == "fastlocal";
    } else if (word == "remote") {
      symbolization->enabled = symbolization->remote = true;
      symbolization->fast = false;
    } else if (word == "force") {
      symbolization->force = true;
    } else if (!absl::ConsumePrefix(&word, "demangle=") ||
               !ParseStyle(word, &symbolization->names)) {
      return absl::StrCat("\"", given, "\" is none of none, local, fastlocal, remote, force, ",
                          "demangle=none|full|templates|default|short");
    }
  }
  return "";
}

}  // namespace tidemark::cli
