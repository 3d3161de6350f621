// Compressed debug sections, unpacked once for all threads.
//
// libdw would unpack every section of every handle, with zlib, and knows no zstd (before
// elfutils 0.189). Distributions compress all their debug files, and most of the time on
// them went there. Here only the sections that names and lines are in are unpacked, side by
// side, into a file in memory that all handles read.
//
// Thread class: free function; any thread. May allocate.

#ifndef TIDEMARK_ANALYZER_SYMBOLIZE_UNPACKED_ELF_H_
#define TIDEMARK_ANALYZER_SYMBOLIZE_UNPACKED_ELF_H_

#include <libelf.h>

namespace tidemark::symbolize {

// A descriptor, for the caller to close, of a file in memory: the debug sections of `elf`,
// and nothing else of it. -1 when none of them is compressed in the
// standard way (SHF_COMPRESSED), or not all can be unpacked: it is to be read as it is.
int UnpackDebugSections(Elf* elf);

}  // namespace tidemark::symbolize

#endif  // TIDEMARK_ANALYZER_SYMBOLIZE_UNPACKED_ELF_H_
