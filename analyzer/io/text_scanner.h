// Takes a line of text apart, from the left. Every function leaves the scanner as it was
// when it returns false.
//
// Thread class: one thread. Allocation class: none.

#ifndef TIDEMARK_ANALYZER_IO_TEXT_SCANNER_H_
#define TIDEMARK_ANALYZER_IO_TEXT_SCANNER_H_

#include <algorithm>
#include <charconv>
#include <cstdint>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/string_view.h"

namespace tidemark::io {

class TextScanner {
 public:
  explicit TextScanner(absl::string_view text) : rest_(text) {}

  absl::string_view rest() const { return rest_; }

  // Any number of blanks, also none.
  void SkipBlanks() {
    while (!rest_.empty() && absl::ascii_isspace(rest_.front())) rest_.remove_prefix(1);
  }

  bool Literal(absl::string_view word) {
    if (!absl::StartsWith(rest_, word)) return false;
    rest_.remove_prefix(word.size());
    return true;
  }

  // False also for a number that does not fit.
  template <typename Int>
  bool Number(Int& out, int base = 10) {
    const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), out, base);
    if (error != std::errc()) return false;
    rest_.remove_prefix(static_cast<size_t>(end - rest_.data()));
    return true;
  }

  // Up to the next blank; false at the end.
  bool Word(absl::string_view& out) {
    size_t n = 0;
    while (n < rest_.size() && !absl::ascii_isspace(rest_[n])) ++n;
    if (n == 0) return false;
    out = rest_.substr(0, n);
    rest_.remove_prefix(n);
    return true;
  }

 private:
  absl::string_view rest_;
};

// The lines of a text, without their ends ("\n" or "\r\n"), and where they stand.
class LineReader {
 public:
  // Reads from `begin` on.
  explicit LineReader(absl::string_view text, size_t begin = 0)
      : text_(text), next_(begin), offset_(begin) {}

  bool Next(absl::string_view& line) {
    if (next_ >= text_.size()) return false;
    offset_ = next_;
    const size_t end = std::min(text_.find('\n', next_), text_.size());
    line = text_.substr(next_, end - next_);
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    next_ = end + 1;
    return true;
  }
  // The line read last is the next one again.
  void Unread() { next_ = offset_; }

  // Of the line read last.
  size_t offset() const { return offset_; }
  // Whether that line ends where the text does, without "\n".
  bool is_cut() const { return next_ > text_.size(); }

 private:
  absl::string_view text_;
  size_t next_;
  size_t offset_;
};

}  // namespace tidemark::io

#endif  // TIDEMARK_ANALYZER_IO_TEXT_SCANNER_H_
