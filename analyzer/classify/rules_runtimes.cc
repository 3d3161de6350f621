// Run times of other languages: CPython, Go.

#include "analyzer/classify/rules.h"

namespace tidemark::classify {
namespace {

using enum ContainerKind;
using enum Operation;
using enum Shape;

constexpr FunctionRule kFunctions[] = {
    // CPython: the objects of the interpreted program.
    {"PyDict_New", kMap, "dict", kPlain, kCreate},
    {"PyDict_Copy", kMap, "dict", kPlain, kCopy},
    {"PyDict_*", kMap, "dict", kPlain, kInsert},
    {"_PyDict_*", kMap, "dict", kPlain, kInsert},
    {"dictresize", kMap, "dict", kPlain, kRehash},
    {"insertdict", kMap, "dict", kPlain, kInsert},
    {"PySet_*", kSet, "set", kPlain, kInsert},
    {"set_table_resize", kSet, "set", kPlain, kRehash},
    {"PyList_New", kSlice, "list", kPlain, kCreate},
    {"PyList_*", kSlice, "list", kPlain, kGrow},
    {"_PyList_*", kSlice, "list", kPlain, kGrow},
    {"list_resize", kSlice, "list", kPlain, kGrow},
    {"PyTuple_*", kSlice, "tuple", kPlain, kCreate},
    {"_PyTuple_*", kSlice, "tuple", kPlain, kCreate},
    {"PyUnicode_*", kString, "str", kPlain, kCreate},
    {"_PyUnicode_*", kString, "str", kPlain, kCreate},
    {"PyBytes_*", kBuffer, "bytes", kPlain, kCreate},
    {"_PyBytes_*", kBuffer, "bytes", kPlain, kCreate},
    {"PyByteArray_*", kBuffer, "bytearray", kPlain, kGrow},
    // Go's run time, where a profile still has its frames.
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

constexpr absl::string_view kGlue[] = {
    "PyMem_*",          "_PyMem_*",
    "PyObject_Malloc",  "PyObject_Calloc",
    "PyObject_Realloc", "_PyObject_Malloc",
    "_PyObject_Calloc", "_PyObject_Realloc",
    "pymalloc_alloc",   "_PyObject_New*",
    "_PyObject_GC_*",   "PyObject_GC_*",
    "_PyType_Alloc*",   "PyType_GenericAlloc",
    "gc_alloc",         "_PyObject_GC_Alloc",
    "runtime.*",        "internal/runtime/*",
};

}  // namespace

RuleTable RuntimeRules() { return {.functions = kFunctions, .glue = kGlue}; }

}  // namespace tidemark::classify
