// Qt 5 and 6, and LLVM: libraries whose other classes are the sites of their users.

#include "analyzer/classify/rules.h"

namespace tidemark::classify {
namespace {

using enum ContainerKind;
using enum Operation;
using enum Shape;

constexpr ClassRule kClasses[] = {
    // Qt.
    {"QHash", kMap, "QHash", kKeyValue},
    {"QMultiHash", kMap, "QMultiHash", kKeyValue},
    {"QHashData", kMap, "QHash", kPlain},
    {"QHashPrivate::Data", kMap, "QHash", kPolicy},
    {"QHashPrivate::Span", kMap, "QHash", kPolicy},
    {"QHashPrivate::Node", kMap, "QHash", kKeyValue},
    {"QHashPrivate::MultiNode", kMap, "QMultiHash", kKeyValue},
    {"QHashPrivate::MultiNodeChain", kMap, "QMultiHash", kPlain},
    {"QMap", kMap, "QMap", kKeyValue},
    {"QMultiMap", kMap, "QMultiMap", kKeyValue},
    {"QMapData", kMap, "QMap", kPlain},
    {"QMapDataBase", kMap, "QMap", kPlain},
    {"QMapNode", kMap, "QMap", kKeyValue},
    {"QSet", kSet, "QSet", kElement},
    {"QCache", kMap, "QCache", kKeyValue},
    {"QList", kSlice, "QList", kElement},
    {"QListData", kSlice, "QList", kPlain},
    {"QVector", kSlice, "QVector", kElement},
    {"QLinkedList", kList, "QLinkedList", kElement},
    {"QQueue", kQueue, "QQueue", kElement},
    {"QStack", kQueue, "QStack", kElement},
    {"QVarLengthArray", kSlice, "QVarLengthArray", kElement},
    {"QVLABase", kSlice, "QVarLengthArray", kElement},
    {"QVLABaseBase", kSlice, "QVarLengthArray", kPlain},
    {"QArrayDataPointer", kSlice, "QList", kQtArray},
    {"QTypedArrayData", kSlice, "QList", kQtArray},
    {"QtPrivate::QPodArrayOps", kSlice, "QList", kQtArray},
    {"QtPrivate::QCommonArrayOps", kSlice, "QList", kQtArray},
    {"QtPrivate::QGenericArrayOps", kSlice, "QList", kQtArray},
    {"QtPrivate::QMovableArrayOps", kSlice, "QList", kQtArray},
    {"QString", kString, "QString", kPlain},
    {"QStringBuilder", kString, "QString", kPlain},
    {"QByteArray", kBuffer, "QByteArray", kPlain},
    {"QBitArray", kSlice, "QBitArray", kPlain},
    {"QVariant", kObject, "QVariant", kPlain},
    {"QVariant::Private", kObject, "QVariant", kPlain},
    {"QSharedPointer", kObject, "QSharedPointer", kElement},
    {"QtSharedPointer::ExternalRefCountWithContiguousData", kObject, "QSharedPointer", kElement},
    {"QtSharedPointer::ExternalRefCountWithCustomDeleter", kObject, "QSharedPointer", kElement},
    // LLVM.
    {"llvm::SmallVector", kSlice, "llvm::SmallVector", kElement},
    {"llvm::SmallVectorBase", kSlice, "llvm::SmallVector", kPlain},
    {"llvm::SmallVectorTemplateCommon", kSlice, "llvm::SmallVector", kElement},
    {"llvm::SmallVectorTemplateBase", kSlice, "llvm::SmallVector", kElement},
    {"llvm::SmallVectorImpl", kSlice, "llvm::SmallVector", kElement},
    {"llvm::SmallString", kString, "llvm::SmallString", kPlain},
    {"llvm::BitVector", kSlice, "llvm::BitVector", kPlain},
    {"llvm::SmallBitVector", kSlice, "llvm::SmallBitVector", kPlain},
    {"llvm::SparseBitVector", kSlice, "llvm::SparseBitVector", kPlain},
    {"llvm::DenseMap", kMap, "llvm::DenseMap", kKeyValue},
    {"llvm::SmallDenseMap", kMap, "llvm::SmallDenseMap", kKeyValue},
    {"llvm::DenseMapBase", kMap, "", kDerived},
    {"llvm::DenseSet", kSet, "llvm::DenseSet", kElement},
    {"llvm::SmallDenseSet", kSet, "llvm::SmallDenseSet", kElement},
    {"llvm::detail::DenseSetImpl", kSet, "llvm::DenseSet", kElement},
    {"llvm::MapVector", kMap, "llvm::MapVector", kKeyValue},
    {"llvm::SmallMapVector", kMap, "llvm::SmallMapVector", kKeyValue},
    {"llvm::SetVector", kSet, "llvm::SetVector", kElement},
    {"llvm::SmallSetVector", kSet, "llvm::SmallSetVector", kElement},
    {"llvm::SmallSet", kSet, "llvm::SmallSet", kElement},
    {"llvm::SmallPtrSetImplBase", kSet, "llvm::SmallPtrSet", kPlain},
    {"llvm::SmallPtrSetImpl", kSet, "llvm::SmallPtrSet", kElement},
    {"llvm::SmallPtrSet", kSet, "llvm::SmallPtrSet", kElement},
    {"llvm::StringMapImpl", kMap, "llvm::StringMap", kPlain},
    {"llvm::StringMap", kMap, "llvm::StringMap", kStringKeys},
    {"llvm::StringMapEntry", kMap, "llvm::StringMap", kStringKeys},
    {"llvm::StringMapEntryBase", kMap, "llvm::StringMap", kPlain},
    {"llvm::StringSet", kSet, "llvm::StringSet", kPlain},
    {"llvm::FoldingSetBase", kSet, "llvm::FoldingSet", kPlain},
    {"llvm::FoldingSetImpl", kSet, "llvm::FoldingSet", kElement1},
    {"llvm::FoldingSet", kSet, "llvm::FoldingSet", kElement},
    {"llvm::ContextualFoldingSet", kSet, "llvm::FoldingSet", kElement},
    {"llvm::FoldingSetNodeID", kSlice, "llvm::SmallVector<unsigned int>", kPlain},
    {"llvm::ImmutableMap", kMap, "llvm::ImmutableMap", kKeyValue},
    {"llvm::ImmutableSet", kSet, "llvm::ImmutableSet", kElement},
    {"llvm::IntervalMap", kMap, "llvm::IntervalMap", kKeyValue},
    {"llvm::ValueMap", kMap, "llvm::ValueMap", kKeyValue},
    {"llvm::UniqueVector", kSet, "llvm::UniqueVector", kElement},
    {"llvm::BumpPtrAllocatorImpl", kBuffer, "llvm::BumpPtrAllocator", kPlain},
    {"llvm::SpecificBumpPtrAllocator", kBuffer, "llvm::BumpPtrAllocator", kPlain},
    {"llvm::StringSaver", kString, "llvm::StringSaver", kPlain},
    {"llvm::UniqueStringSaver", kSet, "llvm::UniqueStringSaver", kPlain},
    {"llvm::APInt", kObject, "llvm::APInt", kPlain},
    {"llvm::APFloat", kObject, "llvm::APFloat", kPlain},
    {"llvm::Twine", kString, "std::string", kPlain},
    {"llvm::raw_string_ostream", kString, "std::string", kPlain},
    {"llvm::raw_svector_ostream", kString, "llvm::SmallString", kPlain},
    {"llvm::raw_ostream", kBuffer, "llvm::raw_ostream", kPlain},
    {"llvm::unique_function", kObject, "llvm::unique_function", kElement},
};

constexpr FunctionRule kFunctions[] = {
    {"llvm::MemoryBuffer::get*", kBuffer, "llvm::MemoryBuffer", kPlain, kCreate},
    {"llvm::WritableMemoryBuffer::getNew*", kBuffer, "llvm::MemoryBuffer", kPlain, kCreate},
};

constexpr absl::string_view kGlue[] = {
    "QArrayData::*",          "llvm::safe_malloc",        "llvm::safe_calloc",
    "llvm::safe_realloc",     "llvm::allocate_buffer",    "llvm::MallocAllocator::*",
    "llvm::AllocatorBase::*", "llvm::User::operator new", "clang::ASTContext::Allocate",
};

constexpr NamespaceRule kNamespaces[] = {
    {"QtPrivate::", false},
    {"QHashPrivate::", false},
    {"QtSharedPointer::", false},
};

}  // namespace

RuleTable QtLlvmRules() {
  return {.classes = kClasses, .functions = kFunctions, .glue = kGlue, .namespaces = kNamespaces};
}

}  // namespace tidemark::classify
