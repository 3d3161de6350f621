#include "analyzer/io/legacy_contention.h"

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "analyzer/io/legacy_builder.h"
#include "analyzer/io/legacy_java.h"
#include "analyzer/io/legacy_text.h"

namespace tidemark::io {
namespace {

struct Header {
  int64_t cycles_per_second = 0;
  int64_t period = 1;
  int64_t duration_ns = 0;
};

// "KEY = VALUE"; false for a key or value that is none of this format's.
bool ReadAttribute(absl::string_view key, absl::string_view value, Header& header) {
  if (key == "cycles/second") return ReadGoInt(value, header.cycles_per_second);
  if (key == "sampling period") return ReadGoInt(value, header.period);
  if (key == "ms since reset") {
    int64_t ms = 0;
    if (!ReadGoInt(value, ms)) return false;
    header.duration_ns = WrappingProduct(ms, 1'000'000);
    return true;
  }
  return key == "discarded samples";
}

// Up to the first line that is no attribute, which `line` then is; empty at the end.
absl::Status ReadHeader(LegacyInput& input, Header& header, absl::string_view& line) {
  while (input.Next(line)) {
    line = absl::StripAsciiWhitespace(line);
    if (IsBlankOrComment(line)) continue;
    const size_t equals = line.find('=');
    if (absl::StartsWith(line, "---") || equals == absl::string_view::npos) {
      return absl::OkStatus();
    }
    if (!ReadAttribute(absl::StripAsciiWhitespace(line.substr(0, equals)),
                       absl::StripAsciiWhitespace(line.substr(equals + 1)), header)) {
      return input.Malformed(
          "expected \"cycles/second\", \"sampling period\", \"ms since reset\" or \"discarded "
          "samples\" and a number");
    }
  }
  line = {};
  return absl::OkStatus();
}

bool HasMagic(absl::string_view line) {
  return absl::StartsWith(line, "--- contentionz ") || absl::StartsWith(line, "--- mutex:") ||
         absl::StartsWith(line, "--- contention:");
}

struct Columns {
  absl::string_view cycles, count;
};

// "CYCLES COUNT @" wherever it begins in a line, and what stands behind it. Of a single
// number the last digit is the count, since pprof reads it so.
bool FindSample(absl::string_view line, Columns& columns, absl::string_view& behind) {
  while (true) {
    const size_t begin = line.find_first_of("0123456789");
    if (begin == absl::string_view::npos) return false;
    line.remove_prefix(begin);
    columns.cycles = TakeDigits(line);
    behind = line;
    while (absl::ConsumePrefix(&behind, " ")) {
    }
    columns.count = TakeDigits(behind);
    if (!columns.count.empty() && absl::ConsumePrefix(&behind, " @")) return true;
    behind = line;
    if (columns.cycles.size() > 1 && absl::ConsumePrefix(&behind, " @")) {
      columns.count = columns.cycles.substr(columns.cycles.size() - 1);
      columns.cycles.remove_suffix(1);
      return true;
    }
  }
}

absl::Status ReadSample(LegacyInput& input, absl::string_view line, const Header& header,
                        LegacyBuilder& builder) {
  Columns columns;
  absl::string_view behind;
  if (!FindSample(line, columns, behind)) {
    return input.Malformed("expected \"CYCLES COUNT @ 0xADDRESS...\"");
  }
  int64_t delay = 0, count = 0;
  if (!TextScanner(columns.cycles).Number(delay) || !TextScanner(columns.count).Number(count)) {
    return input.Malformed("a number has more than 64 bits");
  }
  if (header.period > 0) {
    if (header.cycles_per_second > 0) {
      const double cycles_per_ns = static_cast<double>(header.cycles_per_second) / 1e9;
      delay = TruncateToInt64(static_cast<double>(delay) * static_cast<double>(header.period) /
                              cycles_per_ns);
    }
    count = WrappingProduct(count, header.period);
  }
  if (!AppendAddresses(AddressList(behind), kOntoCall, builder.addresses())) {
    return input.Malformed("an address has more than 64 bits");
  }
  builder.AddSample({count, delay});
  return absl::OkStatus();
}

}  // namespace

bool IsLegacyContention(absl::string_view bytes) {
  LegacyInput input(bytes, "", "", nullptr);
  absl::string_view line;
  if (!input.Next(line) || !HasMagic(line)) return false;
  Header header;
  return ReadHeader(input, header, line).ok() || !IsLegacyJava(bytes);
}

absl::StatusOr<std::shared_ptr<const Profile>> ReadLegacyContention(absl::string_view bytes,
                                                                    absl::string_view where,
                                                                    Progress* progress) {
  LegacyInput input(bytes, "the contention profile", where, progress);
  absl::string_view line;
  if (!input.Next(line) || !HasMagic(line)) {
    return input.Malformed("expected \"--- contentionz\", \"--- mutex:\" or \"--- contention:\"");
  }
  Header header;
  absl::Status status = ReadHeader(input, header, line);
  if (!status.ok()) return status;

  LegacyBuilder builder;
  builder.SetSampleTypes({{"contentions", "count"}, {"delay", "nanoseconds"}});
  builder.SetPeriod({"contentions", "count"}, header.period);
  builder.profile().SetTime(0, header.duration_ns);
  builder.SetInnerFrames(InnerFrames::kLock);
  do {
    line = absl::StripAsciiWhitespace(line);
    if (absl::StartsWith(line, "---")) break;
    if (IsBlankOrComment(line)) continue;
    status = ReadSample(input, line, header, builder);
    if (!status.ok()) return status;
  } while (input.Next(line));
  return builder.Build(input, ReadMapSection(input, line));
}

}  // namespace tidemark::io
