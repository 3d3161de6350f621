#include "analyzer/cli/quantities.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace tidemark::cli {

std::optional<uint64_t> ParseBytes(absl::string_view text) {
  constexpr absl::string_view kUnits = "KMG";
  constexpr uint64_t kLimit = uint64_t{1} << 40;
  unsigned shift = 0;
  if (!text.empty()) {
    const size_t unit = kUnits.find(absl::ascii_toupper(static_cast<unsigned char>(text.back())));
    if (unit != absl::string_view::npos) {
      shift = 10 * static_cast<unsigned>(unit + 1);
      text.remove_suffix(1);
    }
  }
  uint64_t number = 0;
  const bool parsed =
      std::all_of(text.begin(), text.end(), absl::ascii_isdigit) && absl::SimpleAtoi(text, &number);
  if (!parsed || number < 1 || number > kLimit >> shift) return std::nullopt;
  return number << shift;
}

std::optional<int64_t> ParseSize(absl::string_view text) {
  constexpr absl::string_view kUnits = "KMGT";
  const std::string upper = absl::AsciiStrToUpper(text);
  absl::string_view number = upper;
  if (absl::ConsumeSuffix(&number, "IB")) {
    // "1IB" is no unit: one of the letters must stand before it.
    if (number.empty() || kUnits.find(number.back()) == absl::string_view::npos) return {};
  } else {
    absl::ConsumeSuffix(&number, "B");
  }
  unsigned shift = 0;
  if (!number.empty()) {
    const size_t unit = kUnits.find(number.back());
    if (unit != absl::string_view::npos) {
      shift = 10 * static_cast<unsigned>(unit + 1);
      number.remove_suffix(1);
    }
  }
  const bool is_number =
      !number.empty() && std::all_of(number.begin(), number.end(), [](unsigned char c) {
        return absl::ascii_isdigit(c) || c == '.';
      });
  double value = 0;
  if (!is_number || !absl::SimpleAtod(number, &value)) return std::nullopt;
  value = std::ldexp(value, static_cast<int>(shift));
  if (!(value >= 1) || value > std::ldexp(1, 60)) return std::nullopt;
  return std::llround(value);
}

std::string CheckBytes(const std::string& text) {
  if (ParseBytes(text).has_value()) return "";
  return absl::StrCat("\"", text, "\" is not a number of bytes from 1 to 1024G");
}

std::string CheckSize(const std::string& text) {
  if (ParseSize(text).has_value()) return "";
  return absl::StrCat("\"", text, "\" is no amount of memory such as 500M or 4GiB");
}

std::string CheckRate(const std::string& text) {
  if (text == "exact" || ParseBytes(text).has_value()) return "";
  return absl::StrCat("\"", text, "\" is neither a number of bytes from 1 to 1024G nor exact");
}

std::string CheckInterval(const std::string& text) {
  double seconds = 0;
  if (absl::SimpleAtod(text, &seconds) && seconds >= 0.01 && seconds <= 1e6) return "";
  return absl::StrCat("\"", text, "\" is not a number of seconds from 0.01 to 1000000");
}

std::string CheckChildren(const std::string& text) {
  constexpr size_t kMaxFileName = 255;
  const bool fits = !text.empty() && text.size() <= kMaxFileName &&
                    std::none_of(text.begin(), text.end(), [](unsigned char c) {
                      return c == '/' || absl::ascii_iscntrl(c);
                    });
  if (fits) return "";
  return absl::StrCat("\"", text, "\" is neither all, none nor a pattern of program names without ",
                      "a directory, such as worker*");
}

Check CheckWhole(int64_t least, int64_t most) {
  return [least, most](const std::string& text) -> std::string {
    int64_t value = 0;
    if (absl::SimpleAtoi(text, &value) && value >= least && value <= most) return "";
    return absl::StrCat("\"", text, "\" is no whole number from ", least,
                        most == INT64_MAX ? " up" : absl::StrCat(" to ", most));
  };
}

Check CheckNumber(double least, double most) {
  return [least, most](const std::string& text) -> std::string {
    double value = 0;
    if (absl::SimpleAtod(text, &value) && value >= least && value <= most) return "";
    return absl::StrCat("\"", text, "\" is no number from ", least, " to ", most);
  };
}

}  // namespace tidemark::cli
