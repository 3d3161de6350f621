// The URLs of profiles, as pprof takes them.
//
// Thread class: pure functions. Allocation class: may allocate.

#ifndef TIDEMARK_ANALYZER_IO_URL_H_
#define TIDEMARK_ANALYZER_IO_URL_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace tidemark::io {

struct Url {
  bool tls = false;
  bool verify = true;     // the server's certificate; false for https+insecure
  std::string user_info;  // "user:password", decoded; empty: none
  std::string host;       // an IPv6 address without its brackets
  int port = 0;
  std::string target;  // path and query, as sent; starts with a slash

  friend bool operator==(const Url&, const Url&) = default;
};

// What `source` means when there is no such file: an http, https or https+insecure URL, or one
// whose scheme was left out (host:port/path; a bare :port/path is this machine's). A URL without
// a path is that of Go's heap profile, /debug/pprof/heap. Nothing for what is no such URL.
std::optional<Url> ParseUrl(absl::string_view source);

// The URL that a redirection from `from` leads to. Credentials stay only with the same host.
std::optional<Url> Redirected(const Url& from, absl::string_view location);

// The `seconds` in the query, 0 when there are none.
int64_t SecondsOf(const Url& url);
void SetSeconds(Url& url, int64_t seconds);

// For people: without user and password, and without the values of the query but those that
// pprof's handlers know, which may be secrets too.
std::string ToText(const Url& url);

// Any source for people: ToText for a URL, otherwise itself.
std::string SourceName(const std::string& source);

}  // namespace tidemark::io

#endif  // TIDEMARK_ANALYZER_IO_URL_H_
