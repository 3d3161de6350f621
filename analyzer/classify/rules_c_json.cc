// Jansson and JSON-C: their names clash with each other, and with what anybody might write.

#include "analyzer/classify/rules.h"

namespace tidemark::classify {
namespace {

using enum ContainerKind;
using enum Operation;
using enum Shape;

constexpr FunctionRule kJansson[] = {
    {"json_object", kMap, "json_t", kPlain, kCreate},
    {"json_object_set_new", kMap, "json_t", kPlain, kInsert},
    {"json_object_set_new_nocheck", kMap, "json_t", kPlain, kInsert},
    {"json_object_set_nocheck", kMap, "json_t", kPlain, kInsert},
    {"json_object_setn_new", kMap, "json_t", kPlain, kInsert},
    {"json_object_setn_new_nocheck", kMap, "json_t", kPlain, kInsert},
    {"json_object_iter_set_new", kMap, "json_t", kPlain, kInsert},
    {"json_object_update", kMap, "json_t", kPlain, kInsert},
    {"json_object_update_existing", kMap, "json_t", kPlain, kInsert},
    {"json_object_update_missing", kMap, "json_t", kPlain, kInsert},
    {"json_object_update_recursive", kMap, "json_t", kPlain, kInsert},
    {"hashtable_set", kMap, "json_t", kPlain, kInsert},
    {"hashtable_init", kMap, "json_t", kPlain, kCreate},
    {"hashtable_do_rehash", kMap, "json_t", kPlain, kRehash},
    {"json_array", kSlice, "json_t", kPlain, kCreate},
    {"json_array_append_new", kSlice, "json_t", kPlain, kGrow},
    {"json_array_insert_new", kSlice, "json_t", kPlain, kGrow},
    {"json_array_extend", kSlice, "json_t", kPlain, kGrow},
    {"json_array_grow", kSlice, "json_t", kPlain, kGrow},
    {"json_string", kString, "json_t", kPlain, kCreate},
    {"json_stringn", kString, "json_t", kPlain, kCreate},
    {"json_string_nocheck", kString, "json_t", kPlain, kCreate},
    {"json_stringn_nocheck", kString, "json_t", kPlain, kCreate},
    {"json_string_setn_nocheck", kString, "json_t", kPlain, kCreate},
    {"json_string_set", kString, "json_t", kPlain, kCreate},
    {"json_string_set_nocheck", kString, "json_t", kPlain, kCreate},
    {"json_string_setn", kString, "json_t", kPlain, kCreate},
    {"json_sprintf", kString, "json_t", kPlain, kCreate},
    {"json_vsprintf", kString, "json_t", kPlain, kCreate},
    {"json_dumps", kString, "", kPlain, kCreate},
    {"strbuffer_init", kString, "strbuffer_t", kPlain, kGrow},
    {"strbuffer_append_byte", kString, "strbuffer_t", kPlain, kGrow},
    {"strbuffer_append_bytes", kString, "strbuffer_t", kPlain, kGrow},
    {"json_integer", kObject, "json_t", kPlain, kCreate},
    {"json_real", kObject, "json_t", kPlain, kCreate},
    {"json_loads", kObject, "json_t", kOpaque, kCreate},
    {"json_loadb", kObject, "json_t", kOpaque, kCreate},
    {"json_loadf", kObject, "json_t", kOpaque, kCreate},
    {"json_loadfd", kObject, "json_t", kOpaque, kCreate},
    {"json_load_file", kObject, "json_t", kOpaque, kCreate},
    {"json_load_callback", kObject, "json_t", kOpaque, kCreate},
    {"json_pack", kObject, "json_t", kOpaque, kCreate},
    {"json_pack_ex", kObject, "json_t", kOpaque, kCreate},
    {"json_vpack_ex", kObject, "json_t", kOpaque, kCreate},
    {"json_copy", kObject, "json_t", kOpaque, kCopy},
    {"json_deep_copy", kObject, "json_t", kOpaque, kCopy},
};
constexpr absl::string_view kJanssonGlue[] = {"jsonp_*"};
constexpr absl::string_view kJanssonModules[] = {"libjansson.so"};
constexpr absl::string_view kOnlyWithJansson[] = {"libjansson.so", "jsonp_malloc"};

constexpr FunctionRule kJsonC[] = {
    {"json_object_new_object", kMap, "json_object", kPlain, kCreate},
    {"json_object_object_add", kMap, "json_object", kPlain, kInsert},
    {"json_object_object_add_ex", kMap, "json_object", kPlain, kInsert},
    {"lh_table_new", kMap, "lh_table", kPlain, kCreate},
    {"lh_kchar_table_new", kMap, "lh_table", kPlain, kCreate},
    {"lh_table_insert", kMap, "lh_table", kPlain, kInsert},
    {"lh_table_insert_w_hash", kMap, "lh_table", kPlain, kInsert},
    {"lh_table_resize", kMap, "lh_table", kPlain, kRehash},
    {"json_object_new_array", kSlice, "json_object", kPlain, kCreate},
    {"json_object_new_array_ext", kSlice, "json_object", kPlain, kCreate},
    {"json_object_array_add", kSlice, "json_object", kPlain, kGrow},
    {"json_object_array_put_idx", kSlice, "json_object", kPlain, kGrow},
    {"json_object_array_insert_idx", kSlice, "json_object", kPlain, kGrow},
    {"json_object_array_shrink", kSlice, "json_object", kPlain, kGrow},
    {"array_list_new", kSlice, "array_list", kPlain, kCreate},
    {"array_list_new2", kSlice, "array_list", kPlain, kCreate},
    {"array_list_add", kSlice, "array_list", kPlain, kGrow},
    {"array_list_put_idx", kSlice, "array_list", kPlain, kGrow},
    {"array_list_insert_idx", kSlice, "array_list", kPlain, kGrow},
    {"array_list_shrink", kSlice, "array_list", kPlain, kGrow},
    {"array_list_expand_internal", kSlice, "array_list", kPlain, kGrow},
    {"json_object_new_string", kString, "json_object", kPlain, kCreate},
    {"json_object_new_string_len", kString, "json_object", kPlain, kCreate},
    {"json_object_to_json_string_ext", kString, "", kPlain, kCreate},
    {"json_object_to_json_string_length", kString, "", kPlain, kCreate},
    {"json_object_to_json_string", kString, "", kPlain, kCreate},
    {"printbuf_new", kBuffer, "printbuf", kPlain, kCreate},
    {"printbuf_memappend", kBuffer, "printbuf", kPlain, kGrow},
    {"printbuf_memset", kBuffer, "printbuf", kPlain, kGrow},
    {"printbuf_extend", kBuffer, "printbuf", kPlain, kGrow},
    {"sprintbuf", kBuffer, "printbuf", kPlain, kGrow},
    {"json_object_new_boolean", kObject, "json_object", kPlain, kCreate},
    {"json_object_new_int", kObject, "json_object", kPlain, kCreate},
    {"json_object_new_int64", kObject, "json_object", kPlain, kCreate},
    {"json_object_new_uint64", kObject, "json_object", kPlain, kCreate},
    {"json_object_new_double", kObject, "json_object", kPlain, kCreate},
    {"json_object_new_double_s", kObject, "json_object", kPlain, kCreate},
    {"json_object_new_null", kObject, "json_object", kPlain, kCreate},
    {"json_object_deep_copy", kObject, "json_object", kOpaque, kCopy},
    {"json_object_from_file", kObject, "json_object", kOpaque, kCreate},
    {"json_object_from_fd", kObject, "json_object", kOpaque, kCreate},
    {"json_object_from_fd_ex", kObject, "json_object", kOpaque, kCreate},
    {"json_tokener_parse", kObject, "json_object", kOpaque, kCreate},
    {"json_tokener_parse_ex", kObject, "json_object", kOpaque, kCreate},
    {"json_tokener_parse_verbose", kObject, "json_object", kOpaque, kCreate},
};
constexpr absl::string_view kJsonCModules[] = {"libjson-c.so"};
constexpr absl::string_view kOnlyWithJsonC[] = {"libjson-c.so", "json_object_object_add",
                                                "json_tokener_parse", "lh_table_insert"};

}  // namespace

RuleTable JanssonRules() {
  return {.functions = kJansson,
          .glue = kJanssonGlue,
          .modules = kJanssonModules,
          .only_with = kOnlyWithJansson};
}

RuleTable JsonCRules() {
  return {.functions = kJsonC, .modules = kJsonCModules, .only_with = kOnlyWithJsonC};
}

}  // namespace tidemark::classify
