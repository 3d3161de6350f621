#include "analyzer/classify/rules.h"

namespace tidemark::classify {

const std::vector<RuleTable>& BuiltInRules() {
  static const auto* const tables = new std::vector<RuleTable>{
      CppStandardRules(), CppLibraryRules(), RustRules(),
      CRules(),           RuntimeRules(),    OperationRules(),
  };
  return *tables;
}

}  // namespace tidemark::classify
