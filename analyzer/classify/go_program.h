// Go programs that profiles come from, opened once for all profiles of a run.
//
// Thread class: one thread at a time per GoPrograms and what it opened. Allocation class: may
// allocate; reads files.

#ifndef TIDEMARK_ANALYZER_CLASSIFY_GO_PROGRAM_H_
#define TIDEMARK_ANALYZER_CLASSIFY_GO_PROGRAM_H_

#include <memory>
#include <optional>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "analyzer/classify/go_names.h"
#include "analyzer/golang/call_site.h"
#include "analyzer/golang/go_binary.h"

namespace tidemark::classify {

class GoProgram {
 public:
  explicit GoProgram(std::unique_ptr<golang::GoBinary> binary)
      : binary_(std::move(binary)), call_sites_(*binary_), packages_(binary_->build_info()) {}

  const golang::GoBinary& binary() const { return *binary_; }
  golang::CallSites& call_sites() { return call_sites_; }
  const GoPackages& packages() const { return packages_; }

 private:
  std::unique_ptr<golang::GoBinary> binary_;
  golang::CallSites call_sites_;
  GoPackages packages_;
};

class GoPrograms {
 public:
  // Null for what is no Go program that can be read. Lives as long as this.
  GoProgram* Open(const std::string& path);

 private:
  absl::flat_hash_map<std::string, std::unique_ptr<GoProgram>> programs_;  // by path
};

}  // namespace tidemark::classify

#endif  // TIDEMARK_ANALYZER_CLASSIFY_GO_PROGRAM_H_
