// Run times of Ruby, Lua, Go and V8.

#include "analyzer/classify/rules.h"

namespace tidemark::classify {
namespace {

using enum ContainerKind;
using enum Operation;
using enum Shape;

constexpr FunctionRule kRuby[] = {
    {"rb_hash_*", kMap, "Hash", kPlain, kInsert},
    {"rb_hash_new*", kMap, "Hash", kPlain, kCreate},
    {"rb_hash_dup", kMap, "Hash", kPlain, kCopy},
    {"hash_dup", kMap, "Hash", kPlain, kCopy},
    {"hash_alloc", kMap, "Hash", kPlain, kCreate},
    {"hash_alloc_flags", kMap, "Hash", kPlain, kCreate},
    {"ar_alloc_table", kMap, "Hash", kPlain, kInsert},
    {"ar_insert", kMap, "Hash", kPlain, kInsert},
    {"ar_update", kMap, "Hash", kPlain, kInsert},
    {"ar_copy", kMap, "Hash", kPlain, kCopy},
    {"st_init*", kMap, "st_table", kPlain, kCreate},
    {"rb_st_init*", kMap, "st_table", kPlain, kCreate},
    {"st_insert*", kMap, "st_table", kPlain, kInsert},
    {"rb_st_insert*", kMap, "st_table", kPlain, kInsert},
    {"st_add_direct*", kMap, "st_table", kPlain, kInsert},
    {"rb_st_add_direct*", kMap, "st_table", kPlain, kInsert},
    {"st_update", kMap, "st_table", kPlain, kInsert},
    {"rb_st_update", kMap, "st_table", kPlain, kInsert},
    {"st_copy", kMap, "st_table", kPlain, kCopy},
    {"rb_st_copy", kMap, "st_table", kPlain, kCopy},
    {"rebuild_table*", kMap, "st_table", kPlain, kRehash},
    {"rb_id_table_*", kMap, "rb_id_table", kPlain, kInsert},
    {"rb_id_table_create", kMap, "rb_id_table", kPlain, kCreate},
    {"hash_table_extend", kMap, "rb_id_table", kPlain, kRehash},
    {"rb_ary_*", kSlice, "Array", kPlain, kGrow},
    {"rb_ary_new*", kSlice, "Array", kPlain, kCreate},
    {"rb_ary_tmp_new*", kSlice, "Array", kPlain, kCreate},
    {"rb_ary_dup", kSlice, "Array", kPlain, kCopy},
    {"ary_new", kSlice, "Array", kPlain, kCreate},
    {"ary_resize_capa", kSlice, "Array", kPlain, kGrow},
    {"ary_ensure_room_for_push", kSlice, "Array", kPlain, kGrow},
    {"ary_double_capa", kSlice, "Array", kPlain, kGrow},
    {"ec_ary_new*", kSlice, "Array", kPlain, kCreate},
    {"rb_str_*", kString, "String", kPlain, kGrow},
    {"rb_str_new*", kString, "String", kPlain, kCreate},
    {"rb_str_dup*", kString, "String", kPlain, kCopy},
    {"rb_enc_str_new*", kString, "String", kPlain, kCreate},
    {"rb_utf8_str_new*", kString, "String", kPlain, kCreate},
    {"rb_fstring*", kString, "String", kPlain, kCreate},
    {"rb_sprintf", kString, "String", kPlain, kCreate},
    {"str_new", kString, "String", kPlain, kCreate},
    {"str_new0", kString, "String", kPlain, kCreate},
    {"str_new_static", kString, "String", kPlain, kCreate},
    {"str_new_shared", kString, "String", kPlain, kCreate},
    {"str_new_frozen", kString, "String", kPlain, kCreate},
    {"str_new_frozen_buffer", kString, "String", kPlain, kCreate},
    {"str_buf_cat*", kString, "String", kPlain, kGrow},
    {"rb_struct_alloc*", kObject, "Struct", kPlain, kCreate},
    {"rb_class_new_instance*", kObject, "Object", kPlain, kCreate},
    {"heap_page_allocate", kBuffer, "object heap", kPlain, kGrow},
    {"rb_reg_*", kObject, "Regexp", kOpaque, kCreate},
    {"onig_new*", kObject, "Regexp", kOpaque, kCreate},
};
constexpr absl::string_view kRubyGlue[] = {
    "ruby_x*",
    "rb_xmalloc*",
    "rb_xcalloc*",
    "rb_xrealloc*",
    "objspace_x*",
    "rb_gc_impl_*",
    "rb_alloc_tmp_buffer*",
    "rb_funcall*",
    "rb_vm_call*",
    "vm_call*",
    "rb_call*",
    "rb_yield*",
    "rb_block_call*",
    "rb_obj_call_init*",
    "newobj_*",
    "rb_newobj*",
    "rb_wb_protected_newobj_of",
    "rb_wb_unprotected_newobj_of",
    "rb_ec_wb_protected_newobj_of",
    "rb_data_object_*",
    "rb_data_typed_object_*",
    "rb_protect",
    "rb_ensure",
    "rb_rescue*",
};
constexpr absl::string_view kOnlyWithRuby[] = {"libruby", "ruby_xmalloc", "rb_vm_exec"};

// Its interface too, for a library's inside has no names when it is stripped.
constexpr FunctionRule kLua[] = {
    {"luaH_new", kMap, "table", kPlain, kCreate},
    {"luaH_*", kMap, "table", kPlain, kInsert},
    {"luaH_resize*", kMap, "table", kPlain, kRehash},
    {"lua_createtable", kMap, "table", kPlain, kCreate},
    {"lua_setfield", kMap, "table", kPlain, kInsert},
    {"lua_setglobal", kMap, "table", kPlain, kInsert},
    {"lua_seti", kMap, "table", kPlain, kInsert},
    {"lua_settable", kMap, "table", kPlain, kInsert},
    {"lua_rawset", kMap, "table", kPlain, kInsert},
    {"lua_rawseti", kMap, "table", kPlain, kInsert},
    {"lua_rawsetp", kMap, "table", kPlain, kInsert},
    {"luaL_setfuncs", kMap, "table", kPlain, kInsert},
    {"luaL_newmetatable", kMap, "table", kPlain, kCreate},
    {"luaL_ref", kMap, "table", kPlain, kInsert},
    {"luaL_getsubtable", kMap, "table", kPlain, kCreate},
    {"luaS_*", kString, "string", kPlain, kCreate},
    {"luaS_resize", kMap, "string table", kPlain, kRehash},
    {"luaS_newudata", kObject, "userdata", kPlain, kCreate},
    {"luaV_concat", kString, "string", kPlain, kCreate},
    {"lua_concat", kString, "string", kPlain, kCreate},
    {"lua_pushstring", kString, "string", kPlain, kCreate},
    {"lua_pushlstring", kString, "string", kPlain, kCreate},
    {"lua_pushfstring", kString, "string", kPlain, kCreate},
    {"lua_pushvfstring", kString, "string", kPlain, kCreate},
    {"lua_tolstring", kString, "string", kPlain, kCreate},
    {"luaL_tolstring", kString, "string", kPlain, kCreate},
    {"luaL_gsub", kString, "string", kPlain, kCreate},
    {"luaL_add*", kBuffer, "luaL_Buffer", kPlain, kGrow},
    {"luaL_prepbuffsize", kBuffer, "luaL_Buffer", kPlain, kGrow},
    {"luaL_buffinitsize", kBuffer, "luaL_Buffer", kPlain, kCreate},
    {"lua_newuserdata*", kObject, "userdata", kPlain, kCreate},
    {"lua_pushcclosure", kObject, "function", kPlain, kCreate},
    {"luaF_*", kObject, "function", kPlain, kCreate},
    {"luaL_load*", kObject, "function", kOpaque, kCreate},
    {"lua_load", kObject, "function", kOpaque, kCreate},
    {"luaD_growstack", kSlice, "Lua stack", kPlain, kGrow},
    {"luaD_reallocstack", kSlice, "Lua stack", kPlain, kGrow},
    {"lua_newthread", kObject, "thread", kOpaque, kCreate},
    {"lua_newstate", kObject, "lua_State", kOpaque, kCreate},
    {"luaL_newstate", kObject, "lua_State", kOpaque, kCreate},
};
// Of lua_ only what may allocate or run Lua code (metamethods, finalizers), each by its whole
// name: programs give their own functions for Lua such names too.
constexpr absl::string_view kLuaGlue[] = {
    "lua_arith",        "lua_call",        "lua_callk",
    "lua_checkstack",   "lua_close",       "lua_closeslot",
    "lua_closethread",  "lua_compare",     "lua_cpcall",
    "lua_dump",         "lua_equal",       "lua_gc",
    "lua_getfield",     "lua_getglobal",   "lua_geti",
    "lua_getinfo",      "lua_gettable",    "lua_len",
    "lua_lessthan",     "lua_next",        "lua_pcall",
    "lua_pcallk",       "lua_resetthread", "lua_resume",
    "lua_setmetatable", "lua_settop",      "lua_stringtonumber",
    "lua_yield",        "lua_yieldk",      "luaL_*",
    "luaA_*",           "luaC_*",          "luaD_*",
    "luaE_*",           "luaG_*",          "luaK_*",
    "luaM_*",           "luaO_*",          "luaT_*",
    "luaU_*",           "luaV_*",          "luaX_*",
    "luaY_*",           "luaZ_*",          "l_alloc",
};
constexpr absl::string_view kLuaModules[] = {"liblua"};
// Not lua_ and luaL_: a program that speaks of Lua names its own functions so.
constexpr absl::string_view kOnlyWithLua[] = {"liblua", "luaM_",     "luaD_",        "luaV_",
                                              "luaH_",  "lua_pcall", "luaL_newstate"};

// Where a profile still has its run time's frames.
constexpr FunctionRule kGo[] = {
    {"runtime.makemap*", kMap, "", kPlain, kCreate},
    {"runtime.mapassign*", kMap, "", kPlain, kInsert},
    {"runtime.hashGrow", kMap, "", kPlain, kRehash},
    {"runtime.growWork*", kMap, "", kPlain, kRehash},
    {"internal/runtime/maps.NewMap", kMap, "", kPlain, kCreate},
    {"internal/runtime/maps.NewEmptyMap", kMap, "", kPlain, kCreate},
    {"internal/runtime/maps.(*table).grow", kMap, "", kPlain, kRehash},
    {"internal/runtime/maps.(*table).split", kMap, "", kPlain, kRehash},
    {"internal/runtime/maps.*", kMap, "", kPlain, Operation::kUnknown},
    {"runtime.growslice*", kSlice, "", kPlain, kGrow},
    {"runtime.makeslice*", kSlice, "", kPlain, kCreate},
    {"runtime.makechan*", kQueue, "chan", kPlain, kCreate},
    {"runtime.rawstring*", kString, "string", kPlain, kCreate},
    {"runtime.concatstring*", kString, "string", kPlain, kCreate},
    {"runtime.slicebytetostring", kString, "string", kPlain, kCopy},
    {"runtime.stringtoslicebyte", kBuffer, "[]byte", kPlain, kCopy},
    {"runtime.newobject", kObject, "", kPlain, kCreate},
    {"bytes.growSlice", kBuffer, "bytes.Buffer", kPlain, kGrow},
    {"bytes.(*Buffer).*", kBuffer, "bytes.Buffer", kPlain, kGrow},
    {"strings.(*Builder).*", kString, "strings.Builder", kPlain, kGrow},
};
constexpr absl::string_view kGoGlue[] = {"runtime.*", "internal/runtime/*"};

constexpr ClassRule kV8Classes[] = {
    {"v8::internal::Zone", kBuffer, "v8::internal::Zone", kPlain},
    {"v8::internal::BackingStore", kBuffer, "ArrayBuffer", kPlain},
    {"v8::ArrayBuffer", kBuffer, "ArrayBuffer", kPlain},
    {"node::AliasedBufferBase", kBuffer, "node::AliasedBuffer", kPlain},
    {"node::NodeArrayBufferAllocator", kBuffer, "ArrayBuffer", kPlain},
};
constexpr absl::string_view kV8Glue[] = {
    "node::Malloc",           "node::UncheckedMalloc", "node::Realloc",
    "node::UncheckedRealloc", "node::Calloc",          "node::UncheckedCalloc",
};
constexpr NamespaceRule kV8Namespaces[] = {{"v8::internal::", false}, {"v8::base::", false}};

}  // namespace

RuleTable RubyRules() {
  return {.functions = kRuby, .glue = kRubyGlue, .only_with = kOnlyWithRuby};
}

RuleTable LuaRules() {
  return {.functions = kLua, .glue = kLuaGlue, .modules = kLuaModules, .only_with = kOnlyWithLua};
}

RuleTable GoRules() { return {.functions = kGo, .glue = kGoGlue}; }

RuleTable V8Rules() {
  return {.classes = kV8Classes, .glue = kV8Glue, .namespaces = kV8Namespaces};
}

}  // namespace tidemark::classify
