// Containers and sites of Go programs. What is allocated is read off the program's machine code
// (analyzer/golang/call_site.h), exactly, stripped or not; the site is the innermost frame
// that is not the standard library's. Without the program, or with another build of it, only
// names are left.
//
// Thread class: one thread. Allocation class: may allocate; reads files.

#ifndef TIDEMARK_ANALYZER_CLASSIFY_GO_SITES_H_
#define TIDEMARK_ANALYZER_CLASSIFY_GO_SITES_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "analyzer/classify/classifier.h"
#include "analyzer/classify/go_names.h"
#include "analyzer/classify/go_program.h"
#include "analyzer/model/annotations.h"
#include "analyzer/model/profile.h"

namespace tidemark::classify {

class GoSites {
 public:
  // `profile` must outlive this.
  GoSites(const Profile& profile, const ClassifyOptions& options);
  ~GoSites();

  struct Site {
    FramePosition site;
    std::optional<Container> container;
  };
  // nullopt for a stack that does not begin in Go code.
  std::optional<Site> At(StackId stack);

 private:
  struct Program;
  struct Leaf;

  // Whether the location's names do not speak against it.
  bool MayBeGo(LocationId id) const;
  Program& ProgramOf(MappingId mapping);
  std::vector<Leaf> FindLeaves();
  void DropOtherBuilds(const std::vector<Leaf>& leaves);
  void ReadCallSites(const std::vector<Leaf>& leaves);
  std::vector<uint64_t> ReturnAddresses(const Leaf& leaf, const Program& program) const;

  GoOrigin OriginOf(FunctionId function, Program& program);
  FramePosition FindSite(StackId stack, Program& program);
  GoOrigin OriginOf(const Location& location, const Program& program) const;
  // Among the frames below the site.
  const GoContainer* FindLibraryContainer(StackId stack, FramePosition site,
                                          bool* returns_copy) const;

  const Profile& profile_;
  const ClassifyOptions& options_;
  const std::shared_ptr<GoPrograms> go_programs_;
  const GoPackages unknown_packages_{golang::BuildInfo()};
  std::vector<std::unique_ptr<Program>> programs_;  // by MappingId, when asked; the last: none
  struct Measured {
    Container container;
    uint32_t depth = 0;  // of the location that allocates
  };
  const Measured* MeasuredAt(StackId stack) const;

  std::vector<uint32_t> measured_;  // by StackId: which of answers_; may be empty
  std::vector<Measured> answers_;
};

}  // namespace tidemark::classify

#endif  // TIDEMARK_ANALYZER_CLASSIFY_GO_SITES_H_
