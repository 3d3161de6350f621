// A handmade state for tests: the bytes of a state file, and typed access to its parts.

#ifndef TIDEMARK_PROTO_STATE_TEST_UTIL_H_
#define TIDEMARK_PROTO_STATE_TEST_UTIL_H_

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "proto/buckets.h"
#include "proto/state.h"
#include "proto/state_view.h"

namespace tidemark::state {

class HandmadeState {
 public:
  // All sections have small capacities; the file is valid, ready and empty.
  explicit HandmadeState(uint64_t live_capacity = kLiveShards * 4, uint64_t site_capacity = 64,
                         uint64_t node_capacity = 256) {
    const uint64_t capacities[kSectionCount] = {
        node_capacity, live_capacity, site_capacity, 64, 8, 16, 4096, 0, 0};
    Header h = {};
    uint64_t end = 3 * kPageBytes;
    for (uint32_t kind = 0; kind < kSectionCount; ++kind) {
      const auto section = static_cast<SectionKind>(kind);
      h.sections[kind] = {end, capacities[kind], SectionStride(section)};
      end += SectionPrefixBytes(section) + capacities[kind] * SectionStride(section);
      end = (end + kPageBytes - 1) / kPageBytes * kPageBytes;
    }
    words_.resize(end / sizeof(Word));
    h.magic = kMagic;
    h.layout_version = kLayoutVersion;
    h.ready = 1;
    h.file_bytes = end;
    h.pid = 4242;
    h.process_id = 0x0123456789abcdef;
    h.start_realtime_ns = 1700000000000000000;
    h.start_monotonic_ns = 5000000000;
    h.initial_rate_bytes = 524288;
    std::strcpy(h.tidemark_version, "0.1.0");
    std::strcpy(h.comm, "target");
    std::strcpy(h.command_line, "./target");
    std::strcpy(h.executable, "/usr/bin/target");
    std::strcpy(h.output_directory, "/tmp");
    std::memcpy(words_.data(), &h, sizeof(h));
    totals().rate_bytes = 524288;
    totals().node_count = 1;  // the root
    totals().last_event_ns = 60000000000;
  }

  Header& header() { return *At<Header>(0); }
  Totals& totals() { return *At<Totals>(2 * kPageBytes); }
  template <class T>
  T* section(SectionKind kind) {
    return At<T>(header().sections[kind].offset + SectionPrefixBytes(kind));
  }
  LiveShard* shards() { return At<LiveShard>(header().sections[kSectionLive].offset); }
  LiveEntry* live() { return section<LiveEntry>(kSectionLive); }
  Site* sites() { return section<Site>(kSectionSites); }
  Freed* freed() { return section<Freed>(kSectionFreed); }
  Thread* threads() { return section<Thread>(kSectionThreads); }
  Module* modules() { return section<Module>(kSectionModules); }
  Node* nodes() { return section<Node>(kSectionNodes); }

  uint32_t AddModule(std::string_view path, uint64_t start, uint64_t load_bias) {
    Module& m = modules()[totals().module_count];
    m.start = start;
    m.limit = start + 0x10000;
    m.file_offset = 0x1000;
    m.load_bias = load_bias;
    m.build_id_bytes = 3;
    m.build_id[0] = 0xab;
    m.build_id[1] = 0x01;
    m.build_id[2] = 0x0f;
    m.path_offset = static_cast<uint32_t>(totals().string_bytes);
    m.path_bytes = static_cast<uint32_t>(path.size());
    std::memcpy(section<char>(kSectionStrings) + m.path_offset, path.data(), path.size());
    totals().string_bytes += path.size();
    return static_cast<uint32_t>(totals().module_count++);
  }

  uint32_t AddNode(uint32_t parent, uint64_t pc, uint32_t module) {
    nodes()[totals().node_count] = {pc, parent, module};
    return static_cast<uint32_t>(totals().node_count++);
  }

  // Totals of a site, without peak.
  uint32_t AddSite(uint32_t stack, uint64_t block_bytes) {
    Site& site = sites()[totals().site_count];
    site.stack = stack;
    site.size_bucket = SizeBucket(block_bytes);
    return static_cast<uint32_t>(totals().site_count++);
  }

  // A live block of `objects` x `bytes`, counted in its site too.
  LiveEntry& AddLive(uint64_t slot, uint32_t site, uint32_t objects, uint64_t bytes,
                     uint64_t time_ns) {
    LiveEntry& e = live()[slot];
    e = {};
    e.address = 0x10000 + slot * 16;
    e.size_bytes = bytes;
    e.weight_bytes = objects * bytes;
    e.time_ns = time_ns;
    e.weight_objects = objects;
    e.site = site;
    e.thread = kNoThread;
    e.depth = 3;
    e.check = LiveCheck(e);
    sites()[site].alloc_objects += objects;
    sites()[site].alloc_bytes += objects * bytes;
    sites()[site].alloc_samples += 1;
    totals().samples += 1;
    totals().live_samples += 1;
    totals().live_bytes += objects * bytes;
    return e;
  }

  // Freed samples with their evidence, counted in their site too.
  void AddFreed(uint32_t site, uint64_t lifetime_ns, uint32_t outlives, uint8_t flags,
                uint64_t objects, uint64_t bytes, uint64_t samples) {
    Freed& f = freed()[totals().freed_count++];
    f = {site,
         static_cast<uint8_t>(Log2Bucket(lifetime_ns)),
         static_cast<uint8_t>(OutlivesBucket(outlives)),
         flags,
         0,
         objects,
         bytes,
         samples};
    Site& s = sites()[site];
    s.alloc_objects += objects;
    s.alloc_bytes += bytes;
    s.alloc_samples += samples;
    s.freed_objects += objects;
    s.freed_bytes += bytes;
    s.freed_samples += samples;
    totals().samples += samples;
  }

  std::string bytes() const {
    return {reinterpret_cast<const char*>(words_.data()), words_.size() * sizeof(Word)};
  }

 private:
  struct alignas(64) Word {
    char bytes[64];
  };
  template <class T>
  T* At(uint64_t offset) {
    return reinterpret_cast<T*>(reinterpret_cast<char*>(words_.data()) + offset);
  }

  std::vector<Word> words_;
};

// main -> handle -> grow -> operator new, each 0x100 into its function; 3 frames of the
// program and a leaf in another module. Returns the leaf's node.
inline uint32_t AddStack(HandmadeState& state) {
  const uint32_t library =
      state.AddModule("/usr/lib/libstdc++.so.6", 0x7f0000001000, 0x7f0000000000);
  const uint32_t program = state.AddModule("/usr/bin/target", 0x555500001000, 0x555500000000);
  state.header().main_module_base = 0x555500000000;
  const uint32_t main_node = state.AddNode(kRootNode, 0x555500001100, program);
  const uint32_t handle = state.AddNode(main_node, 0x555500001200, program);
  const uint32_t grow = state.AddNode(handle, 0x555500001300, program);
  return state.AddNode(grow, 0x7f0000001400, library);
}

}  // namespace tidemark::state

#endif  // TIDEMARK_PROTO_STATE_TEST_UTIL_H_
