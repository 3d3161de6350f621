// Takes in messages of many machines and passes them on. Allocates as programs of GNU do:
// xstrdup calls xmemdup, which calls xmalloc, which never returns NULL.
//
//   leak   remember_sender    each message's tag is noted for a report of the day; the report
//                             was given up, the notes were not. All behind the wrappers.
//   decoy  ring_put           the last 5000 messages: a ring at its limit
//   decoy  batch_add          messages to pass on, in batches: a saw-tooth
//   decoy  aliases_load       names of machines, read anew every 1.5 s; the old ones are freed

#include <inttypes.h>

#include "tests/targets/leaks/pacing.h"

enum { kRing = 5000, kBatch = 9000, kAliases = 4000 };

struct note {
  struct note* next;
  char* tag;
  uint64_t when;
};

static struct note* notes;
static char* ring[kRing];
static uint64_t ring_at;
static char* batch[kBatch];
static unsigned batch_count;
static char* aliases[kAliases];

static void* xmalloc(size_t size) {
  void* block = malloc(size);
  if (block == NULL) {
    fputs("memory exhausted\n", stderr);
    abort();
  }
  return block;
}

static void* xmemdup(const void* data, size_t size) { return memcpy(xmalloc(size), data, size); }

static char* xstrdup(const char* text) { return xmemdup(text, strlen(text) + 1); }

static void remember_sender(const char* tag, uint64_t when) {
  struct note* note = xmalloc(sizeof *note);
  note->tag = xstrdup(tag);
  note->when = when;
  note->next = notes;
  notes = note;
}

static void ring_put(const char* message) {
  char** slot = &ring[ring_at++ % kRing];
  free(*slot);
  *slot = xstrdup(message);
}

static void batch_add(const char* message) {
  batch[batch_count++] = xstrdup(message);
  if (batch_count < kBatch) return;
  while (batch_count > 0) free(batch[--batch_count]);
}

static void aliases_load(uint64_t version) {
  char text[128];
  for (unsigned i = 0; i < kAliases; ++i) {
    snprintf(text, sizeof text, "machine%u.floor%u.version%" PRIu64 ".example", i, i % 12, version);
    free(aliases[i]);
    aliases[i] = xstrdup(text);
  }
}

int main(int argc, char** argv) {
  const Options options = ParseOptions(argc, argv);
  Random random = {options.seed};
  Pace pace = PaceStart(options.seconds, 100);
  uint64_t messages = 0;
  while (PaceNext(&pace)) {
    if (pace.tick % 150 == 1) aliases_load(pace.tick);
    for (int i = 0; i < 36; ++i) {
      char tag[96], message[256];
      snprintf(tag, sizeof tag, "daemon%" PRIu64 "[%" PRIu64 "]@machine%" PRIu64,
               RandomBelow(&random, 40), RandomBelow(&random, 32768), RandomBelow(&random, 4000));
      snprintf(message, sizeof message, "%s: message %" PRIu64 ": something happened%*s", tag,
               ++messages, (int)RandomBelow(&random, 80), ".");
      remember_sender(tag, pace.tick);
      ring_put(message);
      batch_add(message);
    }
  }
  printf("messages: %" PRIu64 "\n", messages);
  return 0;
}
