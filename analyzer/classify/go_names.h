// What names in Go programs tell: which functions are the program's own, which are the
// standard library's, which of these are containers; and types as people write them.
//
// Thread class: const after construction. Allocation class: may allocate.

#ifndef TIDEMARK_ANALYZER_CLASSIFY_GO_NAMES_H_
#define TIDEMARK_ANALYZER_CLASSIFY_GO_NAMES_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "analyzer/golang/go_binary.h"
#include "analyzer/model/annotations.h"

namespace tidemark::classify {

// "encoding/json" of "encoding/json.(*decodeState).object"; "" of what is no Go function.
std::string GoPackage(absl::string_view function);

// Without type arguments, which are spelled "[...]" or in full: "slices.Grow".
std::string WithoutTypeArguments(absl::string_view function);

// As people write it: "map[string]any", "[]byte", "struct{}", "Pair[string,store.Rec]" without
// the import paths that type arguments have, shapes of generic code as the types they have.
std::string ShortGoType(absl::string_view type);

enum class GoOrigin : uint8_t {
  kUser,     // the program's own code, and that of the modules it uses
  kLibrary,  // the standard library
  kHelper,   // those of its packages that do nothing on their own: strings, fmt, runtime…
};

class GoPackages {
 public:
  // By what is known of the program; nothing is, where there is no build info.
  explicit GoPackages(const golang::BuildInfo& build_info);
  GoOrigin OriginOf(absl::string_view package) const;

 private:
  bool IsUser(absl::string_view package) const;

  std::vector<std::string> modules_;
};

// A container of the standard library.
struct GoContainer {
  absl::string_view name;  // begins those of its functions: "strings.(*Builder)."
  ContainerKind kind;
  absl::string_view type;
};
// The one that `function` belongs to, else null.
const GoContainer* FindGoContainer(absl::string_view function);
// The one that is this struct, "list.Element" of package "container/list", else null.
const GoContainer* FindGoContainerType(absl::string_view package, absl::string_view type);

}  // namespace tidemark::classify

#endif  // TIDEMARK_ANALYZER_CLASSIFY_GO_NAMES_H_
