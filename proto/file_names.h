// The names of Tidemark's files, made here for the library and for `tidemark` alike.
//
//   state files    PID.PROCESSID.state
//   profiles       COMM.PID.PROCESSID.SEQ.pb.gz
//
// PID is decimal, PROCESSID 16 lower-case hexadecimal digits, COMM the kernel's name of
// the process with bytes that a file name should not have replaced by '_', SEQ the
// smallest number from 1 that is free in the directory, at least 4 digits.
//
// Malloc-safe, signal-safe, freestanding.

#ifndef TIDEMARK_PROTO_FILE_NAMES_H_
#define TIDEMARK_PROTO_FILE_NAMES_H_

#include <cstdint>

namespace tidemark {

inline constexpr uint64_t kMaxFileNameBytes = 96;  // with the NUL; either kind fits

// Appends to a caller's buffer of at least kMaxFileNameBytes.
class FileNameText {
 public:
  explicit FileNameText(char* to) : at_(to) {}
  void Text(const char* s) {
    while (*s != 0) *at_++ = *s++;
  }
  void Decimal(uint64_t v, int min_digits) {
    char digits[20];
    int n = 0;
    do {
      digits[n++] = static_cast<char>('0' + v % 10);
      v /= 10;
    } while (v != 0);
    for (int i = n; i < min_digits; ++i) *at_++ = '0';
    while (n > 0) *at_++ = digits[--n];
  }
  void Hex16(uint64_t v) {
    for (int shift = 60; shift >= 0; shift -= 4) *at_++ = "0123456789abcdef"[(v >> shift) & 15];
  }
  // At most 16 bytes of `comm`, up to its NUL.
  void Comm(const char* comm) {
    if (comm[0] == 0 || comm[0] == '.') *at_++ = '_';
    for (int i = comm[0] == '.' ? 1 : 0; i < 16 && comm[i] != 0; ++i) {
      const char c = comm[i];
      const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                         (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '+' || c == '.';
      *at_++ = plain ? c : '_';
    }
  }
  void End() { *at_ = 0; }

 private:
  char* at_;
};

inline void StateFileName(char* to, uint32_t pid, uint64_t process_id) {
  FileNameText text(to);
  text.Decimal(pid, 1);
  text.Text(".");
  text.Hex16(process_id);
  text.Text(".state");
  text.End();
}

inline void ProfileFileName(char* to, const char* comm, uint32_t pid, uint64_t process_id,
                            uint32_t sequence) {
  FileNameText text(to);
  text.Comm(comm);
  text.Text(".");
  text.Decimal(pid, 1);
  text.Text(".");
  text.Hex16(process_id);
  text.Text(".");
  text.Decimal(sequence, 4);
  text.Text(".pb.gz");
  text.End();
}

}  // namespace tidemark

#endif  // TIDEMARK_PROTO_FILE_NAMES_H_
