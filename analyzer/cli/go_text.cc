#include "analyzer/cli/go_text.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace tidemark::cli {
namespace {

// Of the code point that `text` begins with; 1 for what is none, as in Go's unicode/utf8
// (overlong forms, surrogates and numbers above U+10FFFF are none).
size_t RuneBytes(absl::string_view text) {
  const auto byte = [&text](size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u;
  };
  const auto continues = [&byte](size_t i) { return (byte(i) & 0xc0) == 0x80; };
  const unsigned first = byte(0);
  const unsigned second = byte(1);
  if (first < 0xc2 || first > 0xf4) return 1;
  if (first < 0xe0) return continues(1) ? 2 : 1;
  if (!continues(1) || !continues(2)) return 1;
  if (first < 0xf0) {
    const bool overlong = first == 0xe0 && second < 0xa0;
    const bool surrogate = first == 0xed && second >= 0xa0;
    return overlong || surrogate ? 1 : 3;
  }
  const bool overlong = first == 0xf0 && second < 0x90;
  const bool too_large = first == 0xf4 && second >= 0x90;
  return !continues(3) || overlong || too_large ? 1 : 4;
}

// "12.5" of 12500 and 3 decimals: without zeros at the end.
std::string Decimal(uint64_t value, int decimals) {
  std::string fraction;
  for (int i = 0; i < decimals; ++i, value /= 10) {
    const char digit = static_cast<char>('0' + value % 10);
    if (digit != '0' || !fraction.empty()) fraction.push_back(digit);
  }
  std::reverse(fraction.begin(), fraction.end());
  return absl::StrCat(value, fraction.empty() ? "" : ".", fraction);
}

}  // namespace

size_t RuneCount(absl::string_view text) {
  size_t count = 0;
  for (; !text.empty(); ++count) text.remove_prefix(RuneBytes(text));
  return count;
}

std::string PadLeft(absl::string_view text, size_t width) {
  const size_t count = RuneCount(text);
  return absl::StrCat(std::string(width > count ? width - count : 0, ' '), text);
}

absl::string_view FirstRunes(absl::string_view text, size_t count) {
  size_t bytes = 0;
  for (; count > 0 && bytes < text.size(); --count) bytes += RuneBytes(text.substr(bytes));
  return text.substr(0, bytes);
}

std::string GoDuration(int64_t nanoseconds) {
  constexpr uint64_t kSecond = 1000000000;
  const bool negative = nanoseconds < 0;
  const uint64_t value = negative ? uint64_t{0} - static_cast<uint64_t>(nanoseconds)
                                  : static_cast<uint64_t>(nanoseconds);
  const char* const sign = negative ? "-" : "";
  if (value == 0) return "0s";
  if (value < 1000) return absl::StrCat(sign, value, "ns");
  if (value < 1000000) return absl::StrCat(sign, Decimal(value, 3), "µs");
  if (value < kSecond) return absl::StrCat(sign, Decimal(value, 6), "ms");
  std::string text = sign;
  const uint64_t minutes = value / kSecond / 60;
  if (minutes >= 60) absl::StrAppend(&text, minutes / 60, "h");
  if (minutes > 0) absl::StrAppend(&text, minutes % 60, "m");
  absl::StrAppend(&text, Decimal(value % (60 * kSecond), 9), "s");
  return text;
}

}  // namespace tidemark::cli
