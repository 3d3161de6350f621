// The sections of one state file as arrays whose bounds were checked.
//
// Two makers: OwnStateView() below for the process that wrote the state, and
// profiler/collect/state_reader.h for everybody else, which trusts nothing in the file.

#ifndef TIDEMARK_PROTO_STATE_VIEW_H_
#define TIDEMARK_PROTO_STATE_VIEW_H_

#include <cstdint>

#include "proto/state.h"

namespace tidemark {

// Pointers stay the maker's. Every [pointer, pointer + count) is readable; counts were
// read once, so entries that are added later are not seen. Ids inside entries are not
// checked here; who follows one compares it with its count.
struct StateView {
  const state::Header* header;
  const state::Totals* totals;
  const state::Node* nodes;
  uint64_t node_count;
  const state::LiveEntry* live;  // slots; an address of 0 is an empty one
  uint64_t live_count;
  const state::Site* sites;
  uint64_t site_count;
  const state::Freed* freed;
  uint64_t freed_count;
  const state::Thread* threads;
  uint64_t thread_count;
  const state::Module* modules;
  uint64_t module_count;
  const char* strings;
  uint64_t string_bytes;
  const state::ExactSite* exact_sites;  // exact mode only; SumExactSites makes `sites` of them
  uint64_t exact_site_count;
  const state::ExactChunk* exact_chunks;
  uint64_t exact_chunk_count;
};

// Bytes before the entries of a section: the live section starts with its shards.
constexpr uint64_t SectionPrefixBytes(state::SectionKind kind) {
  return kind == state::kSectionLive ? state::kLiveShards * sizeof(state::LiveShard) : 0;
}

constexpr uint64_t SectionStride(state::SectionKind kind) {
  switch (kind) {
    case state::kSectionNodes:
      return sizeof(state::Node);
    case state::kSectionLive:
      return sizeof(state::LiveEntry);
    case state::kSectionSites:
      return sizeof(state::Site);
    case state::kSectionFreed:
      return sizeof(state::Freed);
    case state::kSectionThreads:
      return sizeof(state::Thread);
    case state::kSectionModules:
      return sizeof(state::Module);
    case state::kSectionStrings:
      return 1;
    case state::kSectionExactSites:
      return sizeof(state::ExactSite);
    case state::kSectionExactChunks:
      return sizeof(state::ExactChunk);
    default:
      return 0;
  }
}

// The view of a state that this process made and still maps. Other threads may go on
// writing: the entries that WriteStateProfile reads are verified one by one.
// Malloc-safe, signal-safe. REQUIRES: `header` is valid and ready.
inline StateView OwnStateView(const state::Header* header) {
  const char* base = reinterpret_cast<const char*>(header);
  const auto* totals = reinterpret_cast<const state::Totals*>(base + 2 * state::kPageBytes);
  const auto at = [&](state::SectionKind kind) {
    return base + header->sections[kind].offset + SectionPrefixBytes(kind);
  };
  const auto count = [&](state::SectionKind kind, const uint64_t& used) {
    const uint64_t n = __atomic_load_n(&used, __ATOMIC_ACQUIRE);
    const uint64_t capacity = header->sections[kind].capacity;
    return n < capacity ? n : capacity;
  };
  StateView view;
  view.header = header;
  view.totals = totals;
  view.nodes = reinterpret_cast<const state::Node*>(at(state::kSectionNodes));
  view.node_count = count(state::kSectionNodes, totals->node_count);
  view.live = reinterpret_cast<const state::LiveEntry*>(at(state::kSectionLive));
  view.live_count = header->sections[state::kSectionLive].capacity;
  view.sites = reinterpret_cast<const state::Site*>(at(state::kSectionSites));
  view.site_count = count(state::kSectionSites, totals->site_count);
  view.freed = reinterpret_cast<const state::Freed*>(at(state::kSectionFreed));
  view.freed_count = count(state::kSectionFreed, totals->freed_count);
  view.threads = reinterpret_cast<const state::Thread*>(at(state::kSectionThreads));
  view.thread_count = count(state::kSectionThreads, totals->thread_count);
  view.modules = reinterpret_cast<const state::Module*>(at(state::kSectionModules));
  view.module_count = count(state::kSectionModules, totals->module_count);
  view.strings = at(state::kSectionStrings);
  view.string_bytes = count(state::kSectionStrings, totals->string_bytes);
  view.exact_sites = reinterpret_cast<const state::ExactSite*>(at(state::kSectionExactSites));
  view.exact_site_count = count(state::kSectionExactSites, totals->exact_site_count);
  view.exact_chunks = reinterpret_cast<const state::ExactChunk*>(at(state::kSectionExactChunks));
  view.exact_chunk_count = count(state::kSectionExactChunks, totals->exact_chunk_count);
  return view;
}

}  // namespace tidemark

#endif  // TIDEMARK_PROTO_STATE_VIEW_H_
