#include "analyzer/io/legacy_text.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace tidemark::io {
namespace {

bool IsAddressDigit(char c) { return absl::ascii_isdigit(c) || (c >= 'a' && c <= 'f'); }

}  // namespace

LegacyInput::LegacyInput(absl::string_view bytes, absl::string_view what, absl::string_view where,
                         Progress* progress, size_t begin)
    : what_(what), where_(where), progress_(progress), lines_(bytes, begin) {
  if (progress_ != nullptr) progress_->total.store(bytes.size(), std::memory_order_relaxed);
}

bool LegacyInput::Next(absl::string_view& line) {
  return Tick(lines_.offset()) && lines_.Next(line);
}

bool LegacyInput::Tick(size_t offset) {
  if (progress_ == nullptr || ++ticks_ % 4096 != 0) return true;
  progress_->done.store(offset, std::memory_order_relaxed);
  return !cancelled();
}

bool LegacyInput::cancelled() const {
  return progress_ != nullptr && progress_->cancelled.load(std::memory_order_relaxed);
}

void LegacyInput::SetDone() {
  if (progress_ == nullptr) return;
  progress_->done.store(progress_->total.load(std::memory_order_relaxed),
                        std::memory_order_relaxed);
}

absl::Status LegacyInput::Malformed(absl::string_view why, size_t offset) const {
  return absl::DataLossError(absl::StrCat("reading ", what_, ": ", why, " (where: ", where_,
                                          ", byte offset ", offset, ")"));
}

bool IsBlankOrComment(absl::string_view line) {
  line = absl::StripLeadingAsciiWhitespace(line);
  return line.empty() || line.front() == '#';
}

bool IsText(absl::string_view line) {
  return std::none_of(line.begin(), line.end(), [](char c) {
    return absl::ascii_iscntrl(static_cast<unsigned char>(c)) &&
           !absl::ascii_isspace(static_cast<unsigned char>(c));
  });
}

bool ReadGoInt(absl::string_view text, int64_t& out) {
  const bool negative = absl::ConsumePrefix(&text, "-");
  if (!negative) absl::ConsumePrefix(&text, "+");
  int base = 10;
  if (text.size() > 1 && text.front() == '0') {
    const char kind = absl::ascii_tolower(text[1]);
    base = kind == 'x' ? 16 : kind == 'b' ? 2 : 8;
    text.remove_prefix(kind == 'x' || kind == 'b' || kind == 'o' ? 2 : 1);
  }
  uint64_t magnitude = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), magnitude, base);
  if (error != std::errc() || end != text.data() + text.size()) return false;
  const uint64_t limit = uint64_t{1} << 63;
  if (magnitude > limit || (magnitude == limit && !negative)) return false;
  out = static_cast<int64_t>(negative ? ~magnitude + 1 : magnitude);
  return true;
}

absl::string_view TakeDigits(absl::string_view& text) {
  size_t n = 0;
  while (n < text.size() && absl::ascii_isdigit(text[n])) ++n;
  const absl::string_view digits = text.substr(0, n);
  text.remove_prefix(n);
  return digits;
}

absl::string_view AddressList(absl::string_view text) {
  size_t n = 0;
  while (n < text.size() && (text[n] == ' ' || text[n] == 'x' || IsAddressDigit(text[n]))) ++n;
  return text.substr(0, n);
}

bool AppendAddresses(absl::string_view text, uint64_t adjustment, std::vector<uint64_t>& out) {
  for (size_t at = text.find("0x"); at != absl::string_view::npos; at = text.find("0x", at)) {
    at += 2;
    size_t end = at;
    while (end < text.size() && IsAddressDigit(text[end])) ++end;
    if (end == at) continue;
    uint64_t address = 0;
    if (std::from_chars(text.data() + at, text.data() + end, address, 16).ec != std::errc()) {
      return false;
    }
    out.push_back(address + adjustment);
    at = end;
  }
  return true;
}

int64_t WrappingProduct(int64_t a, int64_t b) {
  return static_cast<int64_t>(static_cast<uint64_t>(a) * static_cast<uint64_t>(b));
}

int64_t TruncateToInt64(double v) {
  constexpr double kLimit = 9223372036854775808.0;
  if (v >= -kLimit && v < kLimit) return static_cast<int64_t>(v);
  return std::numeric_limits<int64_t>::min();
}

HeapCounts Unsample(HeapCounts c, int64_t period) {
  if (c.objects == 0 || c.bytes == 0) return {};
  if (period <= 1) return c;
  const double mean_bytes = static_cast<double>(c.bytes) / static_cast<double>(c.objects);
  const double scale = 1 / (1 - std::exp(-mean_bytes / static_cast<double>(period)));
  return {TruncateToInt64(static_cast<double>(c.objects) * scale),
          TruncateToInt64(static_cast<double>(c.bytes) * scale)};
}

int64_t BlockBytes(HeapCounts c) {
  // The one quotient that does not fit, which wraps around in Go.
  return c.objects == -1 ? WrappingProduct(c.bytes, -1) : c.bytes / c.objects;
}

}  // namespace tidemark::io
