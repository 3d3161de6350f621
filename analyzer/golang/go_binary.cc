#include "analyzer/golang/go_binary.h"

#include <algorithm>
#include <cstring>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace tidemark::golang {
namespace {

// pclntab's first word: of Go 1.18 and 1.19, and of 1.20 and later. Older ones are laid out
// otherwise.
constexpr uint32_t kMagic118 = 0xfffffff0;
constexpr uint32_t kMagic120 = 0xfffffff1;
constexpr uint64_t kHeaderBytes = 8 + 8 * 8;
// pcHeader's words after its first 8 bytes: how many functions, and where what begins.
constexpr uint64_t kFunctionCount = 8;
constexpr uint64_t kNamesOffset = 32;
constexpr uint64_t kUnitsOffset = 40;
constexpr uint64_t kValuesOffset = 56;
constexpr uint64_t kFunctionsOffset = 64;
// moduledata's words, by index.
constexpr uint64_t kTextWord = 22;
constexpr uint64_t kTypesWord118 = 35;
constexpr uint64_t kTypesWord120 = 37;  // after covctrs, ecovctrs
constexpr uint64_t kGofuncAfterTypes = 3;
// _func: what is known of a function. Its data's offsets follow the constant part.
constexpr uint64_t kFunctionName = 4;
constexpr uint64_t kTableCount = 28;
constexpr uint64_t kFunctionBytes118 = 40;
constexpr uint64_t kFunctionBytes120 = 44;
constexpr uint64_t kInlineTable = 2;  // of those by address: which entry of the inline tree
constexpr uint64_t kInlineTree = 3;   // of those without
constexpr uint32_t kNoData = 0xffffffff;
// An entry of the inline tree.
constexpr uint64_t kInlinedBytes118 = 20;
constexpr uint64_t kInlinedName118 = 12;
constexpr uint64_t kInlinedParent118 = 16;
constexpr uint64_t kInlinedBytes120 = 16;
constexpr uint64_t kInlinedName120 = 4;
constexpr uint64_t kInlinedParent120 = 8;
constexpr size_t kMostInlined = 64;

constexpr absl::string_view kBuildInfoMagic = "\xff Go buildinf:";
constexpr uint64_t kBuildInfoHeader = 32;
constexpr uint64_t kBuildInfoPointer = 14;  // where the size of a pointer is
constexpr uint64_t kBuildInfoFlags = 15;
constexpr uint8_t kBuildInfoInline = 2;   // a flag: the texts follow; since Go 1.18
constexpr uint64_t kBuildInfoGuard = 16;  // around the text about modules
constexpr uint64_t kMostNameBytes = 16384;
constexpr int kMostCandidates = 16;  // for the function table

bool IsFunctionTable(absl::Span<const uint8_t> bytes) {
  if (bytes.size() < kHeaderBytes) return false;
  const uint32_t magic = Load32(bytes, 0);
  const uint8_t quantum = bytes[6];
  return (magic == kMagic118 || magic == kMagic120) && bytes[4] == 0 && bytes[5] == 0 &&
         (quantum == 1 || quantum == 2 || quantum == 4) && bytes[7] == 8;
}

absl::string_view AsText(absl::Span<const uint8_t> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// Programs that read such information have its first bytes as text of their own.
bool IsBuildInfo(absl::Span<const uint8_t> bytes) {
  return bytes.size() >= kBuildInfoHeader && bytes[kBuildInfoPointer] == 8 &&
         (bytes[kBuildInfoFlags] & kBuildInfoInline) != 0;
}

// A varint of at most 32 bits, taken off the front.
std::optional<uint32_t> TakeNumber(absl::Span<const uint8_t>* bytes) {
  uint32_t number = 0;
  for (int shift = 0; shift < 35 && !bytes->empty(); shift += 7) {
    const uint8_t byte = bytes->front();
    bytes->remove_prefix(1);
    number |= static_cast<uint32_t>(byte & 0x7fu) << shift;
    if ((byte & 0x80) == 0) return number;
  }
  return std::nullopt;
}

// A length in Go's varint coding and as many bytes, taken off the front; nullopt when they
// are not there.
std::optional<absl::string_view> TakeString(absl::Span<const uint8_t>* bytes) {
  uint64_t size = 0;
  for (int shift = 0; shift < 63; shift += 7) {
    if (bytes->empty()) return std::nullopt;
    const uint8_t byte = bytes->front();
    bytes->remove_prefix(1);
    size |= uint64_t{byte & 0x7fu} << shift;
    if ((byte & 0x80) != 0) continue;
    if (size > bytes->size()) return std::nullopt;
    const absl::string_view text = AsText(bytes->first(size));
    bytes->remove_prefix(size);
    return text;
  }
  return std::nullopt;
}

// Lines of fields set apart by tabs: "path P", "mod M VERSION SUM", "dep M VERSION SUM"…
void ReadModules(absl::string_view text, BuildInfo* info) {
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    const std::vector<absl::string_view> fields = absl::StrSplit(line, '\t');
    if (fields.size() < 2) continue;
    if (fields[0] == "path") info->main_package = std::string(fields[1]);
    if (fields[0] == "mod" || fields[0] == "dep") info->modules.emplace_back(fields[1]);
  }
}

}  // namespace

absl::StatusOr<std::unique_ptr<GoBinary>> GoBinary::Open(const std::string& path) {
  absl::StatusOr<std::unique_ptr<ElfImage>> image = ElfImage::Open(path);
  if (!image.ok()) return image.status();
  return FromImage(*std::move(image));
}

absl::StatusOr<std::unique_ptr<GoBinary>> GoBinary::FromImage(std::unique_ptr<ElfImage> image) {
  std::unique_ptr<GoBinary> binary(new GoBinary(std::move(image)));
  binary->FindBuildInfo();
  if (absl::Status status = binary->FindTables(); !status.ok()) return status;
  binary->ReadBuildInfo();
  return binary;
}

absl::Status GoBinary::FindTables() {
  for (const absl::string_view name : {".gopclntab", ".data.rel.ro.gopclntab"}) {
    const ElfImage::Section* const section = image_->FindSection(name);
    if (section == nullptr || section->address == 0) continue;
    return ReadTables(section->address, section->bytes);
  }
  // A linker that is not Go's puts it into a larger section, and some programs that strip lose
  // the names; its first word shows it. What has nothing of Go at all is not searched.
  if (!build_info_bytes_.empty()) {
    int candidates = 0;
    for (const ElfImage::Segment& segment : image_->segments()) {
      if (segment.executable) continue;
      const uint64_t skew = (8 - segment.address % 8) % 8;
      for (uint64_t at = skew; at + kHeaderBytes <= segment.bytes.size(); at += 8) {
        const absl::Span<const uint8_t> table = segment.bytes.subspan(at);
        if (!IsFunctionTable(table) || ++candidates > kMostCandidates) continue;
        if (ReadTables(segment.address + at, table).ok()) return absl::OkStatus();
      }
    }
  }
  return absl::InvalidArgumentError(
      absl::StrCat("reading Go's tables: no function table (where: ", image_->path(), ")"));
}

absl::Status GoBinary::ReadTables(uint64_t address, absl::Span<const uint8_t> table) {
  if (!IsFunctionTable(table)) {
    return absl::UnimplementedError(absl::StrCat(
        "reading Go's tables: a function table of a kind that is not known; those of Go 1.18 to "
        "1.26 are (where: ",
        image_->path(), ")"));
  }
  table_address_ = address;
  quantum_ = table[6];
  is_1_20_ = Load32(table, 0) == kMagic120;
  function_count_ = Load64(table, kFunctionCount);
  names_offset_ = Load64(table, kNamesOffset);
  const uint64_t units = Load64(table, kUnitsOffset);
  const uint64_t values = Load64(table, kValuesOffset);
  const uint64_t functions = Load64(table, kFunctionsOffset);
  const bool fits = names_offset_ <= units && units <= table.size() && values <= functions &&
                    functions <= table.size() && function_count_ < table.size() / 8 &&
                    function_count_ * 8 + 4 <= table.size() - functions;
  if (!fits) {
    return absl::DataLossError(
        absl::StrCat("reading Go's tables: the function table's parts are not within its ",
                     table.size(), " bytes (where: ", image_->path(), ")"));
  }
  names_ = table.subspan(names_offset_, units - names_offset_);
  pctab_ = table.subspan(values, functions - values);
  functions_ = table.subspan(functions);
  entries_ = functions_.first(function_count_ * 8 + 4);
  return ReadModuleData();
}

bool GoBinary::IsModuleData(uint64_t address) const {
  return image_->Pointer(address) == table_address_ &&
         image_->Pointer(address + 8) == table_address_ + names_offset_;
}

// moduledata begins with the addresses of pclntab and of its names. Go 1.26 gives it a section
// of its own.
std::optional<uint64_t> GoBinary::FindModuleData() const {
  const ElfImage::Section* const section = image_->FindSection(".go.module");
  if (section != nullptr && IsModuleData(section->address)) return section->address;
  for (const ElfImage::Relocation& relocation : image_->relocations()) {
    if (relocation.target == table_address_ && IsModuleData(relocation.address)) {
      return relocation.address;
    }
  }
  for (const ElfImage::Segment& segment : image_->segments()) {
    if (segment.executable) continue;
    const uint64_t skew = (8 - segment.address % 8) % 8;
    for (uint64_t at = skew; at + 16 <= segment.bytes.size(); at += 8) {
      if (Load64(segment.bytes, at) == table_address_ && IsModuleData(segment.address + at)) {
        return segment.address + at;
      }
    }
  }
  return std::nullopt;
}

absl::Status GoBinary::ReadModuleData() {
  const std::optional<uint64_t> address = FindModuleData();
  if (!address) {
    return absl::DataLossError(
        absl::StrCat("reading Go's tables: no module data (where: ", image_->path(), ")"));
  }
  const uint64_t types_word = is_1_20_ ? kTypesWord120 : kTypesWord118;
  const std::optional<uint64_t> text = image_->Pointer(*address + kTextWord * 8);
  const std::optional<uint64_t> types = image_->Pointer(*address + types_word * 8);
  const std::optional<uint64_t> types_end = image_->Pointer(*address + (types_word + 1) * 8);
  const uint64_t gofunc = *address + (types_word + kGofuncAfterTypes) * 8;
  gofunc_ = image_->Pointer(gofunc).value_or(0);
  if (!text || !types || !types_end || image_->BytesAt(*text, 1).empty() || *types > *types_end) {
    return absl::DataLossError(absl::StrCat(
        "reading Go's tables: the module data contradicts itself (where: ", image_->path(), ")"));
  }
  text_ = *text;
  types_ = *types;
  types_end_ = *types_end;
  return absl::OkStatus();
}

void GoBinary::FindBuildInfo() {
  for (const ElfImage::Segment& segment : image_->segments()) {
    if (segment.executable) continue;
    const absl::string_view bytes = AsText(segment.bytes);
    for (size_t at = 0; (at = bytes.find(kBuildInfoMagic, at)) != absl::string_view::npos; ++at) {
      if (!IsBuildInfo(segment.bytes.subspan(at))) continue;
      build_info_bytes_ = segment.bytes.subspan(at);
      return;
    }
  }
}

void GoBinary::ReadBuildInfo() {
  if (build_info_bytes_.empty()) return;
  absl::Span<const uint8_t> rest = build_info_bytes_.subspan(kBuildInfoHeader);
  const std::optional<absl::string_view> version = TakeString(&rest);
  const std::optional<absl::string_view> modules = TakeString(&rest);
  if (!version || !modules) return;
  build_info_.version = std::string(*version);
  is_1_18_ = !is_1_20_ && absl::StartsWith(*version, "go1.18");
  if (modules->size() > 2 * kBuildInfoGuard) {
    ReadModules(modules->substr(kBuildInfoGuard, modules->size() - 2 * kBuildInfoGuard),
                &build_info_);
  }
}

std::optional<uint64_t> GoBinary::IndexAt(uint64_t address) const {
  const uint64_t offset = address - text_;
  if (address < text_ || offset > 0xffffffff || function_count_ == 0) return std::nullopt;
  // The last entry that is not after `offset`.
  uint64_t low = 0;
  uint64_t high = function_count_;
  while (high - low > 1) {
    const uint64_t middle = low + (high - low) / 2;
    (Load32(entries_, middle * 8) <= offset ? low : high) = middle;
  }
  const bool is_within =
      Load32(entries_, low * 8) <= offset && offset < Load32(entries_, (low + 1) * 8);
  const uint64_t record = Load32(entries_, low * 8 + 4);
  if (!is_within || record > functions_.size() || functions_.size() - record < 8) {
    return std::nullopt;
  }
  return low;
}

absl::string_view GoBinary::NameAt(uint64_t offset) const {
  if (offset >= names_.size()) return "";
  const absl::string_view text = AsText(names_.subspan(offset, kMostNameBytes));
  return text.substr(0, text.find('\0'));
}

std::optional<Function> GoBinary::FunctionAt(uint64_t address) const {
  const std::optional<uint64_t> index = IndexAt(address);
  if (!index) return std::nullopt;
  const uint64_t record = Load32(entries_, *index * 8 + 4);
  Function function;
  function.entry = text_ + Load32(entries_, *index * 8);
  function.end = text_ + Load32(entries_, (*index + 1) * 8);
  function.name = NameAt(Load32(functions_, record + kFunctionName));
  if (function.name.empty()) return std::nullopt;
  return function;
}

// Pairs of varints: how the value changes (signed), and how many quanta of code have it; a
// change of 0 that is not the first ends it.
int64_t GoBinary::ValueAt(uint64_t table, uint64_t entry, uint64_t address) const {
  if (table == 0 || table >= pctab_.size()) return -1;
  absl::Span<const uint8_t> rest = pctab_.subspan(table);
  int64_t value = -1;
  for (uint64_t at = entry; at <= address;) {
    const std::optional<uint32_t> change = TakeNumber(&rest);
    if (!change || (*change == 0 && at != entry)) return -1;
    const std::optional<uint32_t> length = TakeNumber(&rest);
    if (!length || *length == 0) return -1;
    value += static_cast<int32_t>(*change >> 1 ^ -(*change & 1));
    at += uint64_t{*length} * quantum_;
  }
  return value;
}

std::vector<InlinedCall> GoBinary::InlinedAt(uint64_t address) const {
  const std::optional<uint64_t> index = IndexAt(address);
  if (!index) return {};
  const uint64_t entry = text_ + Load32(entries_, *index * 8);
  const absl::Span<const uint8_t> record = functions_.subspan(Load32(entries_, *index * 8 + 4));
  const uint64_t size = is_1_20_ ? kFunctionBytes120 : kFunctionBytes118;
  if (record.size() < size) return {};
  const uint64_t tables = Load32(record, kTableCount);
  const uint64_t data = record[size - 1];
  const uint64_t tree_at = size + 4 * (tables + kInlineTree);
  if (tables <= kInlineTable || data <= kInlineTree || tree_at + 4 > record.size()) return {};
  const uint32_t tree = Load32(record, tree_at);
  if (tree == kNoData) return {};
  const uint32_t table = Load32(record, size + 4 * kInlineTable);

  std::vector<InlinedCall> calls;
  while (calls.size() < kMostInlined) {
    const int64_t node = ValueAt(table, entry, address);
    if (node < 0) break;
    const uint64_t bytes = is_1_20_ ? kInlinedBytes120 : kInlinedBytes118;
    const uint64_t at = gofunc_ + tree + static_cast<uint64_t>(node) * bytes;
    const auto name = image_->Word32(at + (is_1_20_ ? kInlinedName120 : kInlinedName118));
    const auto parent = image_->Word32(at + (is_1_20_ ? kInlinedParent120 : kInlinedParent118));
    if (!name || !parent) break;
    calls.push_back({NameAt(*name), entry + *parent});
    address = entry + *parent;
  }
  return calls;
}

}  // namespace tidemark::golang
