#include "analyzer/report/language.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"

namespace tidemark::report {
namespace {

struct Suffix {
  absl::string_view suffix;
  Language language;
};
constexpr Suffix kFileSuffixes[] = {
    {".go", Language::kGo},   {".rs", Language::kRust},   {".c", Language::kC},
    {".cc", Language::kCxx},  {".cpp", Language::kCxx},   {".cxx", Language::kCxx},
    {".C", Language::kCxx},   {".hh", Language::kCxx},    {".hpp", Language::kCxx},
    {".hxx", Language::kCxx}, {".ipp", Language::kCxx},   {".tcc", Language::kCxx},
    {".inl", Language::kCxx}, {".py", Language::kPython},
};

// The first match counts.
constexpr Suffix kTypePrefixes[] = {
    {"map[", Language::kGo},         {"[]", Language::kGo},
    {"chan ", Language::kGo},        {"std::", Language::kCxx},
    {"absl::", Language::kCxx},      {"boost::", Language::kCxx},
    {"folly::", Language::kCxx},     {"llvm::", Language::kCxx},
    {"__gnu_cxx::", Language::kCxx}, {"QHash", Language::kCxx},
    {"QMap", Language::kCxx},        {"QSet", Language::kCxx},
    {"QList", Language::kCxx},       {"QVector", Language::kCxx},
    {"QString", Language::kCxx},     {"QByteArray", Language::kCxx},
    {"Vec<", Language::kRust},       {"VecDeque", Language::kRust},
    {"String", Language::kRust},     {"HashMap", Language::kRust},
    {"HashSet", Language::kRust},    {"BTree", Language::kRust},
    {"BinaryHeap", Language::kRust}, {"LinkedList<", Language::kRust},
    {"Box<", Language::kRust},       {"Rc<", Language::kRust},
    {"Arc<", Language::kRust},       {"GHash", Language::kC},
    {"GArray", Language::kC},        {"GPtrArray", Language::kC},
    {"GByteArray", Language::kC},    {"GString", Language::kC},
    {"GList", Language::kC},         {"GSList", Language::kC},
    {"GQueue", Language::kC},        {"GTree", Language::kC},
};
constexpr Suffix kTypes[] = {
    {"Vec", Language::kRust},        {"dict", Language::kPython},
    {"list", Language::kPython},     {"tuple", Language::kPython},
    {"set", Language::kPython},      {"str", Language::kPython},
    {"bytes", Language::kPython},    {"bytearray", Language::kPython},
    {"bytes.Buffer", Language::kGo}, {"strings.Builder", Language::kGo},
    {"string", Language::kGo},
};

// "main.(*Store).Put", "example.com/shop/store.New", "runtime.mapassign": a package's path
// before the first dot, and neither C++'s scopes nor its parameters.
bool IsGoName(absl::string_view function) {
  if (absl::StrContains(function, "::")) return false;
  const size_t dot = function.find('.');
  if (dot == absl::string_view::npos || dot == 0) return false;
  if (absl::StrContains(function, ".(*") || absl::StartsWith(function, "main.")) return true;
  return absl::StrContains(function, '/');
}

}  // namespace

Language LanguageOf(absl::string_view function, absl::string_view file) {
  for (const Suffix& rule : kFileSuffixes) {
    if (absl::EndsWith(file, rule.suffix)) return rule.language;
  }
  if (IsGoName(function)) return Language::kGo;
  if (absl::StrContains(function, "::") || absl::StrContains(function, '(')) {
    return absl::StartsWith(function, "<") ? Language::kRust : Language::kCxx;
  }
  return Language::kUnknown;
}

Language LanguageOfType(absl::string_view type) {
  for (const Suffix& rule : kTypes) {
    if (type == rule.suffix) return rule.language;
  }
  for (const Suffix& rule : kTypePrefixes) {
    if (absl::StartsWith(type, rule.suffix)) return rule.language;
  }
  return Language::kUnknown;
}

}  // namespace tidemark::report
