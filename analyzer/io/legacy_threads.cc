#include "analyzer/io/legacy_threads.h"

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "analyzer/io/legacy_builder.h"
#include "analyzer/io/legacy_text.h"

namespace tidemark::io {
namespace {

// Calls fits(what follows) behind each `word` of the line.
template <typename Fits>
bool AnyBehind(absl::string_view line, absl::string_view word, Fits fits) {
  for (size_t at = line.find(word); at != absl::string_view::npos; at = line.find(word)) {
    line.remove_prefix(at + word.size());
    if (fits(line)) return true;
  }
  return false;
}

// "--- threadz NUMBER ---"
bool IsListHeading(absl::string_view line) {
  return AnyBehind(line, "--- threadz ", [](absl::string_view rest) {
    return !TakeDigits(rest).empty() && absl::StartsWith(rest, " ---");
  });
}

// "--- Thread HEX (name: NAME/NUMBER) stack: ---"
bool IsThreadHeading(absl::string_view line) {
  return AnyBehind(line, "--- Thread ", [](absl::string_view rest) {
    if (rest.empty() || !absl::ascii_isxdigit(rest.front())) return false;
    while (!rest.empty() && absl::ascii_isxdigit(rest.front())) rest.remove_prefix(1);
    if (!absl::ConsumePrefix(&rest, " (name: ")) return false;
    return AnyBehind(rest, "/", [](absl::string_view number) {
      return !TakeDigits(number).empty() && absl::StartsWith(number, ") stack: ---");
    });
  });
}

// A thread's stack, up to the next heading, which `line` then is (or the last line). A thread like
// the one before leaves addresses() as they were.
absl::Status ReadStack(LegacyInput& input, LegacyBuilder& builder, absl::string_view& line) {
  std::vector<uint64_t>& addresses = builder.addresses();
  const size_t begin = addresses.size();
  bool same_as_previous = false;
  line = {};
  while (input.Next(line)) {
    line = absl::StripAsciiWhitespace(line);
    if (absl::StartsWith(line, "---")) break;
    if (absl::StrContains(line, "same as previous thread")) {
      same_as_previous = true;
    } else if (!AppendAddresses(line, kOntoCall, addresses)) {
      return input.Malformed("an address has more than 64 bits");
    }
  }
  if (same_as_previous) addresses.resize(begin);
  if (addresses.size() > begin) addresses[begin] -= kOntoCall;  // the leaf is no call
  return absl::OkStatus();
}

}  // namespace

bool IsLegacyThreads(absl::string_view bytes) {
  LineReader lines(bytes);
  absl::string_view line;
  while (lines.Next(line)) {
    if (IsBlankOrComment(line)) continue;
    return IsText(line) && (IsListHeading(line) || IsThreadHeading(line));
  }
  return false;
}

absl::StatusOr<std::shared_ptr<const Profile>> ReadLegacyThreads(absl::string_view bytes,
                                                                 absl::string_view where,
                                                                 Progress* progress) {
  LegacyInput input(bytes, "the thread profile", where, progress);
  absl::string_view line;
  while (input.Next(line) && IsBlankOrComment(line)) {
  }
  if (IsListHeading(line)) {
    while (input.Next(line) && !absl::StartsWith(line, "-") && !IsMemoryMapHeading(line)) {
    }
  }
  LegacyBuilder builder;
  builder.SetSampleTypes({{"thread", "count"}});
  builder.SetPeriod({"thread", "count"}, 1);
  builder.SetInnerFrames(InnerFrames::kCpuProfiler);
  builder.DropRepeatedLeaves();
  while (!IsMemoryMapHeading(line) && !absl::StartsWith(line, "---- no stack trace for")) {
    if (input.cancelled()) break;
    if (!IsThreadHeading(line)) {
      return input.Malformed(
          "expected \"--- Thread ID (name: NAME/NUMBER) stack: ---\" or \"--- Memory map: ---\"");
    }
    const size_t begin = builder.addresses().size();
    const absl::Status status = ReadStack(input, builder, line);
    if (!status.ok()) return status;
    if (builder.addresses().size() > begin) {
      builder.AddSample({1});
    } else if (builder.sample_count() > 0) {
      ++builder.values(builder.sample_count() - 1)[0];
    }
  }
  return builder.Build(input, ReadMapSection(input, line));
}

}  // namespace tidemark::io
