// What a container holds, read off the template arguments of its class.
//
// Thread class: pure functions. Allocation class: may allocate.

#ifndef TIDEMARK_ANALYZER_CLASSIFY_CONTAINER_SHAPE_H_
#define TIDEMARK_ANALYZER_CLASSIFY_CONTAINER_SHAPE_H_

#include <vector>

#include "absl/strings/string_view.h"
#include "analyzer/classify/rules.h"
#include "analyzer/model/annotations.h"

namespace tidemark::classify {

// The container that a rule makes of a class's template arguments. Kind, type and element are
// filled; a shape that finds less than it wants leaves type and element shorter or empty.
Container MakeContainer(ContainerKind kind, absl::string_view shown, Shape shape,
                        const std::vector<absl::string_view>& arguments);

}  // namespace tidemark::classify

#endif  // TIDEMARK_ANALYZER_CLASSIFY_CONTAINER_SHAPE_H_
