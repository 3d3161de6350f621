#include "analyzer/classify/go_program.h"

#include <utility>

namespace tidemark::classify {

GoProgram* GoPrograms::Open(const std::string& path) {
  auto [it, inserted] = programs_.try_emplace(path);
  if (!inserted) return it->second.get();
  absl::StatusOr<std::unique_ptr<golang::GoBinary>> binary = golang::GoBinary::Open(path);
  if (binary.ok()) it->second = std::make_unique<GoProgram>(*std::move(binary));
  return it->second.get();
}

}  // namespace tidemark::classify
