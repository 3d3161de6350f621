// A caching resolver with a hash table of its own.
//
//   leak   cache_insert     names are added when they were resolved; an answer whose time
//                           is over is asked for again, into the same entry, but no entry is
//                           ever removed, and there is no end of names
//   decoy  zone_load        the own zone, loaded in the first seconds, then constant
//   decoy  query_start      queries under way; each is freed with its answer

#include <inttypes.h>
#include <math.h>

#include "tests/targets/leaks/pacing.h"

enum { kBuckets = 4096, kZone = 9000, kQueries = 16384 };

struct entry {
  struct entry* next;
  uint64_t hash;
  uint64_t expires;
  uint32_t addresses[16];
  char name[];
};

struct record {
  char* name;
  char* text;
  uint32_t ttl;
};

struct query {
  uint64_t started;
  uint64_t host;
  unsigned char packet[512];
};

static struct entry* buckets[kBuckets];
static struct record* zone[kZone];
static unsigned zone_size;
static struct query* queries[kQueries];  // a ring, oldest first
static uint64_t first_query, next_query;

static uint64_t hash_name(const char* name) {
  uint64_t hash = 0xcbf29ce484222325;
  for (; *name != 0; ++name) hash = (hash ^ (unsigned char)*name) * 0x100000001b3;
  return hash;
}

static struct entry* cache_find(const char* name) {
  const uint64_t hash = hash_name(name);
  struct entry* entry = buckets[hash % kBuckets];
  while (entry != NULL && (entry->hash != hash || strcmp(entry->name, name) != 0)) {
    entry = entry->next;
  }
  return entry;
}

static struct entry* cache_insert(const char* name) {
  const size_t length = strlen(name);
  struct entry* entry = calloc(1, sizeof *entry + length + 1);
  if (entry == NULL) return NULL;
  memcpy(entry->name, name, length + 1);
  entry->hash = hash_name(name);
  entry->next = buckets[entry->hash % kBuckets];
  buckets[entry->hash % kBuckets] = entry;
  return entry;
}

static void zone_load(unsigned upto) {
  char text[200];
  for (; zone_size < upto && zone_size < kZone; ++zone_size) {
    struct record* record = malloc(sizeof *record);
    snprintf(text, sizeof text, "host%u.our-own-zone.example", zone_size);
    record->name = strdup(text);
    snprintf(text, sizeof text, "v=1; rack=%u; owner=team%u; purpose=\"serves the people\"",
             zone_size / 40, zone_size % 31);
    record->text = strdup(text);
    record->ttl = 300;
    zone[zone_size] = record;
  }
}

static void query_start(uint64_t tick, uint64_t host) {
  struct query* query = malloc(sizeof *query);
  memset(query, 0, sizeof *query);
  query->started = tick;
  query->host = host;
  queries[next_query++ % kQueries] = query;
}

static void query_answer(uint64_t tick) {
  struct query* query = queries[first_query++ % kQueries];
  char name[128];
  snprintf(name, sizeof name, "host-%" PRIu64 ".somewhere-on-the-net.example", query->host);
  struct entry* entry = cache_find(name);
  if (entry == NULL) entry = cache_insert(name);
  if (entry != NULL && entry->expires <= tick) {
    entry->expires = tick + 300;
    entry->addresses[0] = (uint32_t)query->host;
  }
  free(query);
}

int main(int argc, char** argv) {
  const Options options = ParseOptions(argc, argv);
  Random random = {options.seed};
  Pace pace = PaceStart(options.seconds, 100);
  uint64_t hosts = 1000;
  while (PaceNext(&pace)) {
    zone_load((unsigned)(PaceProgress(&pace) / 0.2 * kZone));
    for (int i = 0; i < 35; ++i) {
      // New names: of advertisements, of trackers, with numbers in them.
      query_start(pace.tick, RandomPercent(&random, 60) ? ++hosts : RandomPopular(&random, 1000));
    }
    // The net is slower in the evening; an evening comes every 2.4 s.
    const uint64_t under_way = (uint64_t)(1200 + 900 * sin((double)pace.tick / 240 * 6.2832));
    while (next_query - first_query > under_way) query_answer(pace.tick);
  }
  printf("hosts: %" PRIu64 "\n", hosts);
  return 0;
}
