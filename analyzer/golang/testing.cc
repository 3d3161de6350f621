#include "analyzer/golang/testing.h"

#include <elf.h>

#include <cstring>

namespace tidemark::golang::testing {
namespace {

constexpr uint64_t kText = 0x401000;
constexpr uint64_t kTypes = 0x500000;
constexpr uint64_t kTable = 0x600000;
constexpr uint64_t kData = 0x700000;
constexpr uint64_t kTypeBytes = 96;
constexpr uint64_t kNone = 0;  // for what nobody looks at

constexpr int kNumbers[kRegisters] = {0, 3, 1, 7, 6, 8, 9, 10, 11, 2, 5, 4, 12, 13, 14, 15};

// A part of the program that is loaded at `address`.
struct Part {
  const char* section;
  uint64_t address;
  uint32_t flags;
  std::string bytes;

  void Align(uint64_t to) { bytes.resize((bytes.size() + to - 1) / to * to); }
  uint64_t end() const { return address + bytes.size(); }
  template <class T>
  void Put(T value) {
    bytes.append(reinterpret_cast<const char*>(&value), sizeof(value));
  }
  template <class T>
  void PutAt(uint64_t offset, T value) {
    std::memcpy(bytes.data() + offset, &value, sizeof(value));
  }
};

// Pointers that the loader fills in.
class Pointers {
 public:
  explicit Pointers(bool are_relocated) : are_relocated_(are_relocated) {}
  void Put(Part* part, uint64_t target) {
    if (are_relocated_ && target != 0) {
      relocations_.push_back(
          {part->end(), ELF64_R_INFO(0, R_X86_64_RELATIVE), static_cast<int64_t>(target)});
      target = 0;
    }
    part->Put(target);
  }
  std::string table() const {
    return std::string(reinterpret_cast<const char*>(relocations_.data()),
                       relocations_.size() * sizeof(Elf64_Rela));
  }

 private:
  bool are_relocated_;
  std::vector<Elf64_Rela> relocations_;
};

// The length as a varint, and the text.
void PutString(Part* part, const std::string& text) {
  for (uint64_t size = text.size();;) {
    const auto low = static_cast<uint8_t>(size & 0x7f);
    size >>= 7;
    part->Put<uint8_t>(size != 0 ? low | 0x80 : low);
    if (size == 0) break;
  }
  part->bytes += text;
}

// abi.Name.
void PutName(Part* part, const std::string& name) {
  part->Put<uint8_t>(0);
  PutString(part, name);
}

std::string BuildElf(const std::vector<Part>& parts, const std::string& relocations,
                     bool is_position_independent) {
  std::vector<Elf64_Phdr> segments;
  std::vector<Elf64_Shdr> sections(1);
  std::string names(1, '\0');
  std::string bytes(sizeof(Elf64_Ehdr) + parts.size() * sizeof(Elf64_Phdr), '\0');
  const auto add_section = [&](const char* name, uint32_t type, uint64_t address,
                               const std::string& content) {
    Elf64_Shdr header = {};
    header.sh_name = static_cast<Elf64_Word>(names.size());
    names += name + std::string(1, '\0');
    header.sh_type = type;
    header.sh_flags = address != 0 ? SHF_ALLOC : 0;
    header.sh_addr = address;
    bytes.resize((bytes.size() + 15) / 16 * 16);
    header.sh_offset = bytes.size();
    header.sh_size = content.size();
    bytes += content;
    sections.push_back(header);
  };
  for (const Part& part : parts) {
    add_section(part.section, SHT_PROGBITS, part.address, part.bytes);
    Elf64_Phdr segment = {};
    segment.p_type = PT_LOAD;
    segment.p_flags = part.flags;
    segment.p_offset = sections.back().sh_offset;
    segment.p_vaddr = segment.p_paddr = part.address;
    segment.p_filesz = segment.p_memsz = part.bytes.size();
    segments.push_back(segment);
  }
  if (!relocations.empty()) add_section(".rela.dyn", SHT_RELA, 0, relocations);
  add_section("", SHT_STRTAB, 0, names + '\0');

  Elf64_Ehdr header = {};
  std::memcpy(header.e_ident, ELFMAG, SELFMAG);
  header.e_ident[EI_CLASS] = ELFCLASS64;
  header.e_ident[EI_DATA] = ELFDATA2LSB;
  header.e_ident[EI_VERSION] = EV_CURRENT;
  header.e_type = is_position_independent ? ET_DYN : ET_EXEC;
  header.e_machine = EM_X86_64;
  header.e_version = EV_CURRENT;
  header.e_phoff = sizeof(Elf64_Ehdr);
  header.e_phentsize = sizeof(Elf64_Phdr);
  header.e_phnum = static_cast<Elf64_Half>(segments.size());
  header.e_shoff = bytes.size();
  header.e_shentsize = sizeof(Elf64_Shdr);
  header.e_shnum = static_cast<Elf64_Half>(sections.size());
  header.e_shstrndx = static_cast<Elf64_Half>(sections.size() - 1);
  std::memcpy(bytes.data(), &header, sizeof(header));
  std::memcpy(bytes.data() + sizeof(header), segments.data(), segments.size() * sizeof(Elf64_Phdr));
  bytes.append(reinterpret_cast<const char*>(sections.data()),
               sections.size() * sizeof(Elf64_Shdr));
  return bytes;
}

}  // namespace

Assembler& Assembler::Bytes(std::initializer_list<int> bytes) {
  for (const int byte : bytes) code_ += static_cast<char>(byte);
  return *this;
}

Assembler& Assembler::Relative(uint64_t target) {
  const auto distance = static_cast<int32_t>(target - here() - 4);
  code_.append(reinterpret_cast<const char*>(&distance), 4);
  return *this;
}

Assembler& Assembler::Call(uint64_t target) { return Bytes({0xe8}).Relative(target); }
Assembler& Assembler::Jump(uint64_t target) { return Bytes({0xe9}).Relative(target); }
Assembler& Assembler::JumpIfEqual(uint64_t target) { return Bytes({0x0f, 0x84}).Relative(target); }

Assembler& Assembler::Lea(Register to, uint64_t address) {
  const int reg = kNumbers[to];
  return Bytes({0x48 | (reg >> 3) << 2, 0x8d, (reg & 7) << 3 | 5}).Relative(address);
}

Assembler& Assembler::Move(Register to, Register from) {
  const int reg = kNumbers[from];
  const int rm = kNumbers[to];
  return Bytes({0x48 | (reg >> 3) << 2 | rm >> 3, 0x89, 0xc0 | (reg & 7) << 3 | (rm & 7)});
}

// With an 8-bit offset; a SIB byte where the encoding wants one.
Assembler& Assembler::Memory(int opcode, Register reg, Register base, int8_t offset) {
  const int r = kNumbers[reg];
  const int b = kNumbers[base];
  Bytes({0x48 | (r >> 3) << 2 | b >> 3, opcode, 0x40 | (r & 7) << 3 | (b & 7)});
  if ((b & 7) == 4) Bytes({0x24});
  return Bytes({offset});
}

Assembler& Assembler::Load(Register to, Register base, int8_t offset) {
  return Memory(0x8b, to, base, offset);
}
Assembler& Assembler::Store(Register base, int8_t offset, Register from) {
  return Memory(0x89, from, base, offset);
}
Assembler& Assembler::SubtractFromStack(int8_t bytes) { return Bytes({0x48, 0x83, 0xec, bytes}); }
Assembler& Assembler::Return() { return Bytes({0xc3}); }

uint64_t FakeProgram::NextFunction() const { return kText + functions_.size() * kFunctionBytes; }

uint64_t FakeProgram::AddFunction(const std::string& name, const std::string& code) {
  functions_.push_back({name, code});
  return NextFunction() - kFunctionBytes;
}

uint64_t FakeProgram::AddFunction(const std::string& name) { return AddFunction(name, "\xc3"); }

uint64_t FakeProgram::Add(Type type) {
  types_.push_back(std::move(type));
  return kTypes + (types_.size() - 1) * kTypeBytes;
}

uint64_t FakeProgram::AddType(TypeKind kind, const std::string& name, uint64_t size_bytes,
                              uint64_t key, uint64_t element) {
  return Add({kind, name, "", size_bytes, key, element, {}});
}

uint64_t FakeProgram::AddMap(const std::string& name, uint64_t key, uint64_t element) {
  return AddType(TypeKind::kMap, name, 8, key, element);
}

uint64_t FakeProgram::AddStruct(const std::string& name, const std::string& package,
                                uint64_t size_bytes, const std::vector<Field>& fields) {
  return Add({TypeKind::kStruct, name, package, size_bytes, 0, 0, fields});
}

// Lays a program's parts out.
class ProgramBuilder {
 public:
  explicit ProgramBuilder(const FakeProgram& program)
      : program_(program), pointers_(program.is_relocated) {}

  std::string Build() {
    const Part text = Text();
    const Part types = Types();
    uint64_t names_offset = 0;
    const Part table = Table(&names_offset);
    const Part module = Module(names_offset, types.end());
    return BuildElf({text, types, table, module, BuildInfo()}, pointers_.table(),
                    program_.is_relocated);
  }

 private:
  Part Text() const {
    Part text{".text", kText, PF_R | PF_X, ""};
    for (const FakeProgram::Function& function : program_.functions_) {
      text.bytes += function.code;
      const uint64_t size = FakeProgram::kFunctionBytes;
      text.bytes.resize((text.bytes.size() + size - 1) / size * size, '\x90');
    }
    return text;
  }

  // abi.Type and what follows it; names and fields come after all types.
  Part Types() {
    Part types{".rodata", kTypes, PF_R, ""};
    Part names{"", kTypes + program_.types_.size() * kTypeBytes, PF_R, ""};
    for (const FakeProgram::Type& type : program_.types_) {
      const uint64_t begin = types.bytes.size();
      const auto name_offset = [&] { return static_cast<int32_t>(names.end() - kTypes); };
      types.Put(type.size_bytes);
      types.Put(kNone);
      types.Put(static_cast<uint32_t>(begin + 1));                    // hash
      types.Put(static_cast<uint8_t>(type.package.empty() ? 0 : 1));  // flags
      for (const int byte : {8, 8, static_cast<int>(type.kind)}) {
        types.Put(static_cast<uint8_t>(byte));
      }
      types.Put(kNone);
      types.Put(kNone);
      types.Put(name_offset());
      types.Put<uint32_t>(0);
      PutName(&names, type.name);
      if (type.kind == TypeKind::kStruct) {
        names.Align(8);
        types.Put(kNone);
        pointers_.Put(&types, names.end());
        types.Put<uint64_t>(type.fields.size());
        types.Put<uint64_t>(type.fields.size());
        for (const FakeProgram::Field& field : type.fields) {
          names.Put(kNone);
          pointers_.Put(&names, field.type);
          names.Put(field.offset);
        }
        types.Put(name_offset());
        PutName(&names, type.package);
      } else {
        if (type.kind == TypeKind::kMap) pointers_.Put(&types, type.key);
        pointers_.Put(&types, type.element);
      }
      types.bytes.resize(begin + kTypeBytes);
    }
    types.bytes += names.bytes;
    return types;
  }

  // pclntab: pcHeader, names, functions by address, what is known of each.
  Part Table(uint64_t* names_offset) const {
    const size_t count = program_.functions_.size();
    Part table{".gopclntab", kTable, PF_R, ""};
    table.Put<uint32_t>(program_.is_1_20 ? 0xfffffff1 : 0xfffffff0);
    for (const uint8_t byte : {0, 0, 1, 8}) table.Put(byte);
    table.Put<uint64_t>(count);
    for (int i = 0; i < 7; ++i) table.Put(kNone);
    *names_offset = table.bytes.size();
    std::vector<uint32_t> names;
    for (const FakeProgram::Function& function : program_.functions_) {
      names.push_back(static_cast<uint32_t>(table.bytes.size() - *names_offset));
      table.bytes += function.name + '\0';
    }
    const uint64_t units_offset = table.bytes.size();
    table.Align(8);
    const uint64_t functions_offset = table.bytes.size();
    for (size_t i = 0; i <= count; ++i) {
      table.Put(static_cast<uint32_t>(i * FakeProgram::kFunctionBytes));
      table.Put(static_cast<uint32_t>((count + 1 + i) * 8));
    }
    for (size_t i = 0; i < count; ++i) {
      table.Put(static_cast<uint32_t>(i * FakeProgram::kFunctionBytes));
      table.Put(names[i]);
    }
    table.PutAt(32, *names_offset);
    table.PutAt(40, units_offset);
    table.PutAt(64, functions_offset);
    return table;
  }

  Part Module(uint64_t names_offset, uint64_t types_end) {
    Part module{program_.is_1_20 ? ".go.module" : ".noptrdata", kData, PF_R | PF_W, ""};
    const int types_word = program_.is_1_20 ? 37 : 35;
    for (int word = 0; word < 48; ++word) {
      uint64_t value = 0;
      if (word == 0) value = kTable;
      if (word == 1) value = kTable + names_offset;
      if (word == 22) value = kText;
      if (word == types_word) value = kTypes;
      if (word == types_word + 1) value = types_end;
      pointers_.Put(&module, value);
    }
    return module;
  }

  Part BuildInfo() const {
    Part info{".go.buildinfo", kData + 0x1000, PF_R | PF_W, "\xff Go buildinf:\x08\x02"};
    info.bytes.resize(32);
    PutString(&info, program_.is_1_20 ? "go1.26.0" : "go1.19.5");
    PutString(&info, std::string(16, '<') + program_.modules + std::string(16, '>'));
    return info;
  }

  const FakeProgram& program_;
  Pointers pointers_;
};

std::string FakeProgram::Build() const { return ProgramBuilder(*this).Build(); }

}  // namespace tidemark::golang::testing
