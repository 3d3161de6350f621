#include "profiler/preload/eh_frame.h"

namespace tidemark::preload {
namespace {

constexpr uint64_t kPage = 4096;
// An FDE describes one function; a longer one is taken for corrupt.
constexpr uint64_t kMaxEntryBytes = 1u << 20;
constexpr uint32_t kMaxRememberedRows = 2;  // compilers nest one
constexpr uint32_t kMaxExpressionSteps = 64;
constexpr uint32_t kExpressionStack = 8;

// Pointer encodings (DW_EH_PE_*): the low four bits say how it is stored, the next three
// what it counts from.
constexpr uint8_t kEncodingOmit = 0xff;
constexpr uint8_t kEncodingFormat = 0x0f;
constexpr uint8_t kEncodingBase = 0x70;
constexpr uint8_t kEncodingIndirect = 0x80;
constexpr uint8_t kEncodingPcRelative = 0x10;
constexpr uint8_t kEncodingDataRelative = 0x30;
constexpr uint8_t kEncodingSearchTable = 0x3b;  // data relative, signed 4 bytes

// Reads forward through [position, limit). After a read that would leave it, ok() is
// false, and so is every later one; values read then are 0.
class Reader {
 public:
  Reader(const CfiImage& image, uint64_t position, uint64_t limit)
      : image_(&image), position_(position), limit_(limit), proven_(position) {
    if (limit > image.limit) limit_ = image.limit;
    if (position < image.begin || position > limit_) ok_ = false;
    if (image.page_readable == nullptr) proven_ = limit_;
  }

  bool ok() const { return ok_; }
  bool AtEnd() const { return !ok_ || position_ >= limit_; }
  uint64_t position() const { return position_; }
  uint64_t limit() const { return limit_; }

  uint8_t U8() { return Fixed<uint8_t>(); }
  uint16_t U16() { return Fixed<uint16_t>(); }
  uint32_t U32() { return Fixed<uint32_t>(); }
  uint64_t U64() { return Fixed<uint64_t>(); }

  [[gnu::noinline]] uint64_t Uleb() {
    uint64_t value = 0;
    for (uint32_t shift = 0;; shift += 7) {
      const uint8_t byte = U8();
      if (shift < 64) value |= uint64_t{byte & 0x7fu} << shift;
      if (!ok_ || (byte & 0x80) == 0) return value;
    }
  }
  [[gnu::noinline]] int64_t Sleb() {
    uint64_t value = 0;
    for (uint32_t shift = 0;; shift += 7) {
      const uint8_t byte = U8();
      if (shift < 64) value |= uint64_t{byte & 0x7fu} << shift;
      if (!ok_) return 0;
      if ((byte & 0x80) != 0) continue;
      if (shift + 7 < 64 && (byte & 0x40) != 0) value |= ~uint64_t{0} << (shift + 7);
      return static_cast<int64_t>(value);
    }
  }
  // A pointer; indirect and aligned ones (never used where this reader needs the value)
  // are taken for corrupt.
  uint64_t Pointer(uint8_t encoding) {
    const uint64_t at = position_;
    uint64_t value = Value(encoding);
    switch (encoding & kEncodingBase) {
      case 0:
        break;
      case kEncodingPcRelative:
        value += at;
        break;
      case kEncodingDataRelative:
        value += image_->header;
        break;
      default:
        ok_ = false;
    }
    if ((encoding & kEncodingIndirect) != 0) ok_ = false;
    return value;
  }
  // The stored value alone.
  uint64_t Value(uint8_t encoding) {
    switch (encoding & kEncodingFormat) {
      case 0x00:
      case 0x04:
      case 0x0c:
        return U64();
      case 0x01:
        return Uleb();
      case 0x02:
        return U16();
      case 0x03:
        return U32();
      case 0x09:
        return static_cast<uint64_t>(Sleb());
      case 0x0a:
        return static_cast<uint64_t>(int64_t{static_cast<int16_t>(U16())});
      case 0x0b:
        return static_cast<uint64_t>(int64_t{static_cast<int32_t>(U32())});
      default:
        ok_ = false;
        return 0;
    }
  }
  void Skip(uint64_t bytes) {
    if (!ok_ || bytes > limit_ - position_) {
      ok_ = false;
      return;
    }
    position_ += bytes;
    if (image_->page_readable != nullptr) proven_ = position_;
  }
  void CutAt(uint64_t limit) {
    if (limit < limit_) limit_ = limit;
    if (proven_ > limit_) proven_ = limit_;
  }

 private:
  template <typename T>
  T Fixed() {
    if (!ok_ || position_ > limit_ || sizeof(T) > limit_ - position_ || !Prove(sizeof(T))) {
      ok_ = false;
      return 0;
    }
    T value;
    __builtin_memcpy(&value, reinterpret_cast<const void*>(position_), sizeof(T));
    position_ += sizeof(T);
    return value;
  }
  bool Prove(uint64_t bytes) {
    while (position_ + bytes > proven_) {
      if (!image_->page_readable(proven_)) return false;
      proven_ = (proven_ & ~(kPage - 1)) + kPage;
    }
    return true;
  }

  const CfiImage* image_;
  uint64_t position_;
  uint64_t limit_;
  uint64_t proven_;  // bytes before it were shown to be readable
  bool ok_ = true;
};

struct Cie {
  uint64_t code_factor;
  int64_t data_factor;
  uint64_t pc_register;
  uint8_t pointer_encoding = 0;
  bool has_augmentation_data = false;
  bool signal_frame = false;
  uint64_t program;  // of the initial instructions
  uint64_t program_limit;
};

// The length that starts each CIE and FDE; [position, limit) of the reader becomes the
// entry's body. False at the terminator and when it is corrupt.
bool EnterEntry(Reader* reader) {
  uint64_t bytes = reader->U32();
  if (bytes == 0xffffffff) bytes = reader->U64();
  if (!reader->ok() || bytes == 0 || bytes > reader->limit() - reader->position()) return false;
  reader->CutAt(reader->position() + bytes);
  return true;
}

// Not inlined, as the other steps of a lookup are not: their stack frames do not add up.
[[gnu::noinline]] bool ReadCie(const CfiImage& image, uint64_t at, Cie* cie) {
  Reader reader(image, at, image.limit);
  if (!EnterEntry(&reader) || reader.limit() - reader.position() > kMaxEntryBytes) return false;
  if (reader.U32() != 0) return false;  // an FDE has its distance to the CIE here
  const uint8_t version = reader.U8();
  if (version != 1 && version != 3 && version != 4) return false;
  const char* letters = reinterpret_cast<const char*>(reader.position());
  bool old_gnu = false;
  for (char previous = 0;;) {
    const char c = static_cast<char>(reader.U8());
    if (!reader.ok()) return false;
    if (c == 0) break;
    if (previous == 'e' && c == 'h') old_gnu = true;
    previous = c;
  }
  if (old_gnu) reader.U64();
  if (version == 4 && (reader.U8() != 8 || reader.U8() != 0)) return false;
  cie->code_factor = reader.Uleb();
  cie->data_factor = reader.Sleb();
  cie->pc_register = version == 1 ? reader.U8() : reader.Uleb();
  char c = *letters++;  // the loop above read them all
  if (c == 'z') {
    cie->has_augmentation_data = true;
    const uint64_t bytes = reader.Uleb();
    if (!reader.ok() || bytes > reader.limit() - reader.position()) return false;
    const uint64_t behind = reader.position() + bytes;
    while ((c = *letters++) != 0) {
      if (c == 'R') {
        cie->pointer_encoding = reader.U8();
      } else if (c == 'P') {
        reader.Value(reader.U8());
      } else if (c == 'L') {
        reader.U8();
      } else if (c == 'S') {
        cie->signal_frame = true;
      } else {
        break;  // what follows an unknown letter has no known size; 'z' lets us skip it
      }
    }
    if (!reader.ok() || reader.position() > behind) return false;
    reader.Skip(behind - reader.position());
  } else if (c != 0 && !old_gnu) {
    return false;
  }
  cie->program = reader.position();
  cie->program_limit = reader.limit();
  return reader.ok();
}

bool FitsInt32(int64_t value) { return value == static_cast<int32_t>(value); }

// Runs call frame instructions on one row.
class Program {
 public:
  Program(const CfiImage& image, const Cie& cie, uint32_t saved_register)
      : image_(image), cie_(cie), saved_register_(saved_register) {}

  // Runs [begin, limit) until the row for `address` is complete. `location` is the first
  // address the program speaks of. False when corrupt.
  [[gnu::noinline]] bool Run(uint64_t begin, uint64_t limit, uint64_t location, uint64_t address);
  // The row so far is what DW_CFA_restore goes back to.
  void KeepAsInitial() { initial_ = row_; }
  const CfiRow& row() const { return row_; }

 private:
  bool RunOther(uint8_t opcode, Reader* reader);
  bool SetRule(uint64_t reg, RegisterRule rule, int64_t value);
  bool SetExpression(uint64_t reg, RegisterRule rule, Reader* reader);
  bool SetCfa(uint64_t reg, int64_t offset);
  void Restore(uint64_t reg);
  int64_t Factored(uint64_t offset) const {
    return static_cast<int64_t>(offset * static_cast<uint64_t>(cie_.data_factor));
  }
  // Skips an expression and gives its position; -1 when it does not fit.
  int32_t TakeExpression(Reader* reader);

  const CfiImage& image_;
  const Cie& cie_;
  const uint32_t saved_register_;
  CfiRow row_;
  CfiRow initial_;
  CfiRow remembered_[kMaxRememberedRows];
  uint32_t depth_ = 0;
};

bool Program::Run(uint64_t begin, uint64_t limit, uint64_t location, uint64_t address) {
  Reader reader(image_, begin, limit);
  while (!reader.AtEnd()) {
    const uint8_t opcode = reader.U8();
    const uint8_t low = opcode & 0x3f;
    bool moved = true;
    switch (opcode & 0xc0) {
      case 0x40:  // advance_loc
        location += low * cie_.code_factor;
        break;
      case 0x80:  // offset
        if (!SetRule(low, RegisterRule::kAtCfa, Factored(reader.Uleb()))) return false;
        moved = false;
        break;
      case 0xc0:  // restore
        Restore(low);
        moved = false;
        break;
      default:
        if (opcode == 0x01) {  // set_loc
          location = reader.Pointer(cie_.pointer_encoding);
        } else if (opcode == 0x02) {  // advance_loc1
          location += reader.U8() * cie_.code_factor;
        } else if (opcode == 0x03) {
          location += reader.U16() * cie_.code_factor;
        } else if (opcode == 0x04) {
          location += reader.U32() * cie_.code_factor;
        } else {
          if (!RunOther(opcode, &reader)) return false;
          moved = false;
        }
    }
    if (!reader.ok()) return false;
    if (moved && location > address) return true;
  }
  return reader.ok();
}

bool Program::RunOther(uint8_t opcode, Reader* reader) {
  switch (opcode) {
    case 0x00:  // nop
      return true;
    case 0x05: {  // offset_extended
      const uint64_t reg = reader->Uleb();
      return SetRule(reg, RegisterRule::kAtCfa, Factored(reader->Uleb()));
    }
    case 0x06:  // restore_extended
      Restore(reader->Uleb());
      return true;
    case 0x07:  // undefined
      return SetRule(reader->Uleb(), RegisterRule::kUndefined, 0);
    case 0x08:  // same_value
      return SetRule(reader->Uleb(), RegisterRule::kSame, 0);
    case 0x09: {  // register
      const uint64_t reg = reader->Uleb();
      return SetRule(reg, RegisterRule::kInRegister, static_cast<int64_t>(reader->Uleb()));
    }
    case 0x0a:  // remember_state
      if (depth_ == kMaxRememberedRows) return false;
      remembered_[depth_++] = row_;
      return true;
    case 0x0b:  // restore_state
      if (depth_ == 0) return false;
      row_ = remembered_[--depth_];
      return true;
    case 0x0c: {  // def_cfa
      const uint64_t reg = reader->Uleb();
      return SetCfa(reg, static_cast<int64_t>(reader->Uleb()));
    }
    case 0x0d:  // def_cfa_register
      return row_.cfa_rule == CfaRule::kRegister && SetCfa(reader->Uleb(), row_.cfa);
    case 0x0e:  // def_cfa_offset
      return row_.cfa_rule == CfaRule::kRegister &&
             SetCfa(row_.cfa_register, static_cast<int64_t>(reader->Uleb()));
    case 0x0f:  // def_cfa_expression
      row_.cfa_rule = CfaRule::kExpression;
      row_.cfa = TakeExpression(reader);
      return row_.cfa >= 0;
    case 0x10:  // expression
      return SetExpression(reader->Uleb(), RegisterRule::kAtExpression, reader);
    case 0x11: {  // offset_extended_sf
      const uint64_t reg = reader->Uleb();
      return SetRule(reg, RegisterRule::kAtCfa, Factored(static_cast<uint64_t>(reader->Sleb())));
    }
    case 0x12: {  // def_cfa_sf
      const uint64_t reg = reader->Uleb();
      return SetCfa(reg, Factored(static_cast<uint64_t>(reader->Sleb())));
    }
    case 0x13:  // def_cfa_offset_sf
      return row_.cfa_rule == CfaRule::kRegister &&
             SetCfa(row_.cfa_register, Factored(static_cast<uint64_t>(reader->Sleb())));
    case 0x14: {  // val_offset
      const uint64_t reg = reader->Uleb();
      return SetRule(reg, RegisterRule::kIsCfa, Factored(reader->Uleb()));
    }
    case 0x15: {  // val_offset_sf
      const uint64_t reg = reader->Uleb();
      return SetRule(reg, RegisterRule::kIsCfa, Factored(static_cast<uint64_t>(reader->Sleb())));
    }
    case 0x16:  // val_expression
      return SetExpression(reader->Uleb(), RegisterRule::kIsExpression, reader);
    case 0x2e:  // GNU_args_size: what a landing pad has to pop
      reader->Uleb();
      return true;
    case 0x2f: {  // GNU_negative_offset_extended
      const uint64_t reg = reader->Uleb();
      return SetRule(reg, RegisterRule::kAtCfa, Factored(0 - reader->Uleb()));
    }
    default:
      return false;
  }
}

bool Program::SetRule(uint64_t reg, RegisterRule rule, int64_t value) {
  const bool is_saved = reg == saved_register_;
  if (!is_saved && reg != cie_.pc_register) return true;
  if (!FitsInt32(value)) return false;
  (is_saved ? row_.saved_rule : row_.pc_rule) = rule;
  (is_saved ? row_.saved : row_.pc) = static_cast<int32_t>(value);
  return true;
}

bool Program::SetExpression(uint64_t reg, RegisterRule rule, Reader* reader) {
  const int32_t position = TakeExpression(reader);
  return position >= 0 && SetRule(reg, rule, position);
}

bool Program::SetCfa(uint64_t reg, int64_t offset) {
  if (reg > kDwarfPc || !FitsInt32(offset)) return false;
  row_.cfa_rule = CfaRule::kRegister;
  row_.cfa_register = static_cast<uint8_t>(reg);
  row_.cfa = static_cast<int32_t>(offset);
  return true;
}

void Program::Restore(uint64_t reg) {
  if (reg == saved_register_) {
    row_.saved_rule = initial_.saved_rule;
    row_.saved = initial_.saved;
  } else if (reg == cie_.pc_register) {
    row_.pc_rule = initial_.pc_rule;
    row_.pc = initial_.pc;
  }
}

int32_t Program::TakeExpression(Reader* reader) {
  const uint64_t position = reader->position() - image_.begin;
  reader->Skip(reader->Uleb());
  if (!reader->ok() || position > INT32_MAX) return -1;
  return static_cast<int32_t>(position);
}

// Where the CIE of the FDE at `at` stands; 0 when corrupt.
[[gnu::noinline]] uint64_t CieOfFde(const CfiImage& image, uint64_t at) {
  Reader reader(image, at, image.limit);
  if (!EnterEntry(&reader) || reader.limit() - reader.position() > kMaxEntryBytes) return 0;
  const uint64_t field = reader.position();
  const uint64_t distance = reader.U32();
  if (!reader.ok() || distance == 0 || distance > field - image.begin) return 0;
  return field - distance;
}

// Reads the FDE at `at` up to its instructions, which `program` and `limit` then give;
// kNotFound when it does not cover `address`. REQUIRES: CieOfFde(image, at) != 0.
[[gnu::noinline]] CfiResult ReadFdeHeader(const CfiImage& image, const Cie& cie, uint64_t at,
                                          uint64_t address, CfiEntry* entry, uint64_t* program,
                                          uint64_t* limit) {
  Reader reader(image, at, image.limit);
  EnterEntry(&reader);
  reader.U32();
  entry->signal_frame = cie.signal_frame;
  entry->function_start = reader.Pointer(cie.pointer_encoding);
  entry->function_limit = entry->function_start + reader.Value(cie.pointer_encoding);
  if (!reader.ok()) return CfiResult::kCorrupt;
  if (address < entry->function_start || address >= entry->function_limit) {
    return CfiResult::kNotFound;
  }
  if (cie.has_augmentation_data) reader.Skip(reader.Uleb());
  *program = reader.position();
  *limit = reader.limit();
  return reader.ok() ? CfiResult::kFound : CfiResult::kCorrupt;
}

// The row of the FDE at `at`; kNotFound when it does not cover `address`.
[[gnu::noinline]] CfiResult ReadFde(const CfiImage& image, uint64_t at, uint64_t address,
                                    uint32_t saved_register, CfiEntry* entry) {
  Cie cie;
  uint64_t begin;
  uint64_t limit;
  const uint64_t cie_at = CieOfFde(image, at);
  if (cie_at == 0 || !ReadCie(image, cie_at, &cie)) return CfiResult::kCorrupt;
  const CfiResult result = ReadFdeHeader(image, cie, at, address, entry, &begin, &limit);
  if (result != CfiResult::kFound) return result;
  Program program(image, cie, saved_register);
  if (!program.Run(cie.program, cie.program_limit, 0, UINT64_MAX)) return CfiResult::kCorrupt;
  program.KeepAsInitial();
  if (!program.Run(begin, limit, entry->function_start, address)) return CfiResult::kCorrupt;
  entry->row = program.row();
  return CfiResult::kFound;
}

// Where the FDE that may cover `address` stands, by the sorted table of
// (function, FDE) pairs; 0 when none does.
uint64_t SearchTable(const CfiImage& image, uint64_t table, uint64_t count, uint64_t address) {
  const auto at = [&](uint64_t i, uint32_t field) {
    Reader reader(image, table + i * 8 + field * 4, image.limit);
    const int64_t offset = static_cast<int32_t>(reader.U32());
    return reader.ok() ? image.header + static_cast<uint64_t>(offset) : 0;
  };
  uint64_t low = 0;
  uint64_t high = count;
  while (high - low > 1) {
    const uint64_t middle = low + (high - low) / 2;
    if (at(middle, 0) <= address) {
      low = middle;
    } else {
      high = middle;
    }
  }
  return count != 0 && at(low, 0) <= address ? at(low, 1) : 0;
}

// Where to look: the FDE that may cover the address (kFound), or the section to scan because
// there is no search table (kNotFound, at != 0). Returned in registers.
struct Place {
  CfiResult result;
  uint64_t at;
};
[[gnu::noinline]] Place SearchIndex(const CfiImage& image, uint64_t address) {
  Reader reader(image, image.header, image.limit);
  const uint8_t version = reader.U8();
  const uint8_t section_encoding = reader.U8();
  const uint8_t count_encoding = reader.U8();
  const uint8_t table_encoding = reader.U8();
  if (!reader.ok() || version != 1) return {CfiResult::kCorrupt, 0};
  const uint64_t section = reader.Pointer(section_encoding);
  if (!reader.ok()) return {CfiResult::kCorrupt, 0};
  if (count_encoding == kEncodingOmit || table_encoding != kEncodingSearchTable) {
    return {CfiResult::kNotFound, section};
  }
  const uint64_t count = reader.Pointer(count_encoding);
  if (!reader.ok() || count > (reader.limit() - reader.position()) / 8) {
    return {CfiResult::kCorrupt, 0};
  }
  const uint64_t fde = SearchTable(image, reader.position(), count, address);
  return {fde == 0 ? CfiResult::kNotFound : CfiResult::kFound, fde};
}

[[gnu::noinline]] CfiResult SearchLinearly(const CfiImage& image, uint64_t section,
                                           uint64_t address, uint32_t saved_register,
                                           CfiEntry* entry) {
  uint64_t at = section;
  for (;;) {
    Reader reader(image, at, image.limit);
    if (!EnterEntry(&reader)) return reader.ok() ? CfiResult::kNotFound : CfiResult::kCorrupt;
    const bool is_fde = reader.U32() != 0;
    if (!reader.ok()) return CfiResult::kCorrupt;
    if (is_fde) {
      const CfiResult result = ReadFde(image, at, address, saved_register, entry);
      if (result == CfiResult::kFound) return result;
    }
    at = reader.limit();
  }
}

}  // namespace

CfiResult FindCfiRow(const CfiImage& image, uint64_t address, uint32_t saved_register,
                     CfiEntry* entry) {
  const Place place = SearchIndex(image, address);
  if (place.result == CfiResult::kFound) {
    return ReadFde(image, place.at, address, saved_register, entry);
  }
  if (place.at == 0) return place.result;
  return SearchLinearly(image, place.at, address, saved_register, entry);
}

bool EvaluateExpression(const CfiImage& image, int32_t position, const CfiInputs& inputs,
                        const uint64_t* cfa, uint64_t* result) {
  Reader reader(image, image.begin + static_cast<uint32_t>(position), image.limit);
  const uint64_t bytes = reader.Uleb();
  if (!reader.ok() || bytes > reader.limit() - reader.position()) return false;
  reader.CutAt(reader.position() + bytes);
  uint64_t stack[kExpressionStack];
  uint32_t depth = 0;
  if (cfa != nullptr) stack[depth++] = *cfa;
  for (uint32_t step = 0; !reader.AtEnd(); ++step) {
    if (step == kMaxExpressionSteps) return false;
    const uint8_t opcode = reader.U8();
    // Binary operators: (below, top) = (below op top).
    uint64_t top = depth > 0 ? stack[depth - 1] : 0;
    uint64_t below = depth > 1 ? stack[depth - 2] : 0;
    uint64_t value = 0;
    uint32_t pops = 0;
    if (opcode >= 0x70 && opcode <= 0x8f) {  // breg0..31
      if (!inputs.read_register(inputs.context, opcode - 0x70u, &value)) return false;
      value += static_cast<uint64_t>(reader.Sleb());
    } else if (opcode >= 0x30 && opcode <= 0x4f) {  // lit0..31
      value = opcode - 0x30u;
    } else {
      switch (opcode) {
        case 0x06:  // deref
          if (depth < 1 || !inputs.load(inputs.context, top, &value)) return false;
          pops = 1;
          break;
        case 0x08:  // const1u
          value = reader.U8();
          break;
        case 0x09:  // const1s
          value = static_cast<uint64_t>(int64_t{static_cast<int8_t>(reader.U8())});
          break;
        case 0x0a:  // const2u
          value = reader.U16();
          break;
        case 0x0b:  // const2s
          value = static_cast<uint64_t>(int64_t{static_cast<int16_t>(reader.U16())});
          break;
        case 0x0c:  // const4u
          value = reader.U32();
          break;
        case 0x0d:  // const4s
          value = static_cast<uint64_t>(int64_t{static_cast<int32_t>(reader.U32())});
          break;
        case 0x10:  // constu
          value = reader.Uleb();
          break;
        case 0x11:  // consts
          value = static_cast<uint64_t>(reader.Sleb());
          break;
        case 0x12:  // dup
          if (depth < 1) return false;
          value = top;
          break;
        case 0x1a:  // and
          value = below & top;
          pops = 2;
          break;
        case 0x1c:  // minus
          value = below - top;
          pops = 2;
          break;
        case 0x21:  // or
          value = below | top;
          pops = 2;
          break;
        case 0x22:  // plus
          value = below + top;
          pops = 2;
          break;
        case 0x23:  // plus_uconst
          value = top + reader.Uleb();
          pops = 1;
          break;
        case 0x24:  // shl
          value = top < 64 ? below << top : 0;
          pops = 2;
          break;
        case 0x25:  // shr
          value = top < 64 ? below >> top : 0;
          pops = 2;
          break;
        case 0x2a:  // ge, signed
          value = static_cast<int64_t>(below) >= static_cast<int64_t>(top);
          pops = 2;
          break;
        case 0x96:  // nop
          continue;
        default:
          return false;
      }
    }
    if (!reader.ok() || depth < pops || depth - pops == kExpressionStack) return false;
    depth -= pops;
    stack[depth++] = value;
  }
  if (!reader.ok() || depth == 0) return false;
  *result = stack[depth - 1];
  return true;
}

}  // namespace tidemark::preload
