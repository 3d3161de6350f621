#include "analyzer/io/legacy_count.h"

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "analyzer/io/legacy_builder.h"
#include "analyzer/io/legacy_text.h"

namespace tidemark::io {
namespace {

bool ReadHeader(absl::string_view line, absl::string_view& name) {
  TextScanner s(line);
  if (!s.Word(name) || !s.Literal(" profile: total ")) return false;
  absl::string_view rest = s.rest();
  return !TakeDigits(rest).empty() && rest.empty();
}

// "COUNT @ 0xADDRESS…", with single blanks, as pprof wants it.
bool ReadSample(absl::string_view line, int64_t& count, LegacyBuilder& builder) {
  const absl::string_view number = TakeDigits(line);
  if (!ReadGoInt(number, count) || !absl::ConsumePrefix(&line, " @") || line.empty()) return false;
  while (!line.empty()) {
    if (!absl::ConsumePrefix(&line, " 0x")) return false;
    const absl::string_view address = line.substr(0, line.find(' '));
    if (address.find_first_not_of("0123456789abcdef") != absl::string_view::npos) return false;
    uint64_t value = 0;
    if (!TextScanner(address).Number(value, 16)) return false;
    builder.addresses().push_back(value + kOntoCall);
    line.remove_prefix(address.size());
  }
  return true;
}

}  // namespace

bool IsLegacyCount(absl::string_view bytes) {
  LineReader lines(bytes);
  absl::string_view line, name;
  while (lines.Next(line)) {
    if (!IsBlankOrComment(line)) return ReadHeader(line, name);
  }
  return false;
}

absl::StatusOr<std::shared_ptr<const Profile>> ReadLegacyCount(absl::string_view bytes,
                                                               absl::string_view where,
                                                               Progress* progress) {
  LegacyInput input(bytes, "the Go profile", where, progress);
  absl::string_view line, name;
  while (input.Next(line) && IsBlankOrComment(line)) {
  }
  if (!ReadHeader(line, name)) {
    return input.Malformed("expected \"NAME profile: total NUMBER\"");
  }
  LegacyBuilder builder;
  builder.SetSampleTypes({{name, "count"}});
  builder.SetPeriod({name, "count"}, 1);
  builder.SetInnerFrames(InnerFrames::kCpuProfiler);
  while (input.Next(line)) {
    if (IsBlankOrComment(line)) continue;
    if (absl::StartsWith(line, "---")) break;
    int64_t count = 0;
    if (!ReadSample(line, count, builder)) {
      return input.Malformed("expected \"COUNT @ 0xADDRESS...\"");
    }
    builder.AddSample({count});
  }
  return builder.Build(input, ReadMapSection(input, line));
}

}  // namespace tidemark::io
