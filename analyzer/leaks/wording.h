// Numbers inside sentences, the same in reasons and advice.
//
// Thread class: pure functions. Allocation class: may allocate.

#ifndef TIDEMARK_ANALYZER_LEAKS_WORDING_H_
#define TIDEMARK_ANALYZER_LEAKS_WORDING_H_

#include <string>

namespace tidemark::leaks {

std::string Bytes(double bytes);           // "41MB"
std::string Seconds(double seconds);       // "10mins"; whole seconds
std::string Nanoseconds(double duration);  // "1.05ms"
std::string Share(double share);           // 0.98 is "98 %"
// What an estimate is worth: three digits. "873", "120k", "1.20M".
std::string Count(double count);

// The unit of time in which a rate of bytes is easy to read.
struct PerTime {
  double seconds;
  const char* name;  // "min"
};
PerTime UnitOf(double bytes_per_s);
std::string Rate(double bytes_per_s);  // "1.20MB/min"

}  // namespace tidemark::leaks

#endif  // TIDEMARK_ANALYZER_LEAKS_WORDING_H_
