// Small Go programs that were never compiled: machine code written by hand, and around it the
// tables that Go's run time would need. For tests and as seeds for fuzzing.
//
// Thread class: one thread. Allocation class: may allocate.

#ifndef TIDEMARK_ANALYZER_GOLANG_TESTING_H_
#define TIDEMARK_ANALYZER_GOLANG_TESTING_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "analyzer/golang/go_type.h"
#include "analyzer/golang/machine_code.h"

namespace tidemark::golang::testing {

// x86-64 instructions at an address.
class Assembler {
 public:
  explicit Assembler(uint64_t address) : address_(address) {}

  uint64_t here() const { return address_ + code_.size(); }
  const std::string& code() const { return code_; }

  Assembler& Bytes(std::initializer_list<int> bytes);
  Assembler& Call(uint64_t target);               // 5 bytes
  Assembler& Jump(uint64_t target);               // 5 bytes
  Assembler& JumpIfEqual(uint64_t target);        // 6 bytes
  Assembler& Lea(Register to, uint64_t address);  // to = address; 7 bytes
  Assembler& Move(Register to, Register from);    // 3 bytes
  Assembler& Load(Register to, Register base, int8_t offset);
  Assembler& Store(Register base, int8_t offset, Register from);
  Assembler& SubtractFromStack(int8_t bytes);
  Assembler& Return();

 private:
  Assembler& Relative(uint64_t target);
  Assembler& Memory(int opcode, Register reg, Register base, int8_t offset);

  uint64_t address_;
  std::string code_;
};

class FakeProgram {
 public:
  // A function of at most kFunctionBytes; returns where it begins. They are one after the other.
  static constexpr uint64_t kFunctionBytes = 0x80;
  uint64_t NextFunction() const;
  uint64_t AddFunction(const std::string& name, const std::string& code);
  // One that only returns.
  uint64_t AddFunction(const std::string& name);

  // Returns the type's address.
  uint64_t AddType(TypeKind kind, const std::string& name, uint64_t size_bytes, uint64_t key = 0,
                   uint64_t element = 0);
  uint64_t AddMap(const std::string& name, uint64_t key, uint64_t element);
  struct Field {
    uint64_t offset;
    uint64_t type;
  };
  uint64_t AddStruct(const std::string& name, const std::string& package, uint64_t size_bytes,
                     const std::vector<Field>& fields);

  // pclntab's and moduledata's layout is that of 1.20 and later, else of 1.19.
  bool is_1_20 = true;
  // Pointers are left to the loader, as in a position-independent program.
  bool is_relocated = false;
  std::string modules = "path\texample.com/app\nmod\texample.com/app\t(devel)\t\n";

  // The ELF file.
  std::string Build() const;

 private:
  friend class ProgramBuilder;
  struct Type {
    TypeKind kind;
    std::string name;
    std::string package;
    uint64_t size_bytes;
    uint64_t key;
    uint64_t element;
    std::vector<Field> fields;
  };
  struct Function {
    std::string name;
    std::string code;
  };
  uint64_t Add(Type type);

  std::vector<Function> functions_;
  std::vector<Type> types_;
};

}  // namespace tidemark::golang::testing

#endif  // TIDEMARK_ANALYZER_GOLANG_TESTING_H_
