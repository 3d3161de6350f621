// Go's own descriptions of types (internal/abi.Type), which every program carries for its
// garbage collector and its interfaces.
//
// Thread class: pure functions. Allocation class: may allocate. Views live as long as the
// binary.

#ifndef TIDEMARK_ANALYZER_GOLANG_GO_TYPE_H_
#define TIDEMARK_ANALYZER_GOLANG_GO_TYPE_H_

#include <cstdint>
#include <optional>

#include "absl/strings/string_view.h"
#include "analyzer/golang/go_binary.h"

namespace tidemark::golang {

// Of reflect.Kind, those that are told apart here.
enum class TypeKind : uint8_t {
  kArray = 17,
  kChan = 18,
  kInterface = 20,
  kMap = 21,
  kPointer = 22,
  kSlice = 23,
  kString = 24,
  kStruct = 25,
  kLast = 26,
};

struct GoType {
  uint64_t address = 0;
  TypeKind kind{};  // any of reflect.Kind's numbers
  uint64_t size_bytes = 0;
  // As the run time prints it: "map[string]*store.Rec", "store.Rec", "[]uint8".
  absl::string_view name;
  // Of a struct with a name: the import path of its package, "container/list"; else "".
  absl::string_view package;
  uint64_t key = 0;      // the type's address; of maps
  uint64_t element = 0;  // of arrays, channels, maps (the value), pointers, slices
};

// nullopt when no type is described at this link-time address.
std::optional<GoType> TypeAt(const GoBinary& binary, uint64_t address);

// The type that an interface's first word at run time stands for: a type's address, or an
// itab's.
std::optional<GoType> TypeOfInterfaceWord(const GoBinary& binary, uint64_t address);

// The type of the field of a struct that begins at this offset, looked for in fields that are
// structs too until it is no struct.
std::optional<GoType> FieldAt(const GoBinary& binary, const GoType& type, uint64_t offset);

}  // namespace tidemark::golang

#endif  // TIDEMARK_ANALYZER_GOLANG_GO_TYPE_H_
