// The type of what a function made without being told it, from what is done with its result: a
// map that becomes an argument of an insertion, a field of an object, the value of an
// interface; here, in functions that it is handed to, or in the caller it is returned to.
//
// Thread class: one thread at a time per object. Allocation class: may allocate.

#ifndef TIDEMARK_ANALYZER_GOLANG_RESULT_TYPE_H_
#define TIDEMARK_ANALYZER_GOLANG_RESULT_TYPE_H_

#include <optional>
#include <vector>

#include "analyzer/golang/go_type.h"
#include "analyzer/golang/program_flow.h"
#include "analyzer/golang/value_flow.h"

namespace tidemark::golang {

class ResultTypes {
 public:
  // `program` must outlive this.
  explicit ResultTypes(ProgramFlow& program) : program_(program) {}

  // Of the map that `call`, in the function of `frame`, returns. nullopt when no use tells, or
  // uses contradict each other.
  std::optional<GoType> OfMap(const CallRecord& call, StackFrame frame, FlowPtr flow);
  // Of the value that `call` returns, when it is put into an interface in the same function.
  std::optional<GoType> InInterface(const CallRecord& call, const FunctionFlow& flow);

 private:
  // What one map is known as within one function.
  struct Aliases {
    std::vector<Value> values;
    std::vector<Value> places;  // addresses at which it is kept
    bool Has(const Value& value) const;
  };
  class Votes;

  Aliases Follow(Aliases aliases, const FunctionFlow& flow) const;
  void VoteHere(const Aliases& aliases, const FunctionFlow& flow, Votes* votes);
  void VoteInCallees(const Aliases& aliases, const FunctionFlow& flow, int depth, Votes* votes);
  void VoteForField(const StoreRecord& store, const FunctionFlow& flow, Votes* votes);
  void VoteForInterface(const Value& word, const FunctionFlow& flow, Votes* votes);

  ProgramFlow& program_;
  int callees_left_ = 0;
};

}  // namespace tidemark::golang

#endif  // TIDEMARK_ANALYZER_GOLANG_RESULT_TYPE_H_
