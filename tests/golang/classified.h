// A Go program's own profile, classified with the program, as rows that can be compared with
// what its source says.

#ifndef TIDEMARK_TESTS_GOLANG_CLASSIFIED_H_
#define TIDEMARK_TESTS_GOLANG_CLASSIFIED_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "analyzer/model/profile.h"

namespace tidemark {

struct ClassifiedRow {
  std::string function;  // the site's
  std::string file;      // its last part
  int64_t line = 0;
  std::string kind;  // "" none
  std::string type;  // "" unknown
  std::string operation;
  int64_t bytes = 0;
};

// `program`: "" when it is not there.
std::shared_ptr<const Profile> ClassifiedProfile(const std::string& profile,
                                                 const std::string& program);
// One for each sample with a value of this type.
std::vector<ClassifiedRow> RowsOf(const Profile& profile, const std::string& sample_type);

// Of the rows' bytes, in per cent.
struct Shares {
  double kind = 0;
  double type = 0;
};
Shares SharesOf(const std::vector<ClassifiedRow>& rows);

// "store.go:14 map | map[string]int | insert", for messages.
std::string ToString(const ClassifiedRow& row);

}  // namespace tidemark

#endif  // TIDEMARK_TESTS_GOLANG_CLASSIFIED_H_
