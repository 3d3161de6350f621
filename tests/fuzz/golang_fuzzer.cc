// Whatever an ELF file holds, what is read of it is within it, and every address has an answer
// or none.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "analyzer/golang/call_site.h"

// The last 32 bytes are a stack of 8 addresses, from the beginning of the code.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace tidemark::golang;
  uint32_t offsets[8];
  if (size < sizeof(offsets)) return 0;
  std::memcpy(offsets, data + size - sizeof(offsets), sizeof(offsets));
  const std::string bytes(reinterpret_cast<const char*>(data), size - sizeof(offsets));
  auto image = ElfImage::FromBytes(bytes, "fuzz");
  if (!image.ok()) return 0;
  auto binary = GoBinary::FromImage(*std::move(image));
  if (!binary.ok()) return 0;
  const auto* const text = (*binary)->image().FindSection(".text");
  std::vector<uint64_t> stack;
  for (const uint32_t offset : offsets) stack.push_back((text ? text->address : 0) + offset);
  CallSites sites(**binary);
  while (!stack.empty()) {
    const std::optional<Function> function = (*binary)->FunctionAt(stack[0]);
    if (function && (function->entry > stack[0] || function->end <= stack[0])) abort();
    const std::optional<Allocation> allocation = sites.AllocationAt(stack);
    if (allocation && allocation->frame >= stack.size()) abort();
    if (allocation && allocation->type.size() > bytes.size() + 1024) abort();
    stack.erase(stack.begin());
  }
  return 0;
}
