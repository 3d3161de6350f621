#include "analyzer/io/legacy_java.h"

#include <string>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "analyzer/io/legacy_text.h"

namespace tidemark::io {
namespace {

constexpr int64_t kHeapPeriod = 524288;  // mean bytes between samples, always

enum class Kind { kNone, kHeap, kContention };

struct Header {
  Kind kind = Kind::kNone;
  std::string unit;  // of the second value; empty: not said
  bool has_period = false;
  int64_t period = 0;
  int64_t duration_ns = 0;
};

Kind KindOf(absl::string_view line) {
  line = absl::StripAsciiWhitespace(line);
  if (line == "--- heapz 1 ---") return Kind::kHeap;
  if (line == "--- contentionz 1 ---") return Kind::kContention;
  return Kind::kNone;
}

// The first "KEY=VALUE" in a line, of letters, digits, "_" and blanks.
bool FindAttribute(absl::string_view line, absl::string_view& key, absl::string_view& value) {
  const auto belongs = [](char c) { return absl::ascii_isalnum(c) || c == '_' || c == ' '; };
  for (size_t equals = line.find('='); equals != absl::string_view::npos;
       equals = line.find('=', equals + 1)) {
    size_t begin = equals, end = equals + 1;
    while (begin > 0 && belongs(line[begin - 1])) --begin;
    while (end < line.size() && belongs(line[end])) ++end;
    if (begin == equals || end == equals + 1) continue;
    key = absl::StripAsciiWhitespace(line.substr(begin, equals - begin));
    value = absl::StripAsciiWhitespace(line.substr(equals + 1, end - equals - 1));
    return true;
  }
  return false;
}

bool ReadAttribute(absl::string_view key, absl::string_view value, Header& header) {
  if (key == "format") return value == "java";
  if (key == "resolution") {
    header.unit = std::string(value);
    return true;
  }
  if (header.kind != Kind::kContention) return false;
  if (key == "sampling period") {
    header.has_period = true;
    return ReadGoInt(value, header.period);
  }
  int64_t ms = 0;
  if (key != "ms since reset" || !ReadGoInt(value, ms)) return false;
  header.duration_ns = WrappingProduct(ms, 1'000'000);
  return true;
}

// The first line and the attributes; the next line is the first that is none.
absl::Status ReadHeader(LegacyInput& input, Header& header) {
  absl::string_view line, key, value;
  if (!input.Next(line) || (header.kind = KindOf(line)) == Kind::kNone) {
    return input.Malformed("expected \"--- heapz 1 ---\" or \"--- contentionz 1 ---\"");
  }
  while (input.Next(line)) {
    line = absl::StripAsciiWhitespace(line);
    const bool blank = line.empty();
    if (input.lines().is_cut() || (!blank && !FindAttribute(line, key, value))) {
      input.lines().Unread();
      break;
    }
    if (!blank && !ReadAttribute(key, value, header)) {
      return input.Malformed(absl::StrCat(
          "expected \"format = java\", \"resolution = UNIT\"",
          header.kind == Kind::kContention ? ", \"sampling period\" or \"ms since reset\"" : ""));
    }
  }
  if (header.unit.empty()) return input.Malformed("expected \"resolution = UNIT\"");
  return absl::OkStatus();
}

// "SECOND FIRST @ 0xNUMBER…" wherever it begins in a line.
bool FindSample(absl::string_view line, absl::string_view& second, absl::string_view& first,
                absl::string_view& frames) {
  const auto take_spaces = [](absl::string_view& text) {
    const size_t before = text.size();
    while (absl::ConsumePrefix(&text, " ")) {
    }
    return text.size() != before;
  };
  while (true) {
    const size_t begin = line.find_first_of("0123456789");
    if (begin == absl::string_view::npos) return false;
    line.remove_prefix(begin);
    second = TakeDigits(line);
    absl::string_view rest = line;
    if (!take_spaces(rest)) continue;
    first = TakeDigits(rest);
    if (first.empty() || !take_spaces(rest) || !absl::ConsumePrefix(&rest, "@")) continue;
    if (!take_spaces(rest)) continue;
    frames = AddressList(rest);
    return true;
  }
}

absl::Status AddSample(LegacyInput& input, const Header& header, absl::string_view first,
                       absl::string_view second, StringId bytes_key, LegacyBuilder& builder) {
  HeapCounts counts;
  if (!ReadGoInt(first, counts.objects) || !ReadGoInt(second, counts.bytes)) {
    return input.Malformed("expected two numbers of at most 63 bits, octal behind a 0");
  }
  if (header.kind == Kind::kContention) {
    const int64_t period = header.period != 0 ? header.period : 1;
    builder.AddSample(
        {WrappingProduct(counts.objects, period), WrappingProduct(counts.bytes, period)});
    return absl::OkStatus();
  }
  if (counts.objects == 0) return input.Malformed("blocks in use: 0 objects");
  const Label size{.key = bytes_key, .num = BlockBytes(counts)};
  counts = Unsample(counts, kHeapPeriod);
  builder.AddSample({counts.objects, counts.bytes}, {size});
  return absl::OkStatus();
}

absl::Status ReadSamples(LegacyInput& input, const Header& header, LegacyBuilder& builder) {
  const StringId bytes_key = builder.profile().AddString("bytes");
  absl::string_view line, second, first, frames;
  while (input.Next(line)) {
    line = absl::StripAsciiWhitespace(line);
    if (input.lines().is_cut() || (!line.empty() && !FindSample(line, second, first, frames))) {
      input.lines().Unread();
      break;
    }
    if (line.empty()) continue;
    if (!AppendAddresses(frames, 0, builder.addresses())) {
      return input.Malformed("a frame's number has more than 64 bits");
    }
    const absl::Status status = AddSample(input, header, first, second, bytes_key, builder);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

struct FrameText {
  absl::string_view function, file;
  int64_t line = 0;
};

// The last part of a path.
absl::string_view BaseName(absl::string_view path) {
  if (path.empty()) return ".";
  while (path.size() > 1 && path.back() == '/') path.remove_suffix(1);
  const size_t slash = path.rfind('/');
  return slash == absl::string_view::npos || path.size() == 1 ? path : path.substr(slash + 1);
}

// "FUNCTION (FILE:LINE)"
bool ReadFileLine(absl::string_view text, FrameText& out) {
  if (!absl::ConsumeSuffix(&text, ")")) return false;
  size_t digits = text.size();
  while (digits > 0 && absl::ascii_isdigit(text[digits - 1])) --digits;
  if (digits == text.size()) return false;
  const absl::string_view number = text.substr(digits);
  const bool negative = digits > 0 && text[digits - 1] == '-';
  if (negative) --digits;
  if (digits == 0 || text[digits - 1] != ':') return false;
  text = text.substr(0, digits - 1);
  for (size_t open = text.rfind('('); open != absl::string_view::npos && open > 0;
       open = text.rfind('(', open - 1)) {
    if (!absl::ascii_isspace(text[open - 1]) || open + 1 == text.size()) continue;
    out.function = text.substr(0, open - 1);
    out.file = text.substr(open + 1);
    if (negative || !TextScanner(number).Number(out.line)) out.line = 0;
    return true;
  }
  return false;
}

// "FUNCTION (PATH)"
bool ReadPath(absl::string_view text, FrameText& out) {
  if (!absl::ConsumeSuffix(&text, ")")) return false;
  for (size_t open = text.rfind('('); open != absl::string_view::npos && open > 0;
       open = text.rfind('(', open - 1)) {
    if (!absl::ascii_isspace(text[open - 1])) continue;
    out.function = text.substr(0, open - 1);
    out.file = BaseName(text.substr(open + 1));
    return true;
  }
  return false;
}

FrameText ReadFrameText(absl::string_view text) {
  FrameText out;
  if (ReadFileLine(text, out) || ReadPath(text, out)) return out;
  // Other words are names too: "GC", "VM".
  out.function = absl::StrContains(text, "generated stub/JIT") ? "STUB" : text;
  return out;
}

}  // namespace

absl::Status ReadJavaLines(LegacyInput& input, LegacyBuilder& builder) {
  const absl::flat_hash_set<uint64_t> used(builder.addresses().begin(), builder.addresses().end());
  absl::flat_hash_map<uint64_t, Line> lines;
  absl::flat_hash_map<std::string, FunctionId> functions;  // a name keeps its first file
  absl::string_view line;
  while (input.Next(line)) {
    absl::string_view text = absl::StripAsciiWhitespace(line);
    if (!absl::ConsumePrefix(&text, "0x")) continue;
    size_t digits = 0;
    while (digits < text.size() && absl::ascii_isxdigit(text[digits])) ++digits;
    if (digits == 0 || digits == text.size() || !absl::ascii_isspace(text[digits])) continue;
    uint64_t number = 0;
    if (!TextScanner(text).Number(number, 16)) {
      return input.Malformed("a frame's number has more than 64 bits");
    }
    if (!used.contains(number)) continue;
    const FrameText frame = ReadFrameText(absl::StripLeadingAsciiWhitespace(text.substr(digits)));
    const auto [it, inserted] = functions.try_emplace(std::string(frame.function));
    if (inserted) {
      const StringId name = builder.profile().AddString(frame.function);
      it->second = builder.profile().AddFunction(
          {.name = name, .system_name = name, .filename = builder.profile().AddString(frame.file)});
    }
    lines[number] = {.function = it->second, .line = frame.line};
  }
  builder.SetLines(std::move(lines));
  return absl::OkStatus();
}

bool IsLegacyJava(absl::string_view bytes) {
  LegacyInput input(bytes, "", "", nullptr);
  absl::string_view line;
  if (!input.Next(line)) return false;
  if (KindOf(line) != Kind::kContention) return KindOf(line) == Kind::kHeap;
  LegacyInput again(bytes, "", "", nullptr);
  Header header;
  return ReadHeader(again, header).ok();
}

absl::StatusOr<std::shared_ptr<const Profile>> ReadLegacyJava(absl::string_view bytes,
                                                              absl::string_view where,
                                                              Progress* progress) {
  LegacyInput input(bytes, "the Java profile", where, progress);
  Header header;
  absl::Status status = ReadHeader(input, header);
  if (!status.ok()) return status;
  LegacyBuilder builder;
  if (header.kind == Kind::kHeap) {
    builder.SetSampleTypes({{"inuse_objects", "count"}, {"inuse_space", header.unit}});
    builder.SetInnerFrames(InnerFrames::kAllocator);
  } else {
    builder.SetSampleTypes({{"contentions", "count"}, {"delay", header.unit}});
    builder.SetInnerFrames(InnerFrames::kLock);
    if (header.has_period) builder.SetPeriod({"contentions", "count"}, header.period);
    builder.profile().SetTime(0, header.duration_ns);
  }
  status = ReadSamples(input, header, builder);
  if (!status.ok()) return status;
  status = ReadJavaLines(input, builder);
  if (!status.ok()) return status;
  return builder.Build(input, {});
}

}  // namespace tidemark::io
