// What the blocks of a stack are to the container they are in, by the operation and by the
// functions between the allocator and the site.
//
// Words: of a container, its *storage* is what grows as a whole (an array, a table of
// buckets), its *elements* are blocks that belong to one element each (a node, what an
// element's copy allocates).
//
// Thread class: one thread at a time per object. May allocate.

#ifndef TIDEMARK_ANALYZER_LEAKS_STACK_ROLE_H_
#define TIDEMARK_ANALYZER_LEAKS_STACK_ROLE_H_

#include <cstdint>
#include <vector>

#include "analyzer/model/profile.h"
#include "analyzer/report/language.h"

namespace tidemark::leaks {

// The nodes of node containers, by the allocator that made them. kOther: no node, or not
// known to be one (it takes the names of inlined functions).
enum class NodeKind : uint8_t { kOther, kTree, kHash, kList, kForwardList };
// What a node holds besides its element, at least.
int64_t LinkBytes(NodeKind kind);

// What holds elements of its program's: no string, buffer or single object.
bool IsCollection(ContainerKind kind);
// One whose elements differ from each other, so that they are no copies.
bool IsAssociative(ContainerKind kind);

// Whether a block was made by growing storage: by copying it or by making a table of buckets
// anew. `language`: the container's.
bool Grows(const Container& container, report::Language language);

struct StackRole {
  bool is_storage = false;
  bool is_element = false;
  bool is_text = false;  // a string's characters that did not grow to their size
  // Storage that grew by itself, step by step; what the program asked for by name (reserve,
  // resize) does not count.
  bool is_regrown = false;
  NodeKind node_kind = NodeKind::kOther;
};

class StackRoles {
 public:
  // `profile` is annotated and must outlive this.
  explicit StackRoles(const Profile& profile);

  // Of the container's type, else of the site. `container` may be null. The stack is not empty.
  report::Language LanguageOf(StackId stack, const Container* container) const;
  // REQUIRES: `container` is the stack's, `language` its.
  StackRole RoleOf(StackId stack, const Container& container, report::Language language);

 private:
  // What is known of a function, asked for once.
  struct FunctionFacts {
    bool is_known = false;
    bool sets_size = false;
    bool is_allocator = false;
    NodeKind node_kind = NodeKind::kOther;  // of its template argument
  };

  const FunctionFacts& FactsOf(FunctionId id);
  template <class Visit>
  void VisitGlue(StackId stack, Visit visit);
  bool SetsSize(StackId stack);
  NodeKind NodeKindOf(StackId stack);

  const Profile& profile_;
  std::vector<FunctionFacts> functions_;  // by FunctionId
};

}  // namespace tidemark::leaks

#endif  // TIDEMARK_ANALYZER_LEAKS_STACK_ROLE_H_
