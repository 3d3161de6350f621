// Whatever a file of rules holds, it gives rules or one line that says what is wrong where, and
// the rules can be asked about any name.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "analyzer/classify/badge.h"
#include "analyzer/classify/function_class.h"
#include "analyzer/classify/rule_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  namespace classify = tidemark::classify;
  // The first line is the name of a function, the others are the rules.
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  const size_t end = text.find('\n');
  const absl::string_view name = text.substr(0, end);
  const auto rules = classify::ParseRules(
      end == absl::string_view::npos ? absl::string_view() : text.substr(end + 1), "fuzzed");
  if (!rules.ok()) {
    const std::string message(rules.status().message());
    if (rules.status().code() != absl::StatusCode::kDataLoss) abort();
    if (message.find('\n') != std::string::npos) abort();
    if (!absl::StrContains(message, "(where: fuzzed, line ")) abort();
    return 0;
  }
  const classify::RuleTable table = (*rules)->table();
  const classify::FunctionClassifier classifier(&table, [](absl::string_view) { return true; });
  for (const char* symbol : {"", "_RNv", "_ZN1a17h0123456789abcdefE"}) {
    const classify::FunctionClass what =
        classifier.Classify({.name = name, .system_name = symbol, .source = name});
    if (what.role != classify::Role::kContainer) continue;
    // 100 bytes, an ellipsis, and a question mark.
    if (classify::BadgeOf(what.container).size() > 104) abort();
  }
  classifier.IsGlueModule(name);
  return 0;
}
