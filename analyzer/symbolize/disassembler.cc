#include "analyzer/symbolize/disassembler.h"

#include <capstone/capstone.h>
#include <gelf.h>

#include <algorithm>
#include <tuple>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "analyzer/symbolize/demangle.h"

namespace tidemark::symbolize {
namespace {

static_assert(sizeof(csh) <= sizeof(size_t));

struct RawSymbol {
  uint64_t begin = 0;
  uint64_t end = 0;
  uint64_t section_end = 0;
  absl::string_view name;
};

// One past the last address of a section; 0 for what is none.
uint64_t SectionEnd(Elf* elf, size_t index) {
  GElf_Shdr header;
  Elf_Scn* const section = elf_getscn(elf, index);
  if (section == nullptr || gelf_getshdr(section, &header) == nullptr) return 0;
  return header.sh_addr + header.sh_size;
}

// Functions of the first section of this type, with their sizes as they are.
std::vector<RawSymbol> FunctionsOf(const ElfFile& file, GElf_Word type) {
  std::vector<RawSymbol> symbols;
  for (Elf_Scn* section = nullptr; (section = elf_nextscn(file.elf(), section)) != nullptr;) {
    GElf_Shdr header;
    if (gelf_getshdr(section, &header) == nullptr || header.sh_type != type ||
        header.sh_entsize == 0) {
      continue;
    }
    Elf_Data* const data = elf_getdata(section, nullptr);
    if (data == nullptr) return symbols;
    for (size_t i = 0; i < data->d_size / header.sh_entsize; ++i) {
      GElf_Sym symbol;
      if (gelf_getsym(data, static_cast<int>(i), &symbol) == nullptr) break;
      const int kind = GELF_ST_TYPE(symbol.st_info);
      if (symbol.st_shndx == SHN_UNDEF || symbol.st_value == 0) continue;
      if (kind != STT_FUNC && kind != STT_GNU_IFUNC) continue;
      const char* const name = elf_strptr(file.elf(), header.sh_link, symbol.st_name);
      if (name == nullptr || *name == '\0') continue;
      symbols.push_back({symbol.st_value, symbol.st_value + symbol.st_size,
                         SectionEnd(file.elf(), symbol.st_shndx), name});
    }
    return symbols;
  }
  return symbols;
}

// A branch's or call's only operand when that is an address: "0x1234", "#0x1234".
bool ParseTarget(absl::string_view operand, uint64_t* address) {
  absl::ConsumePrefix(&operand, "#");
  return absl::ConsumePrefix(&operand, "0x") && absl::SimpleHexAtoi(operand, address);
}

}  // namespace

Disassembler::Disassembler(ModuleFiles files) : files_(std::move(files)) {
  debug_info_ = DebugInfo::Load(files_.best(), files_.alt.get());
}

Disassembler::~Disassembler() {
  if (engine_ != 0) cs_close(&engine_);
}

absl::StatusOr<std::unique_ptr<Disassembler>> Disassembler::Open(
    const std::string& path, const std::string& build_id, absl::Span<const std::string> search_path,
    bool intel_syntax) {
  ModuleFiles files = FindModule({path, build_id, search_path});
  if (files.module == nullptr || !files.module->has_code()) {
    return absl::NotFoundError(absl::StrCat(
        "disassembling: ", files.problem.empty() ? "the file has no code" : files.problem,
        " (where: ", path, ")"));
  }
  std::unique_ptr<Disassembler> disassembler(new Disassembler(std::move(files)));
  const absl::Status status = disassembler->OpenEngine(intel_syntax);
  if (!status.ok()) return status;
  disassembler->ReadSymbols();
  return disassembler;
}

absl::Status Disassembler::OpenEngine(bool intel_syntax) {
  GElf_Ehdr header;
  if (gelf_getehdr(files_.module->elf(), &header) == nullptr) {
    return absl::DataLossError(
        absl::StrCat("disassembling: no ELF header (where: ", files_.module->path(), ")"));
  }
  cs_arch arch = CS_ARCH_X86;
  cs_mode mode = CS_MODE_64;
  switch (header.e_machine) {
    case EM_X86_64:
      break;
    case EM_386:
      mode = CS_MODE_32;
      break;
    case EM_AARCH64:
      arch = CS_ARCH_ARM64;
      mode = CS_MODE_ARM;
      break;
    default:
      return absl::UnimplementedError(
          absl::StrCat("disassembling: code for machine ", header.e_machine,
                       "; x86, x86-64 and aarch64 are known (where: ", files_.module->path(), ")"));
  }
  if (const cs_err error = cs_open(arch, mode, &engine_); error != CS_ERR_OK) {
    return absl::UnimplementedError(absl::StrCat("disassembling: capstone: ", cs_strerror(error)));
  }
  if (arch == CS_ARCH_X86) {
    cs_option(engine_, CS_OPT_SYNTAX, intel_syntax ? CS_OPT_SYNTAX_INTEL : CS_OPT_SYNTAX_ATT);
  }
  cs_option(engine_, CS_OPT_DETAIL, CS_OPT_ON);  // what is a branch
  cs_option(engine_, CS_OPT_SKIPDATA, CS_OPT_ON);
  return absl::OkStatus();
}

void Disassembler::ReadSymbols() {
  std::vector<RawSymbol> raw;
  if (files_.debug != nullptr) raw = FunctionsOf(*files_.debug, SHT_SYMTAB);
  if (raw.empty()) raw = FunctionsOf(*files_.module, SHT_SYMTAB);
  if (raw.empty()) raw = FunctionsOf(*files_.module, SHT_DYNSYM);
  std::sort(raw.begin(), raw.end(), [](const RawSymbol& a, const RawSymbol& b) {
    return std::tie(a.begin, a.name) < std::tie(b.begin, b.name);
  });
  std::vector<uint64_t> section_ends;  // of symbols_
  for (const RawSymbol& symbol : raw) {
    if (symbols_.empty() || symbols_.back().begin != symbol.begin) {
      symbols_.push_back({symbol.begin, symbol.begin, {}});
      section_ends.push_back(symbol.section_end);
    }
    CodeSymbol& merged = symbols_.back();
    merged.end = std::max(merged.end, symbol.end);
    if (merged.names.empty() || merged.names.back() != symbol.name) {
      merged.names.emplace_back(symbol.name);
    }
  }
  // Hand-written assembly often has no size: such a function ends where the next begins, or its
  // section ends.
  for (size_t i = 0; i < symbols_.size(); ++i) {
    CodeSymbol& symbol = symbols_[i];
    if (symbol.end > symbol.begin) continue;
    symbol.end = i + 1 < symbols_.size() ? symbols_[i + 1].begin : section_ends[i];
    if (section_ends[i] > symbol.begin) symbol.end = std::min(symbol.end, section_ends[i]);
    symbol.end = std::max(symbol.end, symbol.begin + 1);
  }
}

absl::Span<const uint8_t> Disassembler::CodeAt(uint64_t begin, uint64_t end) const {
  Elf* const elf = files_.module->elf();
  size_t count = 0;
  if (elf_getphdrnum(elf, &count) != 0) return {};
  for (size_t i = 0; i < count; ++i) {
    GElf_Phdr segment;
    if (gelf_getphdr(elf, static_cast<int>(i), &segment) == nullptr) continue;
    if (segment.p_type != PT_LOAD || begin < segment.p_vaddr) continue;
    const uint64_t skipped = begin - segment.p_vaddr;
    if (skipped >= segment.p_filesz || end - begin > segment.p_filesz - skipped) continue;
    Elf_Data* const data = elf_getdata_rawchunk(
        elf, static_cast<int64_t>(segment.p_offset + skipped), end - begin, ELF_T_BYTE);
    if (data == nullptr || data->d_size != end - begin) return {};
    return {static_cast<const uint8_t*>(data->d_buf), data->d_size};
  }
  return {};
}

std::string Disassembler::TargetName(uint64_t address) const {
  auto it = std::upper_bound(symbols_.begin(), symbols_.end(), address,
                             [](uint64_t a, const CodeSymbol& s) { return a < s.begin; });
  if (it == symbols_.begin()) return "";
  --it;
  if (address >= it->end) return "";
  const std::string name = Demangle(it->names.front());
  if (address == it->begin) return name;
  return absl::StrCat(name, "+0x", absl::Hex(address - it->begin));
}

void Disassembler::FillPlace(Instruction* instruction) {
  if (debug_info_ == nullptr) return;
  const std::vector<SourceFrame> frames = debug_info_->FramesAt(instruction->address);
  if (frames.empty()) return;
  const SourceFrame& frame = frames.front();
  instruction->function =
      frame.linkage_name.empty() ? std::string(frame.name) : Demangle(frame.linkage_name);
  instruction->file = std::string(frame.file);
  instruction->line = frame.line;
}

absl::StatusOr<std::vector<Instruction>> Disassembler::Disassemble(const CodeSymbol& symbol) {
  const std::string where =
      absl::StrCat("(where: ", symbol.names.front(), " in ", files_.module->path(), ")");
  if (symbol.end - symbol.begin > kMaxFunctionBytes) {
    return absl::ResourceExhaustedError(
        absl::StrCat("disassembling: a function of ", symbol.end - symbol.begin, " bytes ", where));
  }
  const absl::Span<const uint8_t> code = CodeAt(symbol.begin, symbol.end);
  if (code.empty()) {
    return absl::DataLossError(absl::StrCat("disassembling: the file lacks the code ", where));
  }
  cs_insn* const decoded = cs_malloc(engine_);
  if (decoded == nullptr) return absl::ResourceExhaustedError("disassembling: out of memory");
  const absl::Cleanup free_decoded = [decoded] { cs_free(decoded, 1); };
  std::vector<Instruction> instructions;
  const uint8_t* next = code.data();
  size_t left = code.size();
  uint64_t address = symbol.begin;
  while (cs_disasm_iter(engine_, &next, &left, &address, decoded)) {
    Instruction instruction;
    instruction.address = decoded->address;
    instruction.text = decoded->mnemonic;
    if (decoded->op_str[0] != '\0') absl::StrAppend(&instruction.text, " ", decoded->op_str);
    // id 0: data that was skipped, which belongs to no group.
    uint64_t target = 0;
    if (decoded->id != 0 &&
        (cs_insn_group(engine_, decoded, CS_GRP_JUMP) ||
         cs_insn_group(engine_, decoded, CS_GRP_CALL)) &&
        ParseTarget(decoded->op_str, &target)) {
      const std::string name = TargetName(target);
      if (!name.empty()) absl::StrAppend(&instruction.text, " <", name, ">");
    }
    FillPlace(&instruction);
    instructions.push_back(std::move(instruction));
  }
  return instructions;
}

}  // namespace tidemark::symbolize
