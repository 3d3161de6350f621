// What the legacy profile formats that are text have in common: their lines with progress,
// cancellation and errors, and their numbers, as Go's library reads them.
//
// Thread class: one thread; pure functions. Allocation class: may allocate.

#ifndef TIDEMARK_ANALYZER_IO_LEGACY_TEXT_H_
#define TIDEMARK_ANALYZER_IO_LEGACY_TEXT_H_

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "analyzer/base/progress.h"
#include "analyzer/io/text_scanner.h"

namespace tidemark::io {

// The lines of an input from `begin` on. `what` ("the heap profile") and `where` are for
// error messages; `progress` may be null, and its counts are set.
class LegacyInput {
 public:
  LegacyInput(absl::string_view bytes, absl::string_view what, absl::string_view where,
              Progress* progress, size_t begin = 0);

  // False at the end, and once the reading is cancelled.
  bool Next(absl::string_view& line);
  // For what is no text: notes now and then that all before `offset` is read. False once
  // the reading is cancelled.
  bool Tick(size_t offset);
  bool cancelled() const;
  void SetDone();

  LineReader& lines() { return lines_; }

  // kDataLoss at the line read last.
  absl::Status Malformed(absl::string_view why) const { return Malformed(why, lines_.offset()); }
  absl::Status Malformed(absl::string_view why, size_t offset) const;

 private:
  const absl::string_view what_;
  const absl::string_view where_;
  Progress* const progress_;
  LineReader lines_;
  uint32_t ticks_ = 0;
};

bool IsBlankOrComment(absl::string_view line);

// Whether a line has no control characters. What is looked for anywhere in a line may stand
// in a protobuf too, whose "lines" have them.
bool IsText(absl::string_view line);

// A whole text as a number the way Go writes them: "0x1f", "0b11", "0o17" and "017" are 31,
// 3, 15 and 15. False for anything else, and for what does not fit.
bool ReadGoInt(absl::string_view text, int64_t& out);

// The digits at the front of `text`, which are removed from it; maybe none.
absl::string_view TakeDigits(absl::string_view& text);

// A list of addresses ends at the first character that is none of " x0-9a-f".
absl::string_view AddressList(absl::string_view text);

// Appends each address (0x…, lower case) in `text`, whatever stands between them, plus
// `adjustment`. False when one has more than 64 bits.
bool AppendAddresses(absl::string_view text, uint64_t adjustment, std::vector<uint64_t>& out);

// An adjustment that puts a return address on its call instruction.
constexpr uint64_t kOntoCall = ~uint64_t{0};

// For what may overflow in a hostile file: two's complement, as Go multiplies.
int64_t WrappingProduct(int64_t a, int64_t b);
// Truncated; beyond 64 bits as on x86-64, where pprof gets the smallest number.
int64_t TruncateToInt64(double v);

struct HeapCounts {
  int64_t objects = 0;
  int64_t bytes = 0;
};
// What was sampled once in `period` bytes on average stands for: a block of size a is
// sampled with probability 1 - exp(-a / period), and all blocks of a line are taken to be
// of the mean size. Nothing is scaled when period <= 1.
HeapCounts Unsample(HeapCounts c, int64_t period);
// Mean size of a block. REQUIRES: c.objects != 0.
int64_t BlockBytes(HeapCounts c);

}  // namespace tidemark::io

#endif  // TIDEMARK_ANALYZER_IO_LEGACY_TEXT_H_
