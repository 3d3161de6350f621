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
  std::string text = container->badge;
  if (container->operation != Operation::kUnknown) {
    absl::StrAppend(&text, ", ", ShownName(container->operation));
  }
  if (container->evidence == Evidence::kInferred) text += ", inferred";
  if (!container->type.empty() && container->type != container->badge) {
    absl::StrAppend(&text, "  ", container->type);
  }
  return text;
}

}  // namespace tidemark::cli
