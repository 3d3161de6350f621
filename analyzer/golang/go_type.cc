#include "analyzer/golang/go_type.h"

#include <algorithm>

namespace tidemark::golang {
namespace {

// Offsets in abi.Type, which begins every description, and in what follows it.
constexpr uint64_t kSize = 0;
constexpr uint64_t kPointerBytes = 8;
constexpr uint64_t kHash = 16;
constexpr uint64_t kFlags = 20;
constexpr uint64_t kAlign = 21;
constexpr uint64_t kFieldAlign = 22;
constexpr uint64_t kKind = 23;
constexpr uint64_t kName = 40;
constexpr uint64_t kTypeBytes = 48;
constexpr uint64_t kElement = 48;  // of arrays, channels, pointers, slices
constexpr uint64_t kMapKey = 48;
constexpr uint64_t kMapElement = 56;
constexpr uint64_t kFields = 56;  // a slice of structFields
constexpr uint64_t kFieldCount = 64;
constexpr uint64_t kFieldBytes = 24;
constexpr uint64_t kFieldType = 8;
constexpr uint64_t kFieldOffset = 16;
constexpr uint64_t kItabHash = 16;
constexpr uint64_t kStructBytes = 80;  // then comes abi.UncommonType, which begins with the package

constexpr uint8_t kIsUncommon = 1 << 0;
constexpr uint8_t kExtraStar = 1 << 1;  // the name has a '*' before it that does not count
constexpr uint8_t kKindMask = 0x1f;     // above it were flags until Go 1.23
constexpr uint64_t kMostNameBytes = 65536;
constexpr uint64_t kMostFields = 4096;
constexpr int kMostNestedStructs = 8;

bool IsAlignment(uint8_t n) { return n == 1 || n == 2 || n == 4 || n == 8; }

// abi.Name: a byte of flags, the length as a varint, the text.
absl::string_view NameAt(const GoBinary& binary, uint64_t address) {
  absl::Span<const uint8_t> bytes = binary.image().BytesFrom(address);
  uint64_t size = 0;
  size_t at = 1;
  for (int shift = 0;; shift += 7, ++at) {
    if (at >= bytes.size() || shift > 14) return "";
    size |= uint64_t{bytes[at] & 0x7fu} << shift;
    if ((bytes[at] & 0x80) == 0) break;
  }
  bytes.remove_prefix(at + 1);
  if (size > bytes.size() || size > kMostNameBytes) return "";
  return {reinterpret_cast<const char*>(bytes.data()), size};
}

// Offsets are signed.
absl::string_view NameByOffset(const GoBinary& binary, uint32_t offset) {
  return NameAt(binary,
                binary.types() + static_cast<uint64_t>(int64_t{static_cast<int32_t>(offset)}));
}

bool IsPrintable(absl::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte >= 0x20 && byte != 0x7f;
  });
}

}  // namespace

std::optional<GoType> TypeAt(const GoBinary& binary, uint64_t address) {
  if (!binary.IsInTypes(address) || address % 8 != 0) return std::nullopt;
  const ElfImage& image = binary.image();
  const absl::Span<const uint8_t> bytes = image.BytesAt(address, kTypeBytes);
  if (bytes.empty()) return std::nullopt;
  GoType type;
  type.address = address;
  type.size_bytes = Load64(bytes, kSize);
  const uint8_t kind = bytes[kKind] & kKindMask;
  type.kind = static_cast<TypeKind>(kind);
  if (kind == 0 || kind > static_cast<uint8_t>(TypeKind::kLast) || !IsAlignment(bytes[kAlign]) ||
      !IsAlignment(bytes[kFieldAlign]) || Load64(bytes, kPointerBytes) > type.size_bytes) {
    return std::nullopt;
  }
  type.name = NameByOffset(binary, Load32(bytes, kName));
  if ((bytes[kFlags] & kExtraStar) != 0 && !type.name.empty()) type.name.remove_prefix(1);
  if (type.name.empty() || !IsPrintable(type.name)) return std::nullopt;
  switch (type.kind) {
    case TypeKind::kMap:
      type.key = image.Pointer(address + kMapKey).value_or(0);
      type.element = image.Pointer(address + kMapElement).value_or(0);
      break;
    case TypeKind::kArray:
    case TypeKind::kChan:
    case TypeKind::kPointer:
    case TypeKind::kSlice:
      type.element = image.Pointer(address + kElement).value_or(0);
      break;
    case TypeKind::kStruct:
      if ((bytes[kFlags] & kIsUncommon) != 0) {
        const std::optional<uint32_t> package = image.Word32(address + kStructBytes);
        type.package = NameByOffset(binary, package.value_or(0));
      }
      break;
    default:
      break;
  }
  return type;
}

std::optional<GoType> TypeOfInterfaceWord(const GoBinary& binary, uint64_t address) {
  if (std::optional<GoType> type = TypeAt(binary, address)) return type;
  // abi.ITab: the interface, the type, the type's hash, methods.
  const ElfImage& image = binary.image();
  const std::optional<uint64_t> interface = image.Pointer(address);
  const std::optional<uint64_t> dynamic = image.Pointer(address + 8);
  if (!interface || !dynamic) return std::nullopt;
  const std::optional<GoType> interface_type = TypeAt(binary, *interface);
  if (!interface_type || interface_type->kind != TypeKind::kInterface) return std::nullopt;
  std::optional<GoType> type = TypeAt(binary, *dynamic);
  if (!type || image.Word32(address + kItabHash) != image.Word32(*dynamic + kHash)) {
    return std::nullopt;
  }
  return type;
}

std::optional<GoType> FieldAt(const GoBinary& binary, const GoType& type, uint64_t offset) {
  const ElfImage& image = binary.image();
  std::optional<GoType> found = type;
  for (int depth = 0; depth < kMostNestedStructs && found; ++depth) {
    if (found->kind != TypeKind::kStruct) return depth == 0 ? std::nullopt : found;
    const uint64_t fields = image.Pointer(found->address + kFields).value_or(0);
    const uint64_t count = image.Pointer(found->address + kFieldCount).value_or(0);
    std::optional<GoType> next;
    uint64_t begin = 0;
    for (uint64_t i = 0; i < std::min(count, kMostFields); ++i) {
      const uint64_t field = fields + i * kFieldBytes;
      const std::optional<uint64_t> field_type = image.Pointer(field + kFieldType);
      std::optional<uint64_t> place = image.Pointer(field + kFieldOffset);
      if (!field_type || !place) return std::nullopt;
      if (binary.doubles_field_offsets()) *place >>= 1;
      if (*place > offset) break;
      std::optional<GoType> candidate = TypeAt(binary, *field_type);
      if (!candidate || offset - *place >= std::max<uint64_t>(candidate->size_bytes, 1)) continue;
      next = candidate;
      begin = *place;
    }
    offset -= begin;
    found = next;
    if (found && found->kind != TypeKind::kStruct && offset != 0) return std::nullopt;
  }
  return std::nullopt;
}

}  // namespace tidemark::golang
