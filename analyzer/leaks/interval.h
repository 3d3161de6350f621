// A 95 % interval, in the unit of what it belongs to.
//
// Thread class: plain value.

#ifndef TIDEMARK_ANALYZER_LEAKS_INTERVAL_H_
#define TIDEMARK_ANALYZER_LEAKS_INTERVAL_H_

namespace tidemark::leaks {

struct Interval {
  double low = 0;
  double high = 0;
  friend bool operator==(const Interval&, const Interval&) = default;
};

}  // namespace tidemark::leaks

#endif  // TIDEMARK_ANALYZER_LEAKS_INTERVAL_H_
