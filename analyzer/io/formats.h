// The formats a profile may come in, once it is uncompressed: one row each.
//
// Thread class: pure functions. Allocation class: none.

#ifndef TIDEMARK_ANALYZER_IO_FORMATS_H_
#define TIDEMARK_ANALYZER_IO_FORMATS_H_

#include <memory>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "analyzer/base/progress.h"
#include "analyzer/model/profile.h"

namespace tidemark::io {

struct Format {
  // Looks at the beginning only.
  bool (*recognizes)(absl::string_view bytes);
  // As ReadPprof (pprof_reader.h): `where` is for error messages, `progress` may be null.
  absl::StatusOr<std::shared_ptr<const Profile>> (*read)(absl::string_view bytes,
                                                         absl::string_view where,
                                                         Progress* progress);
};

// The first row that recognizes `bytes`; the protobuf if none does.
const Format& FormatOf(absl::string_view bytes);

}  // namespace tidemark::io

#endif  // TIDEMARK_ANALYZER_IO_FORMATS_H_
