// Reads what heaptrack recorded (heaptrack.PROG.PID.gz or .zst): every allocation and free of
// a run, one line each, as heaptrack_interpret wrote it, file format versions 1 to 3.
//
//   v 10400 3                   heaptrack's version, the format's version
//   X prog --its arguments
//   I 1000 5e298d               page size, pages of memory
//   s 4 main                    string 1: its length, the bytes (version 3)
//   i 7f41870a57b9 2 1 3 1c     instruction pointer 1: address, module, and, as far as known,
//                               function, file and line of the innermost inlined call, then of
//                               the one around it, and so on
//   t 1 0                       trace 1: instruction pointer and the trace of its caller
//   a 11c00 1                   allocation info 0: size in bytes, trace
//   + 0  and  - 0               a block of allocation info 0 was allocated, was freed
//   c 15c                       ms since the start
//   R 65c                       resident pages
//
// Numbers are hexadecimal; references count from 1, 0 means none (allocation infos count
// from 0). A recording may be gigabytes of such lines: it is read as a stream, and memory is
// in proportion to the distinct strings, traces and allocation infos in it.
//
// Thread class: pure functions. Allocation class: may allocate.

#ifndef TIDEMARK_ANALYZER_IO_HEAPTRACK_READER_H_
#define TIDEMARK_ANALYZER_IO_HEAPTRACK_READER_H_

#include <memory>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "analyzer/base/progress.h"
#include "analyzer/io/byte_source.h"
#include "analyzer/model/profile.h"

namespace tidemark::io {

// Whether the (inflated) text starts as heaptrack's recordings do.
bool IsHeaptrack(absl::string_view beginning);

// One sample per allocation info, whose size is the label `bytes`. Sample types: {alloc, inuse,
// peak}_{objects, space} and temporary_objects; peak is when the sum of all live blocks first
// reached its maximum; temporary is what heaptrack_print counts as such: freed while its
// allocation info was the last one allocated from. Leaks are all counted, also those that
// heaptrack_print suppresses. A last line without its end is left out: the program was killed.
//
// kDataLoss with the byte offset in `text`, kInvalidArgument for a recording that was not
// interpreted yet, kUnimplemented for other versions, kResourceExhausted, kCancelled.
// `progress` may be null; it counts text.consumed().
absl::StatusOr<std::shared_ptr<const Profile>> ReadHeaptrack(ByteSource& text,
                                                             absl::string_view where,
                                                             Progress* progress);

}  // namespace tidemark::io

#endif  // TIDEMARK_ANALYZER_IO_HEAPTRACK_READER_H_
