// A program on pool_new.cc: 60 MiB in blocks of 1 MiB, all through its operator new.

#include <cstddef>
#include <cstdio>
#include <cstring>
#include <new>
#include <string>
#include <vector>

extern "C" std::size_t PoolUsed();

int main() {
  std::vector<char*> blocks;
  for (int i = 0; i < 60; ++i) {
    blocks.push_back(static_cast<char*>(::operator new(1 << 20)));
    std::memset(blocks.back(), i, 4096);
  }
  for (int i = 0; i < 30; ++i) ::operator delete(blocks[static_cast<std::size_t>(i)]);
  const bool all = PoolUsed() > (60 << 20);
  std::puts(all ? "pool: fine" : "pool: somebody else's operator new");
  return all ? 0 : 1;
}
