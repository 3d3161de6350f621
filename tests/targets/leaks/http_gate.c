// A gate in front of web servers.
//
//   leak   read_request       a request owns a buffer of 1 KiB; when its credentials are
//                             wrong, the answer is sent and the function left at once,
//                             without freeing either: one request in thirty
//   decoy  connection_open    connections that are kept alive; more of them by day
//   decoy  log_line           lines of the access log, written in batches: a saw-tooth
//   decoy  rules_load         the rules, read anew every 2 s; the old ones are freed

#include <inttypes.h>
#include <math.h>
#include <unistd.h>

#include "tests/targets/leaks/pacing.h"

enum { kRules = 2500, kLines = 8000, kMostConnections = 4096 };

struct request {
  uint64_t number;
  char method[8];
  char path[112];
  char user[64];
  char* headers;
};

struct connection {
  uint64_t opened;
  char peer[64];
  unsigned char output[3000];
};

struct rule {
  char* pattern;
  uint32_t allowed;
};

static struct connection* connections[kMostConnections];
static uint64_t first_connection, next_connection;
static char* lines[kLines];
static unsigned line_count;
static struct rule* rules;
static uint64_t refused;

static struct request* read_request(uint64_t number, bool wrong) {
  struct request* request = malloc(sizeof *request);
  request->number = number;
  strcpy(request->method, "GET");
  snprintf(request->path, sizeof request->path, "/app/page/%" PRIu64, number % 5000);
  snprintf(request->user, sizeof request->user, wrong ? "nobody" : "user%" PRIu64, number % 800);
  request->headers = malloc(1024);
  snprintf(request->headers, 1024, "Host: www.example\r\nX-Request: %" PRIu64 "\r\n\r\n", number);
  return request;
}

static void free_request(struct request* request) {
  free(request->headers);
  free(request);
}

static void log_line(const struct request* request) {
  char text[256];
  snprintf(text, sizeof text, "192.0.2.7 - %s \"%s %s HTTP/1.1\" 200 5120", request->user,
           request->method, request->path);
  lines[line_count++] = strdup(text);
  if (line_count < kLines) return;
  while (line_count > 0) free(lines[--line_count]);
}

static void rules_load(uint64_t version) {
  struct rule* fresh = calloc(kRules, sizeof *fresh);
  char pattern[128];
  for (unsigned i = 0; i < kRules; ++i) {
    snprintf(pattern, sizeof pattern, "^/app/page/%u/version/%" PRIu64 "/.*\\.html$", i, version);
    fresh[i].pattern = strdup(pattern);
    fresh[i].allowed = i % 7;
  }
  if (rules != NULL) {
    for (unsigned i = 0; i < kRules; ++i) free(rules[i].pattern);
    free(rules);
  }
  rules = fresh;
}

static void connection_open(uint64_t tick) {
  struct connection* connection = calloc(1, sizeof *connection);
  connection->opened = tick;
  connections[next_connection++ % kMostConnections] = connection;
}

static int serve(uint64_t number, bool wrong) {
  struct request* request = read_request(number, wrong);
  if (strcmp(request->user, "nobody") == 0) {
    ++refused;
    return 401;
  }
  log_line(request);
  const int status = rules[number % kRules].allowed == 6 ? 403 : 200;
  free_request(request);
  return status;
}

int main(int argc, char** argv) {
  const Options options = ParseOptions(argc, argv);
  Random random = {options.seed};
  Pace pace = PaceStart(options.seconds, 100);
  uint64_t number = 0, served = 0;
  while (PaceNext(&pace)) {
    if (pace.tick % 200 == 1) rules_load(pace.tick);
    for (int i = 0; i < 30; ++i) {
      served += serve(++number, RandomBelow(&random, 30) == 0) == 200;
    }
    for (int i = 0; i < 20; ++i) connection_open(pace.tick);
    const uint64_t kept = (uint64_t)(1100 + 700 * sin((double)pace.tick / 230 * 6.2832));
    for (; next_connection - first_connection > kept; ++first_connection) {
      free(connections[first_connection % kMostConnections]);
    }
  }
  printf("served: %" PRIu64 ", refused: %" PRIu64 "\n", served, refused);
  fflush(stdout);
  _exit(0);
}
