// Libraries of C++.

#include "analyzer/classify/rules.h"

namespace tidemark::classify {
namespace {

using enum ContainerKind;
using enum Operation;
using enum Shape;

constexpr ClassRule kClasses[] = {
    // Abseil.
    {"absl::container_internal::raw_hash_set", kMap, "absl::flat_hash_map", kPolicy},
    {"absl::container_internal::raw_hash_map", kMap, "absl::flat_hash_map", kPolicy},
    {"absl::flat_hash_map", kMap, "absl::flat_hash_map", kKeyValue},
    {"absl::flat_hash_set", kSet, "absl::flat_hash_set", kElement},
    {"absl::node_hash_map", kMap, "absl::node_hash_map", kKeyValue},
    {"absl::node_hash_set", kSet, "absl::node_hash_set", kElement},
    {"absl::container_internal::btree", kMap, "absl::btree", kPlain},
    {"absl::InlinedVector", kSlice, "absl::InlinedVector", kElement},
    {"absl::inlined_vector_internal::Storage", kSlice, "absl::InlinedVector", kElement},
    // Qt.
    {"QHash", kMap, "QHash", kKeyValue},
    {"QMap", kMap, "QMap", kKeyValue},
    {"QSet", kSet, "QSet", kElement},
    {"QList", kSlice, "QList", kElement},
    {"QVector", kSlice, "QVector", kElement},
    {"QString", kString, "QString", kPlain},
    {"QByteArray", kBuffer, "QByteArray", kPlain},
    // LLVM.
    {"llvm::SmallVectorBase", kSlice, "llvm::SmallVector", kPlain},
    {"llvm::SmallVectorTemplateBase", kSlice, "llvm::SmallVector", kElement},
    {"llvm::SmallVectorImpl", kSlice, "llvm::SmallVector", kElement},
    {"llvm::DenseMap", kMap, "llvm::DenseMap", kKeyValue},
    {"llvm::SmallDenseMap", kMap, "llvm::SmallDenseMap", kKeyValue},
    {"llvm::StringMapImpl", kMap, "llvm::StringMap", kPlain},
    {"llvm::StringMap", kMap, "llvm::StringMap", kElement},
    {"llvm::SmallPtrSetImplBase", kSet, "llvm::SmallPtrSet", kPlain},
};

constexpr absl::string_view kGlue[] = {
    "llvm::safe_malloc",     "llvm::safe_calloc",        "llvm::safe_realloc",
    "llvm::allocate_buffer", "llvm::MallocAllocator::*", "llvm::BumpPtrAllocatorImpl*",
    "QArrayData::*",         "QTypedArrayData*",         "QArrayDataPointer*",
    "QtPrivate::*",          "QHashPrivate::*",
};

constexpr NamespaceRule kNamespaces[] = {
    {"absl::container_internal::", false},
    {"absl::inlined_vector_internal::", false},
    {"absl::allocator_traits", false},
};

}  // namespace

RuleTable CppLibraryRules() {
  return {.classes = kClasses, .glue = kGlue, .namespaces = kNamespaces};
}

}  // namespace tidemark::classify
