#include "analyzer/classify/go_names.h"

#include <algorithm>
#include <cctype>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

namespace tidemark::classify {
namespace {

// The standard library's top folders. A module may be called like one; build info tells.
constexpr absl::string_view kLibraryRoots[] = {
    "archive", "arena",    "bufio",   "bytes",   "cmp",      "compress", "container", "context",
    "crypto",  "database", "debug",   "embed",   "encoding", "errors",   "expvar",    "flag",
    "fmt",     "go",       "hash",    "html",    "image",    "index",    "internal",  "io",
    "iter",    "log",      "maps",    "math",    "mime",     "net",      "os",        "path",
    "plugin",  "reflect",  "regexp",  "runtime", "slices",   "sort",     "strconv",   "strings",
    "structs", "sync",     "syscall", "testing", "text",     "time",     "unicode",   "unique",
    "unsafe",  "vendor",   "weak",
};

constexpr absl::string_view kHelperRoots[] = {
    "bufio",  "bytes",    "cmp",     "compress", "container", "encoding", "errors", "fmt",
    "hash",   "internal", "io",      "iter",     "maps",      "math",     "path",   "reflect",
    "regexp", "runtime",  "slices",  "sort",     "strconv",   "strings",  "sync",   "syscall",
    "text",   "time",     "unicode", "unique",   "unsafe",    "weak",
};

constexpr GoContainer kContainers[] = {
    {"strings.(*Builder).", ContainerKind::kString, "strings.Builder"},
    {"bytes.(*Buffer).", ContainerKind::kBuffer, "bytes.Buffer"},
    {"bytes.growSlice", ContainerKind::kBuffer, "bytes.Buffer"},
    {"bytes.NewBuffer", ContainerKind::kBuffer, "bytes.Buffer"},
    {"bufio.(*Reader).", ContainerKind::kBuffer, "bufio.Reader"},
    {"bufio.NewReader", ContainerKind::kBuffer, "bufio.Reader"},
    {"bufio.(*Writer).", ContainerKind::kBuffer, "bufio.Writer"},
    {"bufio.NewWriter", ContainerKind::kBuffer, "bufio.Writer"},
    {"bufio.(*Scanner).", ContainerKind::kBuffer, "bufio.Scanner"},
    {"bufio.NewScanner", ContainerKind::kBuffer, "bufio.Scanner"},
    {"container/list.", ContainerKind::kList, "list.List"},
    {"container/ring.", ContainerKind::kList, "ring.Ring"},
    {"sync.(*Map).", ContainerKind::kMap, "sync.Map"},
    {"internal/sync.(*HashTrieMap", ContainerKind::kMap, "sync.HashTrieMap"},
    {"internal/sync.newIndirectNode", ContainerKind::kMap, "sync.HashTrieMap"},
    {"internal/sync.newEntryNode", ContainerKind::kMap, "sync.HashTrieMap"},
};

struct ContainerType {
  absl::string_view package;
  absl::string_view type;
  GoContainer container;
};
constexpr ContainerType kContainerTypes[] = {
    {"strings", "strings.Builder", {"", ContainerKind::kString, "strings.Builder"}},
    {"bytes", "bytes.Buffer", {"", ContainerKind::kBuffer, "bytes.Buffer"}},
    {"bufio", "bufio.Reader", {"", ContainerKind::kBuffer, "bufio.Reader"}},
    {"bufio", "bufio.Writer", {"", ContainerKind::kBuffer, "bufio.Writer"}},
    {"bufio", "bufio.Scanner", {"", ContainerKind::kBuffer, "bufio.Scanner"}},
    {"container/list", "list.List", {"", ContainerKind::kList, "list.List"}},
    {"container/list", "list.Element", {"", ContainerKind::kList, "list.List"}},
    {"container/ring", "ring.Ring", {"", ContainerKind::kList, "ring.Ring"}},
    {"sync", "sync.Map", {"", ContainerKind::kMap, "sync.Map"}},
};

absl::string_view Root(absl::string_view package) { return package.substr(0, package.find('/')); }

bool IsPathCharacter(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
         absl::StrContains("/._-~%@+", absl::string_view(&c, 1)) ||
         static_cast<unsigned char>(c) >= 0x80;
}

// "main.Pair[string,example.com/store.Rec]": words lose what is before their last slash.
std::string WithoutImportPaths(absl::string_view type) {
  std::string result;
  while (!type.empty()) {
    const size_t length = static_cast<size_t>(
        std::find_if_not(type.begin(), type.end(), IsPathCharacter) - type.begin());
    const absl::string_view word = type.substr(0, length);
    const size_t slash = word.rfind('/');
    absl::StrAppend(&result, slash == absl::string_view::npos ? word : word.substr(slash + 1));
    type.remove_prefix(length);
    if (type.empty()) break;
    result += type[0];
    type.remove_prefix(1);
  }
  return result;
}

// "[]uint8" and "[512]uint8", but not what only begins so.
std::string WithBytes(absl::string_view type) {
  constexpr absl::string_view kElement = "]uint8";
  std::string result;
  for (size_t at; (at = type.find(kElement)) != absl::string_view::npos;) {
    const absl::string_view rest = type.substr(at + kElement.size());
    size_t open = at;
    while (open > 0 && absl::ascii_isdigit(static_cast<unsigned char>(type[open - 1]))) --open;
    const bool is_array = open > 0 && type[open - 1] == '[';
    const bool is_whole = rest.empty() || !IsPathCharacter(rest[0]);
    absl::StrAppend(&result, type.substr(0, at), is_array && is_whole ? "]byte" : kElement);
    type = rest;
  }
  absl::StrAppend(&result, type);
  return result;
}

}  // namespace

std::string GoPackage(absl::string_view function) {
  function = function.substr(0, function.find('['));
  const size_t slash = function.rfind('/');
  const size_t dot = function.find('.', slash == absl::string_view::npos ? 0 : slash);
  if (dot == absl::string_view::npos) return "";
  // Dots of the path's last part are written otherwise, to be told from the one that ends it.
  return absl::StrReplaceAll(function.substr(0, dot), {{"%2e", "."}});
}

std::string WithoutTypeArguments(absl::string_view function) {
  std::string result;
  int depth = 0;
  for (const char c : function) {
    if (c == '[') ++depth;
    if (depth == 0) result += c;
    if (c == ']' && depth > 0) --depth;
  }
  return result;
}

std::string ShortGoType(absl::string_view type) {
  return WithBytes(absl::StrReplaceAll(WithoutImportPaths(type), {{"interface {}", "any"},
                                                                  {"struct {}", "struct{}"},
                                                                  {"go.shape.*uint8", "*T"},
                                                                  {"go.shape.", ""}}));
}

GoPackages::GoPackages(const golang::BuildInfo& build_info) : modules_(build_info.modules) {
  // Go's own programs ("cmd/compile") are of no module that is named.
  if (modules_.empty() && absl::StrContains(build_info.main_package, '/')) {
    modules_.emplace_back(Root(build_info.main_package));
  }
}

bool GoPackages::IsUser(absl::string_view package) const {
  if (package == "main" || absl::StrContains(Root(package), '.')) return true;
  return std::any_of(modules_.begin(), modules_.end(), [&](const std::string& module) {
    return absl::StartsWith(package, module) &&
           (package.size() == module.size() || package[module.size()] == '/');
  });
}

GoOrigin GoPackages::OriginOf(absl::string_view package) const {
  const auto is_in = [&](absl::Span<const absl::string_view> roots) {
    return std::find(roots.begin(), roots.end(), Root(package)) != roots.end();
  };
  if (package.empty()) return GoOrigin::kHelper;  // assembly, C, what the compiler makes
  if (IsUser(package)) return GoOrigin::kUser;
  if (is_in(kHelperRoots)) return GoOrigin::kHelper;
  return is_in(kLibraryRoots) ? GoOrigin::kLibrary : GoOrigin::kUser;
}

const GoContainer* FindGoContainer(absl::string_view function) {
  for (const GoContainer& container : kContainers) {
    if (absl::StartsWith(function, container.name)) return &container;
  }
  return nullptr;
}

const GoContainer* FindGoContainerType(absl::string_view package, absl::string_view type) {
  for (const ContainerType& known : kContainerTypes) {
    if (known.package == package && known.type == type) return &known.container;
  }
  return nullptr;
}

}  // namespace tidemark::classify
