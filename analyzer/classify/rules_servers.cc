// Redis and PostgreSQL, whose containers have names that anybody might use.

#include "analyzer/classify/rules.h"

namespace tidemark::classify {
namespace {

using enum ContainerKind;
using enum Operation;
using enum Shape;

constexpr FunctionRule kRedis[] = {
    {"dictAdd*", kMap, "dict", kPlain, kInsert},
    {"dictInsert*", kMap, "dict", kPlain, kInsert},
    {"dictReplace*", kMap, "dict", kPlain, kInsert},
    {"dictCreate*", kMap, "dict", kPlain, kCreate},
    {"dictExpand*", kMap, "dict", kPlain, kRehash},
    {"_dictExpand*", kMap, "dict", kPlain, kRehash},
    {"_dictResize", kMap, "dict", kPlain, kRehash},
    {"dictResize", kMap, "dict", kPlain, kRehash},
    {"dictTryExpand", kMap, "dict", kPlain, kRehash},
    {"dictRehash*", kMap, "dict", kPlain, kRehash},
    {"kvstore*", kMap, "kvstore", kPlain, kInsert},
    {"raxNew", kMap, "rax", kPlain, kCreate},
    {"raxNewWithMetadata", kMap, "rax", kPlain, kCreate},
    {"raxNewNode", kMap, "rax", kPlain, kInsert},
    {"raxInsert", kMap, "rax", kPlain, kInsert},
    {"raxTryInsert", kMap, "rax", kPlain, kInsert},
    {"raxGenericInsert", kMap, "rax", kPlain, kInsert},
    {"raxAddChild", kMap, "rax", kPlain, kInsert},
    {"raxCompressNode", kMap, "rax", kPlain, kInsert},
    {"raxReallocForData", kMap, "rax", kPlain, kInsert},
    {"raxStackPush", kMap, "rax", kPlain, kInsert},
    {"zstrdup", kString, "", kPlain, kCopy},
    {"createObject", kObject, "robj", kPlain, kCreate},
    {"createStringObject*", kString, "robj", kPlain, kCreate},
    {"createRawStringObject", kString, "robj", kPlain, kCreate},
    {"createEmbeddedStringObject", kString, "robj", kPlain, kCreate},
    {"tryCreateStringObject", kString, "robj", kPlain, kCreate},
    {"tryCreateRawStringObject", kString, "robj", kPlain, kCreate},
    {"dupStringObject", kString, "robj", kPlain, kCopy},
    {"createQuicklistObject", kList, "quicklist", kPlain, kCreate},
    {"createSetObject", kSet, "dict", kPlain, kCreate},
    {"createIntsetObject", kSet, "intset", kPlain, kCreate},
    {"createHashObject", kMap, "listpack", kPlain, kCreate},
    {"createZsetObject", kSet, "zset", kPlain, kCreate},
    {"quicklist*", kList, "quicklist", kPlain, kInsert},
    {"quicklistCreate", kList, "quicklist", kPlain, kCreate},
    {"quicklistNew", kList, "quicklist", kPlain, kCreate},
    {"lpNew", kList, "listpack", kPlain, kCreate},
    {"lpInsert*", kList, "listpack", kPlain, kGrow},
    {"lpAppend*", kList, "listpack", kPlain, kGrow},
    {"lpPrepend*", kList, "listpack", kPlain, kGrow},
    {"lpReplace*", kList, "listpack", kPlain, kGrow},
    {"lpBatch*", kList, "listpack", kPlain, kGrow},
    {"lpDup", kList, "listpack", kPlain, kCopy},
    {"ziplistNew", kList, "ziplist", kPlain, kCreate},
    {"ziplist*", kList, "ziplist", kPlain, kGrow},
    {"__ziplist*", kList, "ziplist", kPlain, kGrow},
    {"zslCreate*", kSet, "zskiplist", kPlain, kInsert},
    {"zslInsert*", kSet, "zskiplist", kPlain, kInsert},
    {"intset*", kSet, "intset", kPlain, kGrow},
    {"intsetNew", kSet, "intset", kPlain, kCreate},
    {"listCreate", kList, "list", kPlain, kCreate},
    {"listAddNode*", kList, "list", kPlain, kInsert},
    {"listInsertNode", kList, "list", kPlain, kInsert},
    {"listDup", kList, "list", kPlain, kCopy},
    {"streamNew", kObject, "stream", kPlain, kCreate},
};
// Of the server alone: zmalloc, dicts and lists are also its clients', and anybody's.
constexpr absl::string_view kOnlyWithRedis[] = {"aeProcessEvents", "aeMain", "aeCreateEventLoop",
                                                "readQueryFromClient", "ztrymalloc_usable"};

constexpr FunctionRule kPostgres[] = {
    {"hash_create", kMap, "HTAB", kPlain, kCreate},
    {"hash_search*", kMap, "HTAB", kPlain, kInsert},
    {"element_alloc", kMap, "HTAB", kPlain, kInsert},
    {"expand_table", kMap, "HTAB", kPlain, kRehash},
    {"dir_realloc", kMap, "HTAB", kPlain, kRehash},
    {"lappend*", kList, "List", kPlain, kInsert},
    {"lcons*", kList, "List", kPlain, kInsert},
    {"new_list", kList, "List", kPlain, kCreate},
    {"list_make*", kList, "List", kPlain, kCreate},
    {"enlarge_list", kList, "List", kPlain, kGrow},
    {"list_copy*", kList, "List", kPlain, kCopy},
    {"makeStringInfo", kString, "StringInfo", kPlain, kCreate},
    {"initStringInfo", kString, "StringInfo", kPlain, kCreate},
    {"enlargeStringInfo", kString, "StringInfo", kPlain, kGrow},
    {"appendStringInfo*", kString, "StringInfo", kPlain, kGrow},
    {"appendBinaryStringInfo*", kString, "StringInfo", kPlain, kGrow},
    {"psprintf", kString, "", kPlain, kCreate},
    {"pstrdup", kString, "", kPlain, kCopy},
    {"pnstrdup", kString, "", kPlain, kCopy},
    {"MemoryContextStrdup", kString, "", kPlain, kCopy},
    {"bms_*", kSet, "Bitmapset", kPlain, kInsert},
    {"tuplestore_*", kQueue, "Tuplestore", kPlain, kGrow},
    {"tuplesort_*", kSlice, "Tuplesort", kPlain, kGrow},
    {"AllocSetContextCreate*", kBuffer, "MemoryContext", kPlain, kCreate},
    {"SlabContextCreate", kBuffer, "MemoryContext", kPlain, kCreate},
    {"GenerationContextCreate", kBuffer, "MemoryContext", kPlain, kCreate},
};
constexpr absl::string_view kPostgresGlue[] = {
    "palloc",
    "palloc0",
    "palloc_extended",
    "palloc_aligned",
    "repalloc",
    "repalloc0",
    "repalloc_extended",
    "repalloc_huge",
    "MemoryContextAlloc*",
    "AllocSetAlloc*",
    "AllocSetRealloc",
    "SlabAlloc*",
    "GenerationAlloc*",
    "pg_malloc",
    "pg_malloc0",
    "pg_malloc_extended",
};
// palloc and bms_ are anybody's too.
constexpr absl::string_view kOnlyWithPostgres[] = {"MemoryContextAlloc", "AllocSetAlloc",
                                                   "AllocSetContextCreateInternal"};

}  // namespace

RuleTable RedisRules() { return {.functions = kRedis, .only_with = kOnlyWithRedis}; }

RuleTable PostgresRules() {
  return {.functions = kPostgres, .glue = kPostgresGlue, .only_with = kOnlyWithPostgres};
}

}  // namespace tidemark::classify
