// Text in caller-provided buffers: what stands in for snprintf, which may allocate.
//
// Malloc-safe, signal-safe. Appending beyond the end is remembered, never done.

#ifndef TIDEMARK_PROFILER_PRELOAD_TEXT_H_
#define TIDEMARK_PROFILER_PRELOAD_TEXT_H_

#include <stddef.h>
#include <stdint.h>

namespace tidemark::preload {

class TextBuffer {
 public:
  template <size_t N>
  explicit TextBuffer(char (&to)[N]) : to_(to), size_(N) {
    to_[0] = '\0';
  }

  TextBuffer& Add(const char* s) {
    while (*s != '\0') AddChar(*s++);
    return *this;
  }
  TextBuffer& AddChar(char c) {
    if (used_ + 1 >= size_) {
      overflowed_ = true;
      return *this;
    }
    to_[used_++] = c;
    to_[used_] = '\0';
    return *this;
  }
  TextBuffer& AddDecimal(uint64_t v) {
    char digits[20];
    int n = 0;
    do {
      digits[n++] = static_cast<char>('0' + v % 10);
      v /= 10;
    } while (v != 0);
    while (n > 0) AddChar(digits[--n]);
    return *this;
  }
  TextBuffer& AddHex(uint64_t v) {  // 16 digits
    for (int shift = 60; shift >= 0; shift -= 4) AddChar("0123456789abcdef"[v >> shift & 15]);
    return *this;
  }

  size_t size() const { return used_; }
  bool overflowed() const { return overflowed_; }

 private:
  char* to_;
  size_t size_;
  size_t used_ = 0;
  bool overflowed_ = false;
};

}  // namespace tidemark::preload

#endif  // TIDEMARK_PROFILER_PRELOAD_TEXT_H_
