// The .eh_frame reader: against elfutils' reader of the same files, instruction by
// instruction on hand-made entries, and on corrupt bytes.

#include "profiler/preload/eh_frame.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <link.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#include <initializer_list>
#include <random>
#include <string>
#include <vector>

namespace tidemark::preload {
namespace {

// ---------------------------------------------------------------- hand-made entries

using Bytes = std::vector<uint8_t>;

void Append(Bytes* to, std::initializer_list<uint8_t> bytes) {
  to->insert(to->end(), bytes.begin(), bytes.end());
}
void AppendWord(Bytes* to, uint32_t word) {
  for (int i = 0; i < 4; ++i) to->push_back(static_cast<uint8_t>(word >> (8 * i)));
}
void PutWord(Bytes* in, size_t at, uint32_t word) {
  for (size_t i = 0; i < 4; ++i) (*in)[at + i] = static_cast<uint8_t>(word >> (8 * i));
}

constexpr uint32_t kFunction = 0x10000;  // distance of the function from the image's start
constexpr uint32_t kFunctionBytes = 0x400;

struct Options {
  const char* augmentation = "zR";
  bool has_table = true;
  Bytes initial = {0x0c, 7, 8, 0x80 | 16, 1};  // CFA = rsp + 8, RA at CFA - 8
};

// An image of .eh_frame_hdr, one CIE and one FDE; pc-relative 4-byte pointers.
class Image {
 public:
  explicit Image(const Bytes& program, const Options& options = {}) {
    Append(&bytes_, {1, 0x1b, 0x03, 0x3b});
    if (!options.has_table) bytes_[2] = bytes_[3] = 0xff;
    AppendWord(&bytes_, 0);  // the section
    AppendWord(&bytes_, 1);
    AppendWord(&bytes_, kFunction);
    AppendWord(&bytes_, 0);  // the FDE
    const size_t cie = bytes_.size();
    AppendWord(&bytes_, 0);
    AppendWord(&bytes_, 0);
    bytes_.push_back(1);
    for (const char* c = options.augmentation;; ++c) {
      bytes_.push_back(static_cast<uint8_t>(*c));
      if (*c == 0) break;
    }
    Append(&bytes_, {1, 0x78, 16});  // factors 1 and -8, return address in 16
    Append(&bytes_, {1, 0x1b});
    bytes_.insert(bytes_.end(), options.initial.begin(), options.initial.end());
    while (bytes_.size() % 4 != 0) bytes_.push_back(0);
    PutWord(&bytes_, cie, static_cast<uint32_t>(bytes_.size() - cie - 4));
    const size_t fde = bytes_.size();
    AppendWord(&bytes_, 0);
    AppendWord(&bytes_, static_cast<uint32_t>(bytes_.size() - cie));
    AppendWord(&bytes_, static_cast<uint32_t>(kFunction - bytes_.size()));
    AppendWord(&bytes_, kFunctionBytes);
    bytes_.push_back(0);
    bytes_.insert(bytes_.end(), program.begin(), program.end());
    PutWord(&bytes_, fde, static_cast<uint32_t>(bytes_.size() - fde - 4));
    AppendWord(&bytes_, 0);
    PutWord(&bytes_, 4, static_cast<uint32_t>(cie - 4));
    PutWord(&bytes_, 16, static_cast<uint32_t>(fde));
  }

  CfiImage Get() const {
    const uint64_t begin = reinterpret_cast<uint64_t>(bytes_.data());
    return {begin, begin + bytes_.size(), begin, nullptr};
  }
  CfiResult Find(uint32_t offset, CfiEntry* entry, uint32_t saved = kDwarfRbp) const {
    return FindCfiRow(Get(), Get().begin + kFunction + offset, saved, entry);
  }
  // REQUIRES: there is a row.
  CfiRow Row(uint32_t offset, uint32_t saved = kDwarfRbp) const {
    CfiEntry entry{};
    EXPECT_EQ(Find(offset, &entry, saved), CfiResult::kFound);
    return entry.row;
  }

 private:
  Bytes bytes_;
};

TEST(EhFrame, FollowsAPrologueAndAnEpilogue) {
  const Image image({0x41, 0x0e, 16, 0x86, 2,       // +1: push %rbp
                     0x43, 0x0d, 6,                 // +4: mov %rsp, %rbp
                     0x0a, 0x50, 0x0c, 7, 8, 0xc6,  // +20: remember; leave
                     0x41, 0x0b});                  // +21: behind the ret
  CfiRow row = image.Row(0);
  EXPECT_EQ(row.cfa_rule, CfaRule::kRegister);
  EXPECT_EQ(row.cfa_register, kDwarfRsp);
  EXPECT_EQ(row.cfa, 8);
  EXPECT_EQ(row.saved_rule, RegisterRule::kSame);
  EXPECT_EQ(row.pc_rule, RegisterRule::kAtCfa);
  EXPECT_EQ(row.pc, -8);
  row = image.Row(1);
  EXPECT_EQ(row.cfa, 16);
  EXPECT_EQ(row.saved_rule, RegisterRule::kAtCfa);
  EXPECT_EQ(row.saved, -16);
  row = image.Row(4);
  EXPECT_EQ(row.cfa_register, kDwarfRbp);
  EXPECT_EQ(image.Row(19).cfa_register, kDwarfRbp);
  row = image.Row(20);
  EXPECT_EQ(row.cfa_register, kDwarfRsp);
  EXPECT_EQ(row.cfa, 8);
  EXPECT_EQ(row.saved_rule, RegisterRule::kSame);
  row = image.Row(21);
  EXPECT_EQ(row.cfa_register, kDwarfRbp);
  EXPECT_EQ(row.saved, -16);
}

TEST(EhFrame, KeepsTheRegisterThatIsAskedFor) {
  const Image image({0x41, 0x83, 2, 0x86, 3});  // rbx at CFA - 16, rbp at CFA - 24
  EXPECT_EQ(image.Row(2, 3).saved, -16);
  EXPECT_EQ(image.Row(2, kDwarfRbp).saved, -24);
  EXPECT_EQ(image.Row(2, 12).saved_rule, RegisterRule::kSame);
}

TEST(EhFrame, AdvancesInEveryWidth) {
  const Image image({0x02, 0x80, 0x0e, 16, 0x03, 0x80, 0x00, 0x0e, 24,  //
                     0x04, 0x80, 0x00, 0x00, 0x00, 0x0e, 32});
  EXPECT_EQ(image.Row(0x7f).cfa, 8);
  EXPECT_EQ(image.Row(0x80).cfa, 16);
  EXPECT_EQ(image.Row(0x100).cfa, 24);
  EXPECT_EQ(image.Row(0x180).cfa, 32);
}

TEST(EhFrame, ReadsEveryRule) {
  const auto row = [](const Bytes& program) { return Image(program).Row(0x10); };
  EXPECT_EQ(row({0x05, 6, 4}).saved, -32);                             // offset_extended
  EXPECT_EQ(row({0x11, 6, 0x7c}).saved, 32);                           // offset_extended_sf
  EXPECT_EQ(row({0x2f, 6, 4}).saved, 32);                              // negative_offset_extended
  EXPECT_EQ(row({0x86, 4, 0x06, 6}).saved_rule, RegisterRule::kSame);  // restore_extended
  EXPECT_EQ(row({0x86, 4, 0x08, 6}).saved_rule, RegisterRule::kSame);  // same_value
  EXPECT_EQ(row({0x07, 16}).pc_rule, RegisterRule::kUndefined);
  EXPECT_EQ(row({0x09, 6, 3}).saved_rule, RegisterRule::kInRegister);
  EXPECT_EQ(row({0x09, 6, 3}).saved, 3);
  EXPECT_EQ(row({0x14, 6, 2}).saved_rule, RegisterRule::kIsCfa);  // val_offset
  EXPECT_EQ(row({0x14, 6, 2}).saved, -16);
  EXPECT_EQ(row({0x15, 6, 0x7e}).saved, 16);       // val_offset_sf
  EXPECT_EQ(row({0x12, 6, 0x7e}).cfa, 16);         // def_cfa_sf
  EXPECT_EQ(row({0x13, 0x7c}).cfa, 32);            // def_cfa_offset_sf
  EXPECT_EQ(row({0x2e, 0x10, 0x0e, 24}).cfa, 24);  // GNU_args_size
  EXPECT_EQ(row({0x0f, 3, 0x76, 0x78, 0x06}).cfa_rule, CfaRule::kExpression);
  EXPECT_EQ(row({0x10, 6, 2, 0x76, 0x00}).saved_rule, RegisterRule::kAtExpression);
  EXPECT_EQ(row({0x16, 6, 2, 0x76, 0x00}).saved_rule, RegisterRule::kIsExpression);
}

TEST(EhFrame, RefusesWhatItCannotFollow) {
  const auto result = [](const Bytes& program) {
    CfiEntry entry;
    return Image(program).Find(0x10, &entry);
  };
  EXPECT_EQ(result({0x3f}), CfiResult::kCorrupt);                    // no such instruction
  EXPECT_EQ(result({0x0b}), CfiResult::kCorrupt);                    // nothing remembered
  EXPECT_EQ(result({0x0c, 7}), CfiResult::kCorrupt);                 // cut
  EXPECT_EQ(result({0x0f, 0x20, 0x76}), CfiResult::kCorrupt);        // expression too long
  EXPECT_EQ(result(Bytes(40, 0x0a)), CfiResult::kCorrupt);           // nested too deeply
  EXPECT_EQ(result({0x0c, 0x80, 0x01, 8}), CfiResult::kCorrupt);     // no such register
  EXPECT_EQ(result({0x0f, 1, 0x9c, 0x0e, 8}), CfiResult::kCorrupt);  // offset of an expression
  EXPECT_EQ(result({0x0c, 7, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01}), CfiResult::kCorrupt);
}

TEST(EhFrame, KnowsTheRangeOfAFunction) {
  const Image image({});
  CfiEntry entry;
  EXPECT_EQ(image.Find(kFunctionBytes - 1, &entry), CfiResult::kFound);
  EXPECT_EQ(entry.function_start, image.Get().begin + kFunction);
  EXPECT_EQ(entry.function_limit, image.Get().begin + kFunction + kFunctionBytes);
  EXPECT_EQ(image.Find(kFunctionBytes, &entry), CfiResult::kNotFound);
  EXPECT_EQ(FindCfiRow(image.Get(), image.Get().begin + kFunction - 1, kDwarfRbp, &entry),
            CfiResult::kNotFound);
}

TEST(EhFrame, ScansASectionWithoutATable) {
  Options options;
  options.has_table = false;
  const Image image({0x0e, 24}, options);
  EXPECT_EQ(image.Row(0).cfa, 24);
  CfiEntry entry;
  EXPECT_EQ(image.Find(kFunctionBytes, &entry), CfiResult::kNotFound);
}

TEST(EhFrame, SeesSignalFrames) {
  Options options;
  CfiEntry entry;
  ASSERT_EQ(Image({}, options).Find(0, &entry), CfiResult::kFound);
  EXPECT_FALSE(entry.signal_frame);
  options.augmentation = "zRS";
  ASSERT_EQ(Image({}, options).Find(0, &entry), CfiResult::kFound);
  EXPECT_TRUE(entry.signal_frame);
  options.augmentation = "zRQ";  // unknown, but of known length
  EXPECT_EQ(Image({}, options).Find(0, &entry), CfiResult::kFound);
  options.augmentation = "Q";
  EXPECT_EQ(Image({}, options).Find(0, &entry), CfiResult::kCorrupt);
}

TEST(EhFrame, ReadsOnlyPagesThatAreConfirmed) {
  const Image image({0x0e, 24});
  CfiImage guarded = image.Get();
  CfiEntry entry;
  guarded.page_readable = [](uint64_t) { return true; };
  EXPECT_EQ(FindCfiRow(guarded, guarded.begin + kFunction, kDwarfRbp, &entry), CfiResult::kFound);
  guarded.page_readable = [](uint64_t) { return false; };
  EXPECT_EQ(FindCfiRow(guarded, guarded.begin + kFunction, kDwarfRbp, &entry), CfiResult::kCorrupt);
}

// ---------------------------------------------------------------- expressions

struct Memory {
  uint64_t registers[17] = {};
  uint64_t address = 0;  // the one word that can be loaded
  uint64_t word = 0;
};

bool Evaluate(const Bytes& expression, const Memory& memory, uint64_t* result,
              const uint64_t* cfa = nullptr) {
  Bytes bytes = {static_cast<uint8_t>(expression.size())};
  bytes.insert(bytes.end(), expression.begin(), expression.end());
  const uint64_t begin = reinterpret_cast<uint64_t>(bytes.data());
  CfiInputs inputs;
  inputs.context = const_cast<Memory*>(&memory);
  inputs.read_register = [](void* context, uint32_t reg, uint64_t* value) {
    if (reg > kDwarfPc) return false;
    *value = static_cast<Memory*>(context)->registers[reg];
    return true;
  };
  inputs.load = [](void* context, uint64_t address, uint64_t* value) {
    *value = static_cast<Memory*>(context)->word;
    return address == static_cast<Memory*>(context)->address;
  };
  return EvaluateExpression({begin, begin + bytes.size(), begin, nullptr}, 0, inputs, cfa, result);
}

TEST(EhFrame, EvaluatesTheExpressionOfThePlt) {
  // rsp + 8 + (((rip & 15) >= 11) << 3)
  const Bytes plt = {0x77, 8, 0x80, 0, 0x3f, 0x1a, 0x3b, 0x2a, 0x33, 0x24, 0x22};
  Memory memory;
  memory.registers[kDwarfRsp] = 1000;
  uint64_t value = 0;
  memory.registers[kDwarfPc] = 0x400026;
  ASSERT_TRUE(Evaluate(plt, memory, &value));
  EXPECT_EQ(value, 1008u);
  memory.registers[kDwarfPc] = 0x40002b;
  ASSERT_TRUE(Evaluate(plt, memory, &value));
  EXPECT_EQ(value, 1016u);
}

TEST(EhFrame, EvaluatesTheExpressionOfARealignedFrame) {
  Memory memory;
  memory.registers[kDwarfRbp] = 2000;
  memory.address = 1992;
  memory.word = 4096;
  uint64_t value = 0;
  ASSERT_TRUE(Evaluate({0x76, 0x78, 0x06}, memory, &value));
  EXPECT_EQ(value, 4096u);
  memory.address = 0;
  EXPECT_FALSE(Evaluate({0x76, 0x78, 0x06}, memory, &value));
}

TEST(EhFrame, EvaluatesEachOperator) {
  const uint64_t cfa = 100;
  const auto value = [&](const Bytes& expression) {
    uint64_t result = 0;
    EXPECT_TRUE(Evaluate(expression, {}, &result, &cfa));
    return static_cast<int64_t>(result);
  };
  EXPECT_EQ(value({}), 100);
  EXPECT_EQ(value({0x08, 0xff}), 255);
  EXPECT_EQ(value({0x09, 0xff}), -1);
  EXPECT_EQ(value({0x0a, 0xff, 0xff}), 65535);
  EXPECT_EQ(value({0x0b, 0xff, 0xff}), -1);
  EXPECT_EQ(value({0x0c, 1, 0, 0, 0x80}), 0x80000001);
  EXPECT_EQ(value({0x0d, 0xff, 0xff, 0xff, 0xff}), -1);
  EXPECT_EQ(value({0x10, 0x80, 0x01}), 128);
  EXPECT_EQ(value({0x11, 0x7f}), -1);
  EXPECT_EQ(value({0x12, 0x22}), 200);
  EXPECT_EQ(value({0x31, 0x1c}), 99);
  EXPECT_EQ(value({0x31, 0x21}), 101);
  EXPECT_EQ(value({0x34, 0x1a}), 4);
  EXPECT_EQ(value({0x32, 0x24}), 400);
  EXPECT_EQ(value({0x32, 0x25}), 25);
  EXPECT_EQ(value({0x08, 64, 0x24}), 0);
  EXPECT_EQ(value({0x23, 28}), 128);
  EXPECT_EQ(value({0x08, 100, 0x2a}), 1);
  EXPECT_EQ(value({0x08, 101, 0x2a}), 0);
  EXPECT_EQ(value({0x96, 0x96}), 100);
}

TEST(EhFrame, RefusesBadExpressions) {
  uint64_t value;
  EXPECT_FALSE(Evaluate({}, {}, &value));
  EXPECT_FALSE(Evaluate({0x22}, {}, &value));          // nothing to add
  EXPECT_FALSE(Evaluate({0x31, 0x22}, {}, &value));    // one thing to add
  EXPECT_FALSE(Evaluate({0x06}, {}, &value));          // nothing to load from
  EXPECT_FALSE(Evaluate({0x0a, 1}, {}, &value));       // cut
  EXPECT_FALSE(Evaluate({0xff}, {}, &value));          // no such operator
  EXPECT_FALSE(Evaluate({0x90 - 1, 0}, {}, &value));   // no such register
  EXPECT_FALSE(Evaluate(Bytes(9, 0x31), {}, &value));  // stack too deep
  Bytes long_expression = {0x31};
  long_expression.insert(long_expression.end(), 80, 0x96);
  EXPECT_FALSE(Evaluate(long_expression, {}, &value));
}

// ---------------------------------------------------------------- real files

struct LoadedFile {
  std::string path;
  uint64_t bias = 0;
  CfiImage image{};
  uint64_t code_start = 0;
  uint64_t code_limit = 0;
};

std::vector<LoadedFile> LoadedFiles() {
  std::vector<LoadedFile> files;
  dl_iterate_phdr(
      [](dl_phdr_info* info, size_t, void* data) {
        LoadedFile file;
        file.path = info->dlpi_name[0] != 0 ? info->dlpi_name : "/proc/self/exe";
        file.bias = info->dlpi_addr;
        file.image.begin = UINT64_MAX;
        for (int i = 0; i < info->dlpi_phnum; ++i) {
          const auto& header = info->dlpi_phdr[i];
          const uint64_t start = info->dlpi_addr + header.p_vaddr;
          if (header.p_type == PT_GNU_EH_FRAME) file.image.header = start;
          if (header.p_type != PT_LOAD) continue;
          file.image.begin = std::min(file.image.begin, start);
          file.image.limit = std::max(file.image.limit, start + header.p_memsz);
          if ((header.p_flags & PF_X) != 0) {
            file.code_start = start;
            file.code_limit = start + header.p_memsz;
          }
        }
        if (file.image.header != 0) static_cast<std::vector<LoadedFile>*>(data)->push_back(file);
        return 0;
      },
      &files);
  return files;
}

// Our row, and elfutils' answer, as text.
std::string Describe(const CfiRow& row) {
  const auto offset = [](const char* base, int64_t value) {
    return std::string(base) + (value < 0 ? "" : "+") + std::to_string(value);
  };
  const auto rule = [&](RegisterRule r, int32_t value) -> std::string {
    switch (r) {
      case RegisterRule::kSame:
        return "same";
      case RegisterRule::kUndefined:
        return "undefined";
      case RegisterRule::kAtCfa:
        return offset("at cfa", value);
      case RegisterRule::kIsCfa:
        return offset("is cfa", value);
      case RegisterRule::kInRegister:
        return "in " + std::to_string(value);
      case RegisterRule::kAtExpression:
      case RegisterRule::kIsExpression:
        return "expression";
    }
    return "";
  };
  const std::string cfa = row.cfa_rule == CfaRule::kExpression
                              ? "expression"
                              : offset(("r" + std::to_string(row.cfa_register)).c_str(), row.cfa);
  return "cfa " + cfa + ", bp " + rule(row.saved_rule, row.saved) + ", pc " +
         rule(row.pc_rule, row.pc);
}
std::string Describe(Dwarf_Frame* frame) {
  Dwarf_Op* ops = nullptr;
  size_t count = 0;
  if (dwarf_frame_cfa(frame, &ops, &count) != 0) return "error";
  std::string text = "cfa ";
  if (count == 1 && ops[0].atom == DW_OP_bregx) {
    const auto value = static_cast<int64_t>(ops[0].number2);
    text += "r" + std::to_string(ops[0].number) + (value < 0 ? "" : "+") + std::to_string(value);
  } else {
    text += "expression";
  }
  for (int reg : {6, 16}) {
    Dwarf_Op memory[3];
    if (dwarf_frame_register(frame, reg, memory, &ops, &count) != 0) return "error";
    text += reg == 6 ? ", bp " : ", pc ";
    if (count == 0) {
      text += ops == nullptr ? "same" : "undefined";
    } else if (ops[0].atom == DW_OP_regx) {
      text += "in " + std::to_string(ops[0].number);
    } else if (ops[0].atom == DW_OP_call_frame_cfa &&
               (count == 1 || ops[1].atom == DW_OP_plus_uconst)) {
      const bool is_value = ops[count - 1].atom == DW_OP_stack_value;
      const bool has_offset = count > 1 && ops[1].atom == DW_OP_plus_uconst;
      const auto value = has_offset ? static_cast<int64_t>(ops[1].number) : 0;
      text += std::string(is_value ? "is cfa" : "at cfa") + (value < 0 ? "" : "+") +
              std::to_string(value);
    } else {
      text += "expression";
    }
  }
  return text;
}

TEST(EhFrame, AgreesWithElfutilsOnLoadedFiles) {
  int files = 0;
  uint64_t rows = 0;
  for (const LoadedFile& file : LoadedFiles()) {
    const int fd = open(file.path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) continue;  // the vdso
    elf_version(EV_CURRENT);
    Elf* elf = elf_begin(fd, ELF_C_READ_MMAP, nullptr);
    Dwarf_CFI* cfi = dwarf_getcfi_elf(elf);
    ASSERT_NE(cfi, nullptr) << file.path;
    ++files;
    const uint64_t step = std::max<uint64_t>(1, (file.code_limit - file.code_start) / 20000);
    for (uint64_t address = file.code_start; address < file.code_limit; address += step) {
      CfiEntry entry{};
      const CfiResult result = FindCfiRow(file.image, address, kDwarfRbp, &entry);
      ASSERT_NE(result, CfiResult::kCorrupt) << file.path << " " << address - file.bias;
      Dwarf_Frame* frame = nullptr;
      const bool known = dwarf_cfi_addrframe(cfi, address - file.bias, &frame) == 0;
      ASSERT_EQ(result == CfiResult::kFound, known) << file.path << " " << address - file.bias;
      if (known) {
        ASSERT_EQ(Describe(entry.row), Describe(frame)) << file.path << " " << address - file.bias;
        ++rows;
      }
      free(frame);
    }
    dwarf_cfi_end(cfi);
    elf_end(elf);
    close(fd);
  }
  EXPECT_GE(files, 4);
  EXPECT_GT(rows, 20000u);
}

// ---------------------------------------------------------------- corrupt bytes

// A copy in a buffer of exactly its size: a read beyond it is an error under asan.
class Copy {
 public:
  Copy(const CfiImage& image, uint64_t bytes)
      : bytes_(new uint8_t[bytes]), header_(image.header - image.begin) {
    memcpy(bytes_, reinterpret_cast<const void*>(image.begin), bytes);
  }
  ~Copy() { delete[] bytes_; }
  Copy(const Copy&) = delete;

  uint8_t& operator[](uint64_t i) { return bytes_[i]; }
  // Looks up `offset` in an image of the first `bytes`; a row's expressions are evaluated.
  void LookUp(uint64_t offset, uint64_t bytes) const {
    const uint64_t begin = reinterpret_cast<uint64_t>(bytes_);
    const CfiImage image = {begin, begin + bytes, begin + header_, nullptr};
    if (header_ >= bytes) return;
    CfiEntry entry;
    if (FindCfiRow(image, begin + offset, kDwarfRbp, &entry) != CfiResult::kFound) return;
    CfiInputs inputs;
    inputs.context = nullptr;
    inputs.read_register = [](void*, uint32_t reg, uint64_t* value) {
      *value = reg;
      return true;
    };
    inputs.load = [](void*, uint64_t address, uint64_t* value) {
      *value = address;
      return true;
    };
    uint64_t value = 0;
    if (entry.row.cfa_rule == CfaRule::kExpression) {
      EvaluateExpression(image, entry.row.cfa, inputs, nullptr, &value);
    }
    if (entry.row.saved_rule == RegisterRule::kAtExpression) {
      EvaluateExpression(image, entry.row.saved, inputs, &value, &value);
    }
  }

 private:
  uint8_t* bytes_;
  uint64_t header_;
};

LoadedFile Vdso() {
  const uint64_t start = getauxval(AT_SYSINFO_EHDR);
  for (const LoadedFile& file : LoadedFiles()) {
    if (file.image.begin == start) return file;
  }
  return {};
}

// Some addresses of functions, as offsets into the image.
std::vector<uint64_t> Functions(const LoadedFile& file, uint64_t step) {
  std::vector<uint64_t> functions;
  uint64_t last = 0;
  for (uint64_t at = file.code_start; at < file.code_limit; at += step) {
    CfiEntry entry;
    if (FindCfiRow(file.image, at, kDwarfRbp, &entry) != CfiResult::kFound) continue;
    if (entry.function_start == last) continue;
    last = entry.function_start;
    functions.push_back((entry.function_start + entry.function_limit) / 2 - file.image.begin);
  }
  return functions;
}

TEST(EhFrame, SurvivesEveryFlippedByteOfTheVdso) {
  const LoadedFile vdso = Vdso();
  ASSERT_NE(vdso.image.header, 0u);
  const uint64_t bytes = vdso.image.limit - vdso.image.begin;
  const std::vector<uint64_t> functions = Functions(vdso, 4);
  ASSERT_GE(functions.size(), 3u);
  Copy copy(vdso.image, bytes);
  for (uint64_t i = vdso.image.header - vdso.image.begin; i < bytes; ++i) {
    const uint8_t before = copy[i];
    for (uint8_t flip : {0x01, 0x02, 0x08, 0x40, 0x80, 0xff}) {
      copy[i] = before ^ flip;
      for (uint64_t function : functions) copy.LookUp(function, bytes);
    }
    copy[i] = before;
  }
}

TEST(EhFrame, SurvivesEveryCutOfTheVdso) {
  const LoadedFile vdso = Vdso();
  ASSERT_NE(vdso.image.header, 0u);
  const uint64_t bytes = vdso.image.limit - vdso.image.begin;
  const std::vector<uint64_t> functions = Functions(vdso, 4);
  for (uint64_t cut = vdso.image.header - vdso.image.begin; cut < bytes; ++cut) {
    Copy copy(vdso.image, cut);
    for (uint64_t function : functions) copy.LookUp(function, cut);
  }
}

TEST(EhFrame, SurvivesManyFlippedBytesOfTheDynamicLinker) {
  std::mt19937_64 random(20240611);
  for (const LoadedFile& file : LoadedFiles()) {
    if (file.path.find("/ld-linux") == std::string::npos) continue;
    const uint64_t header = file.image.header - file.image.begin;
    const uint64_t bytes =
        header + std::min<uint64_t>(file.image.limit - file.image.header, 64 << 10);
    const std::vector<uint64_t> functions = Functions(file, 64);
    ASSERT_GT(functions.size(), 100u);
    for (int round = 0; round < 2000; ++round) {
      Copy copy(file.image, bytes);
      for (int flips = 0; flips < 200; ++flips) {
        copy[header + random() % (bytes - header)] = static_cast<uint8_t>(random());
      }
      for (int i = 0; i < 10; ++i) copy.LookUp(functions[random() % functions.size()], bytes);
    }
    return;
  }
  FAIL() << "ld.so is not loaded";
}

}  // namespace
}  // namespace tidemark::preload
