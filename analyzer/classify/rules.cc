#include "analyzer/classify/rules.h"

namespace tidemark::classify {

const std::vector<RuleTable>& BuiltInRules() {
  static const auto* const tables = new std::vector<RuleTable>{
      CppStandardRules(),  CppLibraryRules(), JsonCppRules(),   QtLlvmRules(), RustRules(),
      CContainerRules(),   CGlueRules(),      JanssonRules(),   JsonCRules(),  PythonRules(),
      PythonStaticRules(), RubyRules(),       LuaRules(),       GoRules(),     V8Rules(),
      RedisRules(),        PostgresRules(),   OperationRules(),
  };
  return *tables;
}

}  // namespace tidemark::classify
