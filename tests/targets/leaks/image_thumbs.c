// Makes thumbnails of pictures. Nothing leaks here.
//
//   decoy  canvas_get        canvases from a free list, which keeps as many as were once
//                            needed at the same time; the peak is in the first third
//   decoy  table_double      the table of what was done, an array that doubles once
//   decoy  upload_receive    uploads that come in bursts and are worked off
//   decoy  thumbs_put        thumbnails, a ring at its limit

#include <inttypes.h>
#include <unistd.h>

#include "tests/targets/leaks/pacing.h"

enum { kCanvas = 24000, kThumbs = 1500 };

struct canvas {
  struct canvas* next;
  unsigned char pixels[kCanvas];
};

struct upload {
  struct upload* next;
  uint64_t number;
  unsigned char data[2500];
};

struct done {
  uint64_t number;
  uint64_t size;
  uint64_t checksum;
};

static struct canvas* free_canvases;
static struct upload* uploads;
static struct done* table;
static size_t table_size = 24000;
static unsigned char* thumbs[kThumbs];
static uint64_t thumbs_at;

static struct canvas* canvas_get(void) {
  struct canvas* canvas = free_canvases;
  if (canvas != NULL) {
    free_canvases = canvas->next;
  } else {
    canvas = malloc(sizeof *canvas);
  }
  memset(canvas->pixels, 0, 2000);
  return canvas;
}

static void canvas_put(struct canvas* canvas) {
  canvas->next = free_canvases;
  free_canvases = canvas;
}

static void table_double(void) {
  struct done* bigger = realloc(table, table_size * 2 * sizeof *bigger);
  if (bigger == NULL) return;
  memset(bigger + table_size, 0, table_size * sizeof *bigger);
  table = bigger;
  table_size *= 2;
}

static void upload_receive(uint64_t number) {
  struct upload* upload = malloc(sizeof *upload);
  upload->number = number;
  memset(upload->data, (int)number, sizeof upload->data);
  upload->next = uploads;
  uploads = upload;
}

static void thumbs_put(uint64_t number) {
  unsigned char** slot = &thumbs[thumbs_at++ % kThumbs];
  free(*slot);
  const size_t size = 700 + number % 900;
  *slot = malloc(size);
  memset(*slot, (int)number, size);
}

// Draws that many pictures at the same time, as threads would.
static uint64_t draw(unsigned count) {
  struct canvas* drawn = NULL;
  uint64_t sum = 0;
  for (unsigned i = 0; i < count; ++i) {
    struct canvas* canvas = canvas_get();
    canvas->next = drawn;
    drawn = canvas;
  }
  while (drawn != NULL) {
    struct canvas* next = drawn->next;
    sum += drawn->pixels[100];
    canvas_put(drawn);
    drawn = next;
  }
  return sum;
}

int main(int argc, char** argv) {
  const Options options = ParseOptions(argc, argv);
  Random random = {options.seed};
  table = calloc(table_size, sizeof *table);
  Pace pace = PaceStart(options.seconds, 100);
  uint64_t number = 0, sum = 0;
  bool doubled = false;
  while (PaceNext(&pace)) {
    const double progress = PaceProgress(&pace);
    const unsigned most = progress < 0.3 ? 10 + (unsigned)(progress * 400) : 90;
    sum += draw((unsigned)RandomBelow(&random, most));
    if (!doubled && progress > 0.5) {
      table_double();
      doubled = true;
    }
    if (RandomBelow(&random, 100) == 0) {
      for (int i = 0; i < 700; ++i) upload_receive(++number);
    }
    for (int i = 0; i < 14 && uploads != NULL; ++i) {
      struct upload* upload = uploads;
      uploads = upload->next;
      table[upload->number % table_size].size += upload->data[0];
      free(upload);
    }
    for (int i = 0; i < 10; ++i) thumbs_put(RandomNext(&random) >> 32);
  }
  printf("sum: %" PRIu64 ", uploads: %" PRIu64 "\n", sum, number);
  fflush(stdout);
  _exit(0);
}
