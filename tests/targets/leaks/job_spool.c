// A print spooler. Jobs come in phases, when people are at work.
//
//   leak   job_done        what was printed goes to a list for the accounting, with a copy
//                          of its title; the accounting reads it and frees nothing
//   decoy  page_store      pages that wait for the printer, bursts that are printed soon
//   decoy  font_load       fonts: each is loaded when it is first used, and kept
//   decoy  status_update   one line per printer, replaced all the time

#include <inttypes.h>

#include "tests/targets/leaks/pacing.h"

enum { kFonts = 60, kPrinters = 400 };

struct account {
  struct account* next;
  uint64_t number;
  char* title;
  uint32_t pages;
  char user[44];
};

struct page {
  struct page* next;
  uint64_t job;
  unsigned char strokes[4000];
};

struct queue {
  struct page* first;
  struct page* last;
};

static struct account* accounts;
static struct queue pages;
static unsigned char* fonts[kFonts];
static char* statuses[kPrinters];

static void job_done(uint64_t number, unsigned user) {
  char title[160];
  snprintf(title, sizeof title, "Minutes of meeting %" PRIu64 ", with the appendix.odt", number);
  struct account* account = malloc(sizeof *account);
  account->number = number;
  account->title = strdup(title);
  account->pages = 1;
  snprintf(account->user, sizeof account->user, "user%u", user);
  account->next = accounts;
  accounts = account;
}

static void page_store(uint64_t job) {
  struct page* page = malloc(sizeof *page);
  page->next = NULL;
  page->job = job;
  memset(page->strokes, (int)job, sizeof page->strokes);
  if (pages.first == NULL) {
    pages.first = page;
  } else {
    pages.last->next = page;
  }
  pages.last = page;
}

static unsigned char* font_load(unsigned font) {
  if (fonts[font] == NULL) {
    const size_t size = 45000 + font * 900;
    fonts[font] = malloc(size);
    memset(fonts[font], (int)font, size);
  }
  return fonts[font];
}

static void status_update(unsigned printer, uint64_t job) {
  char text[200];
  snprintf(text, sizeof text, "printer %u: printing job %" PRIu64 ", paper: %*s", printer, job,
           (int)(job % 90), "A4");
  free(statuses[printer]);
  statuses[printer] = strdup(text);
}

static bool at_work(double progress) {
  return progress < 0.2 || (progress > 0.35 && progress < 0.6) ||
         (progress > 0.72 && progress < 0.95);
}

int main(int argc, char** argv) {
  const Options options = ParseOptions(argc, argv);
  Random random = {options.seed};
  Pace pace = PaceStart(options.seconds, 100);
  uint64_t jobs = 0, ink = 0, next_book = 60;
  while (PaceNext(&pace)) {
    if (at_work(PaceProgress(&pace))) {
      for (int i = 0; i < 8; ++i) job_done(++jobs, (unsigned)RandomBelow(&random, 900));
    }
    for (int i = 0; i < 10; ++i) {
      status_update((unsigned)RandomBelow(&random, kPrinters), pace.tick);
    }
    ink += *font_load((unsigned)RandomBelow(&random, kFonts));
    if (pace.tick == next_book) {
      next_book += 90 + RandomBelow(&random, 70);
      for (int i = 0; i < 1200; ++i) page_store(jobs);
    }
    for (int i = 0; i < 18 && pages.first != NULL; ++i) {
      struct page* page = pages.first;
      pages.first = page->next;
      ink += page->strokes[17];
      free(page);
    }
  }
  printf("jobs: %" PRIu64 ", ink: %" PRIu64 "\n", jobs, ink);
  return 0;
}
