// What any reader of a compressed profile has to do at least: inflate it and look at every
// byte once. tests/bench/analyzer.py measures `tidemark top` against it.
//
// usage: bench_read_floor PROFILE.pb.gz

#include <libdeflate.h>

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>
#include <memory>
#include <vector>

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  std::ifstream file(argv[1], std::ios::binary | std::ios::ate);
  const std::streamoff size = file.tellg();
  constexpr size_t kTrailer = 4;  // the size of what was compressed
  if (size < static_cast<std::streamoff>(kTrailer)) return 3;
  std::vector<char> compressed(static_cast<size_t>(size));
  file.seekg(0);
  if (!file.read(compressed.data(), size)) return 3;
  uint32_t raw_size = 0;
  std::memcpy(&raw_size, compressed.data() + compressed.size() - kTrailer, kTrailer);
  const std::unique_ptr<uint8_t[]> raw(new uint8_t[raw_size]);
  libdeflate_decompressor* const decompressor = libdeflate_alloc_decompressor();
  const libdeflate_result result = libdeflate_gzip_decompress(
      decompressor, compressed.data(), compressed.size(), raw.get(), raw_size, nullptr);
  libdeflate_free_decompressor(decompressor);
  if (result != LIBDEFLATE_SUCCESS) return 3;
  uint64_t numbers = 0;  // bytes that end one
  for (uint32_t i = 0; i < raw_size; ++i) numbers += raw[i] < 0x80;
  std::printf("%llu\n", static_cast<unsigned long long>(numbers));
  return 0;
}
