// Writes small Go programs into the folder named, each with a stack of addresses behind it, as
// golang_fuzzer.cc takes them. Fails when the reader makes nothing of one: then no mutation of
// it would get anywhere.
//
// usage: golang_seeds DIRECTORY

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <string>
#include <vector>

#include "analyzer/golang/call_site.h"
#include "analyzer/golang/testing.h"

namespace {

using namespace tidemark::golang;
using tidemark::golang::testing::Assembler;
using tidemark::golang::testing::FakeProgram;

constexpr uint64_t kText = 0x401000;

// A bit of everything: types of arguments, of callers, of fields, of interfaces; a table to
// jump through.
std::string Seed(bool is_1_20, bool is_relocated) {
  FakeProgram program;
  program.is_1_20 = is_1_20;
  program.is_relocated = is_relocated;
  const uint64_t text = program.AddType(TypeKind::kString, "string", 16);
  const uint64_t number = program.AddType(TypeKind{2}, "int", 8);
  const uint64_t map = program.AddMap("map[string]int", text, number);
  const uint64_t rec = program.AddStruct("store.Rec", "app/store", 16, {{0, number}, {8, map}});
  // A slice's description has the element's address: as good as a dictionary.
  const uint64_t dictionary = program.AddType(TypeKind::kSlice, "[]store.Rec", 24, 0, rec) + 48;
  const uint64_t shape = program.AddType(TypeKind::kSlice, "[]go.shape.int_0", 24, 0, number);
  const uint64_t make = program.AddFunction("runtime.makemap_small");
  const uint64_t assign = program.AddFunction("runtime.mapassign_faststr");
  const uint64_t object = program.AddFunction("runtime.newobject");
  const uint64_t grow = program.AddFunction("runtime.growslice");
  const uint64_t convert = program.AddFunction("runtime.convT64");
  std::vector<uint32_t> stack;
  const auto remember = [&](const Assembler& code) {
    stack.push_back(static_cast<uint32_t>(code.here() - kText));
  };

  Assembler inner(program.NextFunction());
  inner.Load(kRax, kRax, 0).Call(object);
  remember(inner);
  const uint64_t inner_at = program.AddFunction("store.New[...]", inner.Return().code());
  Assembler outer(program.NextFunction());
  outer.SubtractFromStack(0x30).Lea(kRax, dictionary).Call(inner_at);
  remember(outer);
  outer.Store(kRsp, 8, kRax).Call(make);
  remember(outer);
  outer.Load(kRcx, kRsp, 8).Store(kRcx, 8, kRax).Move(kRbx, kRax).Lea(kRax, map).Call(assign);
  remember(outer);
  program.AddFunction("main.f", outer.Return().code());
  Assembler last(program.NextFunction());
  last.Lea(kRsi, shape).Lea(kRax, shape).Call(grow);
  remember(last);
  last.Call(convert);
  remember(last);
  last.Lea(kRcx, number).Store(kRsp, 0x10, kRcx).Store(kRsp, 0x18, kRax);
  last.Lea(kRdx, kText).Bytes({0xff, 0x24, 0xca});  // jmp [rdx+rcx*8]
  program.AddFunction("main.g", last.code());
  stack.resize(8, 5);
  return program.Build() +
         std::string(reinterpret_cast<const char*>(stack.data()), stack.size() * 4);
}

// Whether the object that the innermost function makes gets its type from the outer one.
bool IsUnderstood(const std::string& seed) {
  const size_t size = seed.size() - 32;
  auto image = ElfImage::FromBytes(seed.substr(0, size), "seed");
  if (!image.ok()) return false;
  auto binary = GoBinary::FromImage(*std::move(image));
  if (!binary.ok()) return false;
  std::vector<uint64_t> stack;
  for (size_t i = size; i < seed.size(); i += 4) {
    uint32_t offset = 0;
    std::memcpy(&offset, seed.data() + i, sizeof(offset));
    stack.push_back(kText + offset);
  }
  const auto allocation = CallSites(**binary).AllocationAt(stack);
  return allocation && allocation->type == "store.Rec";
}

bool Write(const std::string& path, const std::string& seed) {
  if (!IsUnderstood(seed)) {
    std::fprintf(stderr, "golang_seeds: %s is not understood\n", path.c_str());
    return false;
  }
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  return static_cast<bool>(file << seed << std::flush);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const std::string directory = argv[1];
  const bool written = Write(directory + "/go-1.26", Seed(true, false)) &&
                       Write(directory + "/go-1.26-pie", Seed(true, true)) &&
                       Write(directory + "/go-1.19", Seed(false, false));
  return written ? 0 : 1;
}
