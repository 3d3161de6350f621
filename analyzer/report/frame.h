// A frame as people and JSON see it: self-contained, strings owned.
//
// Thread class: free functions over a const Profile; any thread. May allocate.

#ifndef TIDEMARK_ANALYZER_REPORT_FRAME_H_
#define TIDEMARK_ANALYZER_REPORT_FRAME_H_

#include <cstdint>
#include <string>
#include <vector>

#include "analyzer/model/profile.h"

namespace tidemark::report {

// The JSON contract's frame. Empty strings and zero numbers mean unknown (null in JSON).
struct Frame {
  std::string function;
  std::string file;
  int64_t line = 0;
  std::string module;  // path of the mapping's file
  std::string build_id;
  uint64_t address = 0;
  uint64_t module_offset = 0;  // of `address` in the module's file; for people, not in JSON
  bool inlined = false;        // true for every line of a location but the outermost
  friend bool operator==(const Frame&, const Frame&) = default;
};

// REQUIRES: position is inside the stack. A location without lines has the one line 0.
Frame MakeFrame(const Profile& profile, StackId stack, FramePosition position);
// All frames of a stack, leaf first, inlined ones included.
std::vector<Frame> MakeFrames(const Profile& profile, StackId stack);
// "function file:line", "function", or "module+0xoffset" / "0xaddress" when unknown.
std::string ToString(const Frame& frame);
// "module+0xoffset" without the module's directory.
std::string ModuleOffsetName(absl::string_view module, uint64_t offset);
// Of an address in the file of its mapping: what `addr2line`, after adding the segment's
// virtual address, and a bug report can use, whatever address space randomization did.
uint64_t ModuleOffset(const Mapping& mapping, uint64_t address);

}  // namespace tidemark::report

#endif  // TIDEMARK_ANALYZER_REPORT_FRAME_H_
