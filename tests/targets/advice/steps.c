/* A log that grows by one record at a time, each time by realloc. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { kRecord = 256 };

static char *log_records;
static size_t log_bytes;

static void append(const char *record) {
  log_records = realloc(log_records, log_bytes + kRecord);
  if (log_records == NULL) abort();
  memcpy(log_records + log_bytes, record, kRecord);
  log_bytes += kRecord;
}

int main(int argc, char **argv) {
  const int seconds = argc > 1 ? atoi(argv[1]) : 5;
  const struct timespec pause = {0, 10 * 1000 * 1000};
  char record[kRecord];
  memset(record, 'r', sizeof record);
  for (int tick = 0; tick < seconds * 100; ++tick) {
    for (int i = 0; i < 10; ++i) append(record);
    nanosleep(&pause, NULL);
  }
  printf("%zu\n", log_bytes);
  return 0;
}
