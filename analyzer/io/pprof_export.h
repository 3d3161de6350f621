// Writes a Profile as pprof protobuf.

#ifndef TIDEMARK_ANALYZER_IO_PPROF_EXPORT_H_
#define TIDEMARK_ANALYZER_IO_PPROF_EXPORT_H_

#include <string>

#include "analyzer/io/write_file.h"
#include "analyzer/model/profile.h"

namespace tidemark::io {

enum class Compression { kNone, kGzip };

// Annotations are not part of the format.
std::string ToPprof(const Profile& profile, Compression compression);

}  // namespace tidemark::io

#endif  // TIDEMARK_ANALYZER_IO_PPROF_EXPORT_H_
