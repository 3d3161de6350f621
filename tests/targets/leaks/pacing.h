// What the C and C++ programs of this folder share: their options, ticks paced by the clock,
// and random numbers from a seed. What a program does depends on the number of the tick
// alone, so a late tick is caught up with and nothing depends on the machine's speed.
//
// A Pace and a Random belong to one thread.

#ifndef TESTS_TARGETS_LEAKS_PACING_H_
#define TESTS_TARGETS_LEAKS_PACING_H_

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef struct Options {
  double seconds;
  uint64_t seed;
} Options;

// [--seconds S] [--seed N]
static inline Options ParseOptions(int argc, char** argv) {
  Options options = {9, 1};
  for (int i = 1; i < argc; i += 2) {
    if (i + 1 < argc && strcmp(argv[i], "--seconds") == 0) {
      options.seconds = strtod(argv[i + 1], NULL);
    } else if (i + 1 < argc && strcmp(argv[i], "--seed") == 0) {
      options.seed = strtoull(argv[i + 1], NULL, 10);
    } else {
      fprintf(stderr, "usage: %s [--seconds S] [--seed N]\n", argv[0]);
      exit(2);
    }
  }
  return options;
}

typedef struct Pace {
  int64_t start_ns;
  double hz;
  uint64_t tick;   // 1 in the first turn
  uint64_t ticks;  // how many there will be
} Pace;

static inline Pace PaceStart(double seconds, double hz) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  Pace pace = {now.tv_sec * (int64_t)1000000000 + now.tv_nsec, hz, 0, (uint64_t)(seconds * hz)};
  return pace;
}

// Sleeps until the next tick is due. False when the time is over.
static inline bool PaceNext(Pace* pace) {
  if (pace->tick == pace->ticks) return false;
  const int64_t due_ns = pace->start_ns + (int64_t)((double)++pace->tick / pace->hz * 1e9);
  struct timespec due;
  due.tv_sec = due_ns / 1000000000;
  due.tv_nsec = due_ns % 1000000000;
  while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL) != 0) {
  }
  return true;
}

// The part of the run that is over, from 0 to 1.
static inline double PaceProgress(const Pace* pace) {
  return (double)pace->tick / (double)pace->ticks;
}

typedef struct Random {
  uint64_t state;
} Random;

// splitmix64
static inline uint64_t RandomNext(Random* random) {
  uint64_t z = random->state += 0x9e3779b97f4a7c15;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

static inline uint64_t RandomBelow(Random* random, uint64_t limit) {
  return RandomNext(random) % limit;
}

// True in that many of a hundred cases.
static inline bool RandomPercent(Random* random, unsigned percent) {
  return RandomBelow(random, 100) < percent;
}

// Below limit, small numbers far more often: popularity in a crowd.
static inline uint64_t RandomPopular(Random* random, uint64_t limit) {
  const double u = (double)(RandomNext(random) >> 11) / 9007199254740992.0;
  return (uint64_t)(u * u * (double)limit);
}

#endif  // TESTS_TARGETS_LEAKS_PACING_H_
