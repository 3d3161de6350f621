// CPython: the objects of the interpreted program. The innermost function that is neither an
// object of its nor the dispatch between them is the site: an extension's, or the interpreter loop.

#include "analyzer/classify/rules.h"

namespace tidemark::classify {
namespace {

using enum ContainerKind;
using enum Operation;
using enum Shape;

constexpr FunctionRule kFunctions[] = {
    {"PyDict_*", kMap, "dict", kPlain, kInsert},
    {"PyDict_New", kMap, "dict", kPlain, kCreate},
    {"PyDict_Copy", kMap, "dict", kPlain, kCopy},
    {"PyDict_Merge", kMap, "dict", kPlain, kCopy},
    {"PyDict_Update", kMap, "dict", kPlain, kCopy},
    {"_PyDict_*", kMap, "dict", kPlain, kInsert},
    {"_PyDict_NewPresized", kMap, "dict", kPlain, kCreate},
    {"_PyDict_NewKeysForClass", kMap, "dict", kPlain, kCreate},
    {"_PyDict_FromItems", kMap, "dict", kPlain, kCreate},
    {"_PyObjectDict_SetItem", kMap, "dict", kPlain, kInsert},
    {"PySet_*", kSet, "set", kPlain, kInsert},
    {"PySet_New", kSet, "set", kPlain, kCreate},
    {"PyFrozenSet_New", kSet, "frozenset", kPlain, kCreate},
    {"_PySet_Update", kSet, "set", kPlain, kInsert},
    {"PyList_*", kSlice, "list", kPlain, kGrow},
    {"PyList_New", kSlice, "list", kPlain, kCreate},
    {"PyList_GetSlice", kSlice, "list", kPlain, kCopy},
    {"_PyList_*", kSlice, "list", kPlain, kGrow},
    {"PyTuple_*", kSlice, "tuple", kPlain, kCreate},
    {"_PyTuple_*", kSlice, "tuple", kPlain, kCreate},
    {"PyUnicode_*", kString, "str", kPlain, kCreate},
    {"_PyUnicode_*", kString, "str", kPlain, kCreate},
    {"_PyUnicodeWriter_*", kString, "str", kPlain, kGrow},
    {"PyUnicode_Append*", kString, "str", kPlain, kGrow},
    {"PyUnicode_Resize", kString, "str", kPlain, kGrow},
    {"PyBytes_*", kBuffer, "bytes", kPlain, kCreate},
    {"_PyBytes_*", kBuffer, "bytes", kPlain, kCreate},
    {"_PyBytes_Resize", kBuffer, "bytes", kPlain, kGrow},
    {"_PyBytesWriter_*", kBuffer, "bytes", kPlain, kGrow},
    {"PyByteArray_*", kBuffer, "bytearray", kPlain, kGrow},
    {"PyMemoryView_*", kObject, "memoryview", kPlain, kCreate},
    {"PyLong_*", kObject, "int", kPlain, kCreate},
    {"_PyLong_*", kObject, "int", kPlain, kCreate},
    {"PyFloat_*", kObject, "float", kPlain, kCreate},
    {"PyFunction_New*", kObject, "function", kPlain, kCreate},
    {"_PyFunction_FromConstructor", kObject, "function", kPlain, kCreate},
    {"PyMethod_New", kObject, "method", kPlain, kCreate},
    {"PyCMethod_New", kObject, "builtin_function", kPlain, kCreate},
    {"PyCode_*", kObject, "code", kPlain, kCreate},
    {"_PyCode_*", kObject, "code", kPlain, kCreate},
    {"PyCell_New", kObject, "cell", kPlain, kCreate},
    {"PyGen_*", kObject, "generator", kPlain, kCreate},
    {"_Py_MakeCoro", kObject, "generator", kPlain, kCreate},
    {"_PyObject_Arena*", kBuffer, "pymalloc arena", kPlain, kCreate},
    {"_PyThreadState_PushFrame", kBuffer, "frame stack", kPlain, kGrow},
};

constexpr absl::string_view kGlue[] = {
    "PyMem_*",
    "_PyMem_*",
    "PyObject_Malloc",
    "PyObject_Calloc",
    "PyObject_Realloc",
    "_PyObject_Malloc",
    "_PyObject_Calloc",
    "_PyObject_Realloc",
    "_PyObject_New*",
    "_PyObject_GC_*",
    "PyObject_GC_*",
    "_PyType_Alloc*",
    "PyType_GenericAlloc",
    "PyType_GenericNew",
    // Calls and operators on the way to what they do.
    "_PyObject_MakeTpCall",
    "PyObject_Call*",
    "_PyObject_Call*",
    "PyObject_Vectorcall*",
    "_PyObject_Vectorcall*",
    "_PyObject_FastCall*",
    "PyVectorcall_*",
    "_PyVectorcall_*",
    "_PyFunction_Vectorcall",
    "PyCFunction_Call",
    "PyNumber_*",
    "PySequence_*",
    "PyMapping_*",
    "PyIter_*",
    "PyObject_GetItem",
    "PyObject_SetItem",
    "PyObject_GetAttr*",
    "PyObject_SetAttr*",
    "PyObject_GenericSetAttr*",
    "_PyObject_GenericSetAttrWithDict",
    "PyObject_Str",
    "PyObject_Repr",
    "PyObject_Format",
    "PyObject_GetIter",
};

constexpr absl::string_view kOnlyWith[] = {"_PyEval_", "PyObject_",    "_PyObject_",
                                           "PyMem_",   "Py_BytesMain", "Py_RunMain"};

// Functions that only an interpreter with a full symbol table shows. An extension, or a program
// that embeds a stripped one, may have functions of its own that are called so.
constexpr FunctionRule kStaticFunctions[] = {
    {"new_keys_object", kMap, "dict", kPlain, Operation::kUnknown},
    {"new_dict", kMap, "dict", kPlain, kCreate},
    {"dict_new", kMap, "dict", kPlain, kCreate},
    {"dict_merge", kMap, "dict", kPlain, kCopy},
    {"dictresize", kMap, "dict", kPlain, kRehash},
    {"insertion_resize", kMap, "dict", kPlain, kRehash},
    {"insertdict", kMap, "dict", kPlain, kInsert},
    {"insert_to_emptydict", kMap, "dict", kPlain, kInsert},
    {"dict_ass_sub", kMap, "dict", kPlain, kInsert},
    {"dict_update", kMap, "dict", kPlain, kCopy},
    {"dict_update_arg", kMap, "dict", kPlain, kCopy},
    {"dict_update_common", kMap, "dict", kPlain, kCopy},
    {"make_new_set", kSet, "set", kPlain, kCreate},
    {"make_new_set_basetype", kSet, "set", kPlain, kCreate},
    {"set_add_entry", kSet, "set", kPlain, kInsert},
    {"set_add_key", kSet, "set", kPlain, kInsert},
    {"set_update_internal", kSet, "set", kPlain, kInsert},
    {"set_table_resize", kSet, "set", kPlain, kRehash},
    {"list_resize", kSlice, "list", kPlain, kGrow},
    {"list_append", kSlice, "list", kPlain, kGrow},
    {"list_extend", kSlice, "list", kPlain, kGrow},
    {"app1", kSlice, "list", kPlain, kGrow},
    {"ins1", kSlice, "list", kPlain, kGrow},
    {"list_slice", kSlice, "list", kPlain, kCopy},
    {"list_concat", kSlice, "list", kPlain, kCreate},
    {"list_repeat", kSlice, "list", kPlain, kCreate},
    {"list_preallocate_exact", kSlice, "list", kPlain, kCreate},
    {"tuple_alloc", kSlice, "tuple", kPlain, kCreate},
    {"deque_append", kDeque, "collections.deque", kPlain, kInsert},
    {"deque_append_internal", kDeque, "collections.deque", kPlain, kInsert},
    {"deque_appendleft", kDeque, "collections.deque", kPlain, kInsert},
    {"deque_appendleft_internal", kDeque, "collections.deque", kPlain, kInsert},
    {"unicode_resize", kString, "str", kPlain, kGrow},
    {"resize_compact", kString, "str", kPlain, kGrow},
    {"unicode_decode_utf8*", kString, "str", kPlain, kCreate},
    {"new_arena", kBuffer, "pymalloc arena", kPlain, kCreate},
    {"push_chunk", kBuffer, "frame stack", kPlain, kGrow},
};

constexpr absl::string_view kStaticGlue[] = {
    "pymalloc_alloc",        "gc_alloc",       "object_new",         "type_call",
    "slot_tp_new",           "slot_tp_init",   "method_vectorcall*", "vectorcall_*",
    "cfunction_vectorcall*", "cfunction_call", "slot_tp_call",
};

constexpr absl::string_view kOnlyWithStatic[] = {"pymain_run_", "run_eval_code_obj",
                                                 "cfunction_vectorcall_", "method_vectorcall_"};

}  // namespace

RuleTable PythonRules() { return {.functions = kFunctions, .glue = kGlue, .only_with = kOnlyWith}; }

RuleTable PythonStaticRules() {
  return {.functions = kStaticFunctions, .glue = kStaticGlue, .only_with = kOnlyWithStatic};
}

}  // namespace tidemark::classify
