#include "analyzer/cli/site_text.h"

#include <filesystem>

#include "absl/strings/str_cat.h"
#include "analyzer/classify/cxx_name.h"

namespace tidemark::cli {

std::string SiteText(report::Frame frame) {
  frame.function = classify::ShortFunctionName(frame.function);
  frame.file = std::filesystem::path(frame.file).filename().string();
  return report::ToString(frame);
}

std::string ContainerText(const std::optional<Container>& container) {
  if (!container) return "";
  std::string text = Name(container->kind);
  if (!container->type.empty()) absl::StrAppend(&text, " ", container->type);
  if (container->operation != Operation::kUnknown) {
    absl::StrAppend(&text, ", ", Name(container->operation));
  }
  if (container->evidence == Evidence::kInferred) text += " (inferred)";
  return text;
}

}  // namespace tidemark::cli
