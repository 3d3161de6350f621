// Writes the seeds of the state fuzzer into the folder named, with this build's layout, so
// that they never fall behind it. Fails when the reader refuses the whole one: then no
// mutation of it would get anywhere.
//
// usage: state_seeds DIRECTORY

#include <cstdio>
#include <fstream>
#include <string>

#include "profiler/collect/snapshot.h"
#include "profiler/collect/state_reader.h"
#include "proto/state_test_util.h"

namespace {

using tidemark::state::HandmadeState;

// Something in every section.
std::string FullState() {
  HandmadeState s(tidemark::state::kLiveShards, 16, 32);
  const uint32_t site = s.AddSite(AddStack(s), 100);
  for (uint64_t slot = 0; slot < tidemark::state::kLiveShards; slot += 3) {
    s.AddLive(slot, site, 10, 100, slot * 1000000000);
  }
  s.AddFreed(site, 5000, 3, tidemark::state::kFreedByOtherThread, 4, 400, 4);
  s.totals().thread_count = 2;
  s.threads()[0].tid = 1;
  s.threads()[0].event = 5;
  s.threads()[0].depth = 3;
  return s.bytes();
}

bool Write(const std::string& path, const std::string& bytes) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  return static_cast<bool>(file << bytes << std::flush);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const std::string directory = argv[1];
  const std::string full = FullState();
  if (!Write(directory + "/full", full) || !Write(directory + "/cut", full.substr(0, 20000))) {
    std::fprintf(stderr, "state_seeds: cannot write into %s\n", argv[1]);
    return 1;
  }
  const auto source = tidemark::collect::StateSource::OpenFile(directory + "/full");
  const auto snapshot = source.ok() ? tidemark::collect::TakeSnapshot(*source, {})
                                    : absl::StatusOr<tidemark::collect::Snapshot>(source.status());
  if (!snapshot.ok()) {
    std::fprintf(stderr, "state_seeds: refused: %s\n", snapshot.status().ToString().c_str());
    return 1;
  }
  return 0;
}
