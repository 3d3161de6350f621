// Every sample with its stack: pprof's -traces, one row for each sample that the filters keep.
//
// Thread class: immutable after construction; any thread. May allocate (constructor; ForEach
// only a buffer of one stack's frames).

#ifndef TIDEMARK_ANALYZER_REPORT_TRACES_H_
#define TIDEMARK_ANALYZER_REPORT_TRACES_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/types/span.h"
#include "analyzer/model/profile.h"
#include "analyzer/report/node_table.h"
#include "analyzer/report/selection.h"

namespace tidemark::report {

struct TraceFrame {
  LocationId location;
  // Index into Selection::filtered().lines(location); 0 for a location without lines.
  uint32_t line = 0;
  uint32_t node = 0;  // of Traces::nodes()
  bool inlined = false;
};

struct Trace {
  size_t sample = 0;
  absl::Span<const TraceFrame> frames;  // leaf first; never empty
  absl::Span<const Label> labels;       // those that are shown, values of a key in their order
};

class Traces {
 public:
  // `selection` must remain live.
  explicit Traces(const Selection& selection);

  // The names of frames at the selection's granularity.
  const NodeTable& nodes() const { return nodes_; }

  // Calls `visit` for each trace in the profile's order until it returns false. The spans are
  // valid during the call. Samples whose stack the filters emptied have no trace.
  void ForEach(absl::FunctionRef<bool(const Trace&)> visit) const;

 private:
  const Selection& selection_;
  NodeTable nodes_;
  LocationNodes location_nodes_;
};

}  // namespace tidemark::report

#endif  // TIDEMARK_ANALYZER_REPORT_TRACES_H_
