// The flame graph as one HTML page that needs nothing else: no network, no other file. Its
// script (flame_page.html) draws from data that stands in the page as JSON. Names come from
// strangers' programs: they are data there, and only ever shown as text.
//
// Thread class: pure functions. May allocate.

#ifndef TIDEMARK_ANALYZER_CLI_FLAME_HTML_H_
#define TIDEMARK_ANALYZER_CLI_FLAME_HTML_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "analyzer/report/flame.h"

namespace tidemark::cli {

// One sample type's frames, of which the smallest may have been put together.
struct PageTree {
  report::FlameTree tree;
  size_t omitted = 0;  // frames that are no longer told apart
  uint64_t below = 0;  // smaller than this were they
};

// Puts the smallest frames of each caller together into one without a name, until about `frames`
// are left (those that stand for several not counted).
void TrimTree(size_t frames, PageTree* tree);

struct FlamePage {
  std::string title;
  std::vector<std::string> labels;  // what is said of the profile, a line each
  std::vector<PageTree> trees;      // one for each sample type; not empty
  size_t selected = 0;              // shown first
  bool diff = false;                // the trees have base values
};

// More than this many frames do not fit into a page.
constexpr size_t kMostPageFrames = 200000;

// At most about `max_bytes`: trees are trimmed to fit, and the page says what was put together.
std::string FlameHtml(FlamePage page, size_t max_bytes = 4500000);

// JSON that can stand in a script element: no "<", ">", "&", U+2028 or U+2029, nor any other
// character beyond ASCII.
std::string ScriptSafeJson(absl::string_view json);

}  // namespace tidemark::cli

#endif  // TIDEMARK_ANALYZER_CLI_FLAME_HTML_H_
