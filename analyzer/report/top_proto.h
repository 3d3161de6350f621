// The rows of top as a profile: pprof's -topproto.
//
// Thread class: a free function; any thread. May allocate.

#ifndef TIDEMARK_ANALYZER_REPORT_TOP_PROTO_H_
#define TIDEMARK_ANALYZER_REPORT_TOP_PROTO_H_

#include <memory>

#include "absl/status/statusor.h"
#include "analyzer/model/profile.h"
#include "analyzer/report/selection.h"

namespace tidemark::report {

// One sample for each row, of one location, in top's order and as top is trimmed; its values
// are "cum" and "flat", whole numbers in the unit that the options name (with "minimum": in
// the one that a table would show).
absl::StatusOr<std::shared_ptr<const Profile>> TopProto(const Selection& selection);

}  // namespace tidemark::report

#endif  // TIDEMARK_ANALYZER_REPORT_TOP_PROTO_H_
