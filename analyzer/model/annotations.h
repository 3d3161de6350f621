// The annotation columns of a Profile: what each stack means to a person. Filled by
// analyzer/classify; read through Profile::annotations() by report, leaks, escape.
//
// Words: the *site* is the innermost user frame, below container, library and
// allocation-wrapper glue. The *container* is what that glue is.

#ifndef TIDEMARK_ANALYZER_MODEL_ANNOTATIONS_H_
#define TIDEMARK_ANALYZER_MODEL_ANNOTATIONS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "analyzer/base/ids.h"

namespace tidemark {

enum class ContainerKind : uint8_t {
  kMap,
  kSet,
  kSlice,
  kString,
  kDeque,
  kList,
  kQueue,
  kObject,
  kBuffer
};
// kRehash: a hash table makes its bucket array anew.
enum class Operation : uint8_t { kUnknown, kCreate, kGrow, kRehash, kInsert, kCopy };
// How it is known.
enum class Evidence : uint8_t { kMeasured, kCompiler, kInferred };

// The words of the JSON contract: "map", "slice"…; "create", "grow"… ("" for kUnknown, "grow"
// for kRehash); "measured", "compiler", "inferred".
const char* Name(ContainerKind kind);
const char* Name(Operation operation);
const char* Name(Evidence evidence);
// The words for people: those of Name, but "rehash" for kRehash.
const char* ShownName(Operation operation);

struct Container {
  ContainerKind kind = ContainerKind::kObject;
  std::string type;     // "std::unordered_map<std::string, Session>"; shortened for people
  std::string element;  // "Session", "std::pair<const int, Session>"; "" unknown
  Operation operation = Operation::kUnknown;
  Evidence evidence = Evidence::kMeasured;  // kInferred: from a growth pattern or a stripped frame
  // One short text for all views: "map<string, Session>"; "slice?" when inferred.
  std::string badge = {};
  friend bool operator==(const Container&, const Container&) = default;
};

// A frame within a stack: which location, and which of its inlined lines.
struct FramePosition {
  uint32_t location = 0;  // index into Profile::stack(id), 0 is the leaf
  uint32_t line = 0;      // index into Profile::lines(location), 0 is the innermost inline
  friend auto operator<=>(const FramePosition&, const FramePosition&) = default;
};

struct Annotations {
  // Indexed by StackId; all empty before classification.
  std::vector<FramePosition> site;     // the innermost user frame; the leaf if there is none
  std::vector<ContainerId> container;  // into `containers`, invalid when none was recognised
  std::vector<Container> containers;   // interned
  bool empty() const { return site.empty(); }
};

}  // namespace tidemark

#endif  // TIDEMARK_ANALYZER_MODEL_ANNOTATIONS_H_
