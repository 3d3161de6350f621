// The state file: one MAP_SHARED file per profiled process, written by
// libtidemark.so inside the target and read from outside while the target runs,
// or after it died. docs/FORMAT.md describes it for readers of other languages.
//
// Idea: the target only ever stores into memory. Everything slow (files, pprof,
// symbols, statistics) happens in a reader that maps the same file, so there is
// no thread, socket or signal handler in the target, and what was recorded
// survives SIGKILL and the OOM killer.
//
//   offset 0       Header          identity, section directory        (1 page)
//   4096           Control         written by readers, read by target (1 page)
//   8192           Totals          counters, losses, seal             (1 page)
//   sections[...]  fixed-capacity arrays, each page aligned
//
// Thread class: fields marked (atomic) are accessed with relaxed or
// acquire/release atomics by both sides; all others are written once before
// `Header::ready` is stored with release order.
// Allocation class: plain data, no pointers, malloc-safe.
// Byte order and sizes: little-endian, LP64. A reader must refuse another
// `magic` or `layout_version`, and must bound every offset, count and id.

#ifndef TIDEMARK_PROTO_STATE_H_
#define TIDEMARK_PROTO_STATE_H_

#include <cstddef>
#include <cstdint>

namespace tidemark::state {

inline constexpr uint64_t kMagic = 0x31454b52414d4454;  // "TDMARKE1"
inline constexpr uint32_t kLayoutVersion = 1;
inline constexpr uint64_t kPageBytes = 4096;

// Addresses in a trie node; not code.
inline constexpr uint64_t kPcTruncated = 1;  // the outermost "frame" of a stack that was cut
// The innermost "frame" of a mapping that the program made itself (TIDEMARK_MMAP=1).
inline constexpr uint64_t kPcMmap = 2;
// Set in Node::pc when its module was unloaded: the address may mean other code now.
inline constexpr uint64_t kPcRetired = 1ull << 63;
inline constexpr uint32_t kRootNode = 0;
inline constexpr uint32_t kNoModule = 0xffffffff;
inline constexpr uint32_t kNoThread = 0xffffffff;
inline constexpr uint32_t kMaxFrames = 512;  // deeper stacks are cut at the root side and marked

enum SectionKind : uint32_t {
  kSectionNodes = 0,       // Node[]: the stack trie
  kSectionLive = 1,        // LiveShard[kLiveShards], then LiveEntry[] (capacity / kLiveShards each)
  kSectionSites = 2,       // Site[]: totals per (stack, size bucket)
  kSectionFreed = 3,       // Freed[]: evidence of freed samples
  kSectionThreads = 4,     // Thread[]
  kSectionModules = 5,     // Module[]
  kSectionStrings = 6,     // bytes: module paths
  kSectionExactSites = 7,  // ExactSite[]: exact mode's sites; capacity 0 when sampling
  kSectionExactChunks = 8,  // ExactChunk[]: the threads' counters of those; as above
  kSectionCount = 9,
};

struct Section {
  uint64_t offset;    // from the start of the file, multiple of kPageBytes
  uint64_t capacity;  // entries
  uint64_t stride;    // bytes per entry
};

// Page 0. Written before `ready`; constant afterwards.
struct Header {
  uint64_t magic;
  uint32_t layout_version;
  uint32_t ready;       // (atomic) 1 once all of this page and the directory are valid
  uint64_t file_bytes;  // total size; pages that were never used may be holes
  int32_t pid;          // in the target's own PID namespace
  int32_t parent_pid;
  uint64_t process_id;          // hash of AT_RANDOM, PID and time: tells apart who reuses a PID
  uint64_t start_realtime_ns;   // CLOCK_REALTIME when recording started
  uint64_t start_monotonic_ns;  // CLOCK_MONOTONIC then; all *_ns below count from here
  uint64_t initial_rate_bytes;  // mean bytes between samples; 1 means exact
  uint64_t mode;                // 0 sampled, 1 exact
  uint64_t main_module_base;    // load bias of the executable
  char tidemark_version[32];    // NUL terminated
  char comm[16];                // NUL terminated
  char command_line[1024];      // arguments separated by NUL, cut with a final NUL
  char executable[512];         // /proc/self/exe, NUL terminated
  char output_directory[512];   // absolute, NUL terminated: where the final profile goes
  Section sections[kSectionCount];
};
static_assert(sizeof(Header) <= kPageBytes);

// Page 1. The only page that readers write. The target reads it on each countdown
// expiry, at least every 256 KiB that a thread allocates.
struct Control {
  uint64_t rate_bytes;  // (atomic) wanted mean gap; 0 means "as started". Never below the live
                        // table's own doubled rate (Totals::rate_bytes)
  uint32_t paused;      // (atomic) 1: take no new samples; frees are still followed
  uint32_t stopped;     // (atomic) 1: as paused, for good (detach)
  uint64_t sequence;    // (atomic) readers add 1 after each change
};

// What the target asks before each sample.
inline bool IsPaused(const Control& control) {
  return __atomic_load_n(&control.paused, __ATOMIC_RELAXED) != 0 ||
         __atomic_load_n(&control.stopped, __ATOMIC_RELAXED) != 0;
}

// What was lost or could not be done. Shown in the profile's comments and by the CLI.
enum Loss : uint32_t {
  kLossReentered = 0,  // sample dropped: inside our own slow path already (signal handler)
  kLossNodesFull,      // stack cut or dropped: no room in the trie
  kLossLiveBusy,       // sample dropped: no lock or unwind buffer within the bound
  kLossLiveFull,       // sample dropped: live table full even after thinning
  kLossSitesFull,      // sample dropped: no room for its site
  kLossFreedFull,      // evidence row of a free dropped; its totals are kept
  kLossThreadsFull,    // thread without evidence and name: no slot
  kLossModulesFull,
  kLossStackTruncated,   // samples whose stack did not reach the thread's start
  kLossFreeMissed,       // free of a sampled block noticed only when its address came back
  kLossOutputFailed,     // final profile could not be written
  kLossChildUnprofiled,  // fork child that could not create a state of its own
  kLossMappingsFull,     // mapping not counted, or a part of it too early as unmapped: no room
  kLossCount,
};

// Names of the losses in the comments of a profile.
inline constexpr const char* kLossCommentKeys[kLossCount] = {
    "loss.reentered",       "loss.nodes_full",  "loss.live_busy",     "loss.live_full",
    "loss.sites_full",      "loss.freed_full",  "loss.threads_full",  "loss.modules_full",
    "loss.stack_truncated", "loss.free_missed", "loss.output_failed", "loss.child_unprofiled",
    "loss.mappings_full",
};

enum Seal : uint32_t {
  kSealRunning = 0,  // running, or died without a chance to say so
  kSealExited = 1,   // exit or _exit; the final profile was written if kLossOutputFailed is 0
  kSealExec = 2,     // replaced by exec
};

// Page 2. Written by the target.
struct Totals {
  uint64_t rate_bytes;          // (atomic) rate in force for new gaps, after doublings and Control
  uint64_t samples;             // (atomic) samples ever taken
  uint64_t live_samples;        // (atomic)
  uint64_t live_bytes;          // (atomic) estimate, as the sum of live weights
  uint64_t peak_bytes;          // (atomic) highest live_bytes
  uint64_t peak_ns;             // (atomic) when, since start
  uint64_t peak_epoch;          // (atomic) +1 at each new peak; see Site::peak_epoch
  uint64_t rate_doublings;      // (atomic) times the live table was thinned
  uint64_t node_count;          // (atomic, release) nodes in use; entries below are complete
  uint64_t site_count;          // (atomic, release)
  uint64_t freed_count;         // (atomic, release)
  uint64_t thread_count;        // (atomic, release) slots ever used
  uint64_t module_count;        // (atomic, release)
  uint64_t string_bytes;        // (atomic, release)
  uint64_t module_generation;   // (atomic) +1 at each dlopen or dlclose seen
  uint64_t exact_site_count;    // (atomic, release)
  uint64_t exact_chunk_count;   // (atomic, release)
  uint64_t last_event_ns;       // (atomic) time of the last sample, since start
  uint32_t seal;                // (atomic) Seal
  int32_t exit_status;          // as passed to exit, when known
  uint64_t losses[kLossCount];  // (atomic)
};
static_assert(sizeof(Totals) <= kPageBytes);

// One frame in the trie: the path from a node to kRootNode is a stack, leaf
// first. `pc` is the return address (for the leaf: the address the allocation
// call returns to). Written once, before node_count passes it, except that
// kPcRetired may be set later.
struct Node {
  uint64_t pc;      // (atomic) | kPcRetired
  uint32_t parent;  // caller's node; kRootNode ends the stack
  uint32_t module;  // index into modules, kNoModule when unknown (JIT)
};
static_assert(sizeof(Node) == 16);

inline constexpr uint32_t kLiveShards = 64;

// `sequence` is odd while a writer is inside the shard. A reader copies the shard
// and takes it if the sequence was even and unchanged; after bounded retries (the
// writer may be dead) it takes the entries that pass LiveEntry::check.
struct alignas(64) LiveShard {
  uint32_t lock;      // (atomic) target only
  uint32_t sequence;  // (atomic)
  uint32_t used;      // entries in use
  uint32_t pages;     // target only; bit i: page i of the shard's entries was ever used
};
static_assert(sizeof(LiveShard) == 64);

// One sampled block that was not freed yet. Address 0: the slot is empty. With kMappingMark it
// is no address but stands for a mapping; its sizes are then what remains of it.
inline constexpr uint64_t kMappingMark = 1ull << 63;
struct LiveEntry {
  uint64_t address;
  uint64_t size_bytes;      // as requested
  uint64_t weight_bytes;    // bytes it stands for: size / (1 - exp(-size / rate))
  uint64_t time_ns;         // when allocated, since start
  uint64_t activation;      // the allocating thread's event number (see Thread)
  uint32_t weight_objects;  // blocks it stands for, rounded stochastically once
  uint32_t site;            // index into sites
  uint32_t thread;          // slot in threads, kNoThread when none
  uint32_t chain;           // reallocs this block went through (evidence of a growing array)
  uint32_t depth;           // frames of its stack; 0 when nothing can be said of its frames'
                            // returns (stack cut, coroutine, no thread slot)
  uint32_t check;           // LiveCheck() of the fields above
};
static_assert(sizeof(LiveEntry) == 64);

// Guards against a torn entry when a shard's writer died inside it.
inline uint32_t LiveCheck(const LiveEntry& e) {
  uint64_t h = e.address * 0x9e3779b97f4a7c15;
  h = (h ^ e.size_bytes) * 0x9e3779b97f4a7c15;
  h = (h ^ e.weight_bytes) * 0x9e3779b97f4a7c15;
  h = (h ^ e.time_ns ^ (e.activation << 17)) * 0x9e3779b97f4a7c15;
  h = (h ^ e.weight_objects ^ (uint64_t{e.site} << 32)) * 0x9e3779b97f4a7c15;
  h = (h ^ e.thread ^ (uint64_t{e.depth} << 32) ^ (uint64_t{e.chain} << 16)) * 0x9e3779b97f4a7c15;
  return static_cast<uint32_t>(h >> 32) | 1;
}

// Totals per (stack, size bucket), weights included. Key fields are written once
// before site_count passes the entry; counters only ever change by atomic adds.
// live = alloc - freed, in each unit.
struct Site {
  uint32_t stack;          // leaf node
  uint32_t size_bucket;    // SizeBucket() in proto/buckets.h
  uint64_t alloc_objects;  // (atomic)
  uint64_t alloc_bytes;    // (atomic)
  uint64_t alloc_samples;  // (atomic)
  uint64_t freed_objects;  // (atomic)
  uint64_t freed_bytes;    // (atomic)
  uint64_t freed_samples;  // (atomic)
  // Live values at the global peak, kept lazily: before a site first changes after
  // Totals::peak_epoch moved past peak_epoch, it stores its live values here. A
  // site whose peak_epoch is older than Totals' has its live values as its peak.
  uint64_t peak_epoch;    // (atomic)
  uint64_t peak_objects;  // (atomic)
  uint64_t peak_bytes;    // (atomic)
};
static_assert(sizeof(Site) == 80);

inline constexpr uint32_t kFreedByOtherThread = 1;

// What was known when sampled blocks were freed, summed per distinct evidence.
struct Freed {
  uint32_t site;
  uint8_t lifetime_bucket;  // Log2Bucket(lifetime in ns)
  uint8_t outlives_bucket;  // OutlivesBucket(frames known to have returned)
  uint8_t flags;            // kFreedByOtherThread: outlives_bucket is 0 and means nothing
  uint8_t pad;
  uint64_t objects;  // (atomic)
  uint64_t bytes;    // (atomic)
  uint64_t samples;  // (atomic)
};
static_assert(sizeof(Freed) == 32);

inline constexpr uint32_t kThreadFrames = 128;

// One thread's latest stack as activation numbers: the evidence for `outlives`.
//
// The thread counts its sampled events (allocations and frees) in `event`. At each
// event its stack is compared, from the root, with the stack of its previous event:
// frames in the equal prefix (same CFA and return address) keep their number, all
// further frames get this event's number. Numbers therefore never fall from root to
// leaf, and a block allocated at event e has outlived every frame of its stack
// beyond the first m, where m = count of activation[0, min(depth, kThreadFrames))
// that are <= e. That is a lower bound: an equal prefix may hide a return. When
// depth > kThreadFrames and all stored numbers are <= e, nothing is known.
// When a thread ends, depth becomes 0 (all frames returned); a slot is reused with
// `event` continuing, so older blocks stay outlived.
struct Thread {
  uint32_t sequence;                   // (atomic) odd while being written
  int32_t tid;                         // 0: slot free
  char name[16];                       // NUL terminated
  uint64_t event;                      // (atomic)
  uint32_t depth;                      // frames in the latest stack
  uint32_t claimed;                    // low half of `event` when its present thread got the slot
  uint64_t activation[kThreadFrames];  // root first
};
static_assert(sizeof(Thread) == 40 + 8 * kThreadFrames);

// The event number at which the slot's present thread got it: later ones are its own. Right
// for threads of fewer than 2^32 events.
inline uint64_t ClaimedAt(const Thread& t) {
  return t.event - static_cast<uint32_t>(static_cast<uint32_t>(t.event) - t.claimed);
}

inline constexpr uint32_t kBuildIdBytes = 32;

// One executable segment of a loaded file. Entries are never reused: a file that is
// closed and loaded again gets a new entry.
struct Module {
  uint64_t start;           // first address of the executable segment
  uint64_t limit;           // first address behind it
  uint64_t file_offset;     // of `start`
  uint64_t load_bias;       // run-time address minus ELF address
  uint64_t loaded_ns;       // since start
  uint64_t unloaded_ns;     // (atomic) 0 while loaded
  uint32_t generation;      // Totals::module_generation when it was seen
  uint32_t build_id_bytes;  // 0 when the file has none
  uint8_t build_id[kBuildIdBytes];
  uint32_t path_offset;  // into strings
  uint32_t path_bytes;   // without a NUL
};
static_assert(sizeof(Module) == 96);

// Exact mode: what the counters of one index in all chunks belong to. Written once,
// before exact_site_count passes it.
struct ExactSite {
  uint32_t stack;        // leaf node
  uint32_t size_bucket;  // SizeBucket() in proto/buckets.h
};
static_assert(sizeof(ExactSite) == 8);

// What one thread did at one site. A free counts in the thread that frees, so one thread's
// live values may be negative; the sum over all threads is what the process did. Only its
// thread writes it; readers load each field (atomic).
struct ExactCounter {
  uint64_t alloc_objects;
  uint64_t alloc_bytes;
  uint64_t freed_objects;
  uint64_t freed_bytes;
  uint64_t peak_epoch;  // as Site::peak_epoch, but per thread
  int64_t peak_objects;
  int64_t peak_bytes;
  uint64_t pad;
};
static_assert(sizeof(ExactCounter) == 64);

inline constexpr uint32_t kExactChunkSites = 64;

// One thread's counters of sites [first_site, first_site + kExactChunkSites).
struct alignas(64) ExactChunk {
  uint32_t thread;  // slot in threads; threads without one share the slot behind the last
  uint32_t first_site;
  ExactCounter counters[kExactChunkSites];
};
static_assert(sizeof(ExactChunk) == 4160);

}  // namespace tidemark::state

#endif  // TIDEMARK_PROTO_STATE_H_
