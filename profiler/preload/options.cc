#include "profiler/preload/options.h"

#include <string.h>

#include "profiler/preload/sampler.h"

namespace tidemark::preload {
namespace {

// The value if `entry` is "name=value", else nullptr.
char* ValueOf(char* entry, const char* name) {
  const size_t length = strlen(name);
  return strncmp(entry, name, length) == 0 && entry[length] == '=' ? entry + length + 1 : nullptr;
}

// As getenv: the first entry counts. Not getenv itself: it may be the target's.
char* Find(char** environment, const char* name) {
  if (environment == nullptr) return nullptr;
  for (char** entry = environment; *entry != nullptr; ++entry) {
    if (char* value = ValueOf(*entry, name)) return value;
  }
  return nullptr;
}

bool ParseSwitch(const char* text, bool* on) {
  if (strcmp(text, "0") != 0 && strcmp(text, "1") != 0) return false;
  *on = text[0] == '1';
  return true;
}

}  // namespace

bool ParseBytes(const char* text, uint64_t* bytes) {
  uint64_t value = 0;
  const char* at = text;
  for (; *at >= '0' && *at <= '9'; ++at) {
    value = value * 10 + static_cast<uint64_t>(*at - '0');
    if (value > kMaxRateBytes) return false;
  }
  if (at == text) return false;
  int shift = 0;
  switch (*at) {
    case 'K':
    case 'k':
      shift = 10;
      break;
    case 'M':
    case 'm':
      shift = 20;
      break;
    case 'G':
    case 'g':
      shift = 30;
      break;
    default:
      break;
  }
  if (shift != 0) ++at;
  if (*at != '\0' || value == 0 || value > kMaxRateBytes >> shift) return false;
  *bytes = value << shift;
  return true;
}

Options ParseOptions(char** environment, Complain complain) {
  Options options{};
  options.rate_bytes = kDefaultRateBytes;
  options.children = true;
  options.active = true;

  const char* rate = Find(environment, "TIDEMARK_RATE");
  options.exact = rate != nullptr && strcmp(rate, "exact") == 0;
  if (options.exact) {
    options.rate_bytes = 1;
  } else if (rate != nullptr && !ParseBytes(rate, &options.rate_bytes)) {
    complain("TIDEMARK_RATE", rate, "a number of bytes from 1 to 1024G such as 64K, or exact",
             "524288");
  }
  options.output = Find(environment, "TIDEMARK_OUT");
  if (options.output != nullptr && options.output[0] == '\0') options.output = nullptr;
  options.state = Find(environment, "TIDEMARK_STATE");
  if (options.state != nullptr && options.state[0] == '\0') options.state = nullptr;

  options.children_value = Find(environment, "TIDEMARK_CHILDREN");
  if (const char* children = options.children_value) {
    options.excluded = strcmp(children, kChildrenSkip) == 0;
    if (options.excluded || strcmp(children, kChildrenNone) == 0) {
      options.children = false;
    } else if (strcmp(children, "all") != 0) {
      complain("TIDEMARK_CHILDREN", children, "all or none", "all");
    }
  }
  const char* active = Find(environment, "TIDEMARK_ACTIVE");
  if (active != nullptr && !ParseSwitch(active, &options.active)) {
    complain("TIDEMARK_ACTIVE", active, "0 or 1", "1");
  }
  const char* mmap = Find(environment, "TIDEMARK_MMAP");
  if (mmap != nullptr && !ParseSwitch(mmap, &options.mmap)) {
    complain("TIDEMARK_MMAP", mmap, "0 or 1", "0");
  }
  const char* log = Find(environment, "TIDEMARK_LOG");
  if (log != nullptr && !ParseSwitch(log, &options.log)) {
    complain("TIDEMARK_LOG", log, "0 or 1", "0");
  }
  const char* threads = Find(environment, "TIDEMARK_THREADS");
  if (threads != nullptr && !ParseSwitch(threads, &options.threads)) {
    complain("TIDEMARK_THREADS", threads, "0 or 1", "0");
  }
  return options;
}

}  // namespace tidemark::preload
