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

// One character against the set after `[`; *end: behind the `]`, nullptr: there is none.
bool IsInSet(const char* set, char c, const char** end) {
  const bool negated = *set == '!' || *set == '^';
  if (negated) ++set;
  bool found = false;
  const char* at = set;
  do {  // a `]` at the very first is one of the set
    if (*at == '\0') {
      *end = nullptr;
      return false;
    }
    if (at[1] == '-' && at[2] != ']' && at[2] != '\0') {
      found = found || (at[0] <= c && c <= at[2]);
      at += 3;
    } else {
      found = found || at[0] == c;
      ++at;
    }
  } while (*at != ']');
  *end = at + 1;
  return found != negated;
}

}  // namespace

bool MatchesPattern(const char* pattern, const char* name) {
  // Where to go on when what follows the last `*` does not match: that star takes one more.
  const char* star = nullptr;
  const char* starred = nullptr;
  while (*name != '\0' || *pattern != '\0') {
    if (*pattern == '*') {
      star = ++pattern;
      starred = name;
      continue;
    }
    const char* behind = pattern + 1;
    bool same = *name != '\0' && (*pattern == '?' || *pattern == *name);
    if (*pattern == '[' && *name != '\0') {
      const char* end;
      const bool in_set = IsInSet(pattern + 1, *name, &end);
      if (end != nullptr) {
        same = in_set;
        behind = end;
      }
    }
    if (same) {
      pattern = behind;
      ++name;
    } else if (star != nullptr && *starred != '\0') {
      pattern = star;
      name = ++starred;
    } else {
      return false;
    }
  }
  return true;
}

void MarkChildren(char** environment) {
  constexpr size_t kLength = sizeof(kChildrenName) - 1;
  constexpr char kForgottenName[] = "TIDEMARK_CHILD_NO";
  static_assert(sizeof(kForgottenName) == sizeof(kChildOfName));
  if (Find(environment, kChildrenName) == nullptr) return;
  for (char** entry = environment; *entry != nullptr; ++entry) {
    if (ValueOf(*entry, kChildOfName) != nullptr) memcpy(*entry, kForgottenName, kLength);
    if (ValueOf(*entry, kChildrenName) != nullptr) memcpy(*entry, kChildOfName, kLength);
  }
}

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

  const char* children = Find(environment, kChildrenName);
  if (children == nullptr) {
    children = Find(environment, kChildOfName);
    options.is_child = children != nullptr;
  }
  if (children != nullptr && strcmp(children, "all") != 0) {
    options.excluded = strcmp(children, "skip") == 0;
    if (options.excluded || strcmp(children, "none") == 0) {
      options.children = Children::kNone;
    } else if (children[0] != '\0' && strchr(children, '/') == nullptr) {
      options.children = Children::kMatching;
      options.pattern = children;
    } else {
      complain(kChildrenName, children, "all, none or a pattern of program names such as redis-*",
               "all");
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
