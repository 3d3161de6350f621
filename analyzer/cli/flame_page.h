// flame_page.html as the build embeds it.
//
// Thread class: a pure function.

#ifndef TIDEMARK_ANALYZER_CLI_FLAME_PAGE_H_
#define TIDEMARK_ANALYZER_CLI_FLAME_PAGE_H_

#include "absl/strings/string_view.h"

namespace tidemark::cli {

// With <!--TITLE--> and <!--DATA--> where those belong.
absl::string_view FlamePageTemplate();

}  // namespace tidemark::cli

#endif  // TIDEMARK_ANALYZER_CLI_FLAME_PAGE_H_
