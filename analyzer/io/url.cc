#include "analyzer/io/url.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace tidemark::io {
namespace {

constexpr char kDefaultPath[] = "/debug/pprof/heap";
constexpr int kHttpPort = 80, kHttpsPort = 443;

struct Scheme {
  const char* name;
  bool tls;
  bool verify;
};
constexpr Scheme kSchemes[] = {
    {"http", false, true}, {"https", true, true}, {"https+insecure", true, false}};

// What must not stand in a request's first line becomes %XX.
std::string Encoded(absl::string_view text) {
  constexpr char kDigits[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte > ' ' && byte < 0x7f && c != '"' && c != '<' && c != '>') {
      out += c;
    } else {
      out += {'%', kDigits[byte >> 4], kDigits[byte & 15]};
    }
  }
  return out;
}

std::string Decoded(absl::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    uint32_t byte = 0;
    if (text[i] == '%' && i + 2 < text.size() &&
        absl::SimpleHexAtoi(text.substr(i + 1, 2), &byte)) {
      out += static_cast<char>(byte);
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

bool IsHostName(absl::string_view host) {
  return std::all_of(host.begin(), host.end(), [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '.' || c == '-' || c == '_';
  });
}

bool IsIpv6(absl::string_view host) {
  return !host.empty() && std::all_of(host.begin(), host.end(), [](char c) {
    return absl::ascii_isxdigit(static_cast<unsigned char>(c)) || c == ':' || c == '.';
  });
}

// [user[:password]@]host[:port]
bool ParseAuthority(absl::string_view text, Url& url) {
  if (const size_t at = text.rfind('@'); at != absl::string_view::npos) {
    url.user_info = Decoded(text.substr(0, at));
    text.remove_prefix(at + 1);
  }
  const bool is_ipv6 = absl::ConsumePrefix(&text, "[");
  const size_t end = std::min(text.find(is_ipv6 ? ']' : ':'), text.size());
  url.host = std::string(text.substr(0, end));
  text.remove_prefix(end);
  if (is_ipv6 && !absl::ConsumePrefix(&text, "]")) return false;
  if (!(is_ipv6 ? IsIpv6(url.host) : IsHostName(url.host))) return false;
  if (absl::ConsumePrefix(&text, ":")) {
    constexpr int kMostPort = 65535;
    // As Go's, an empty port is the scheme's.
    if (!text.empty() &&
        (!std::all_of(text.begin(), text.end(), absl::ascii_isdigit) ||
         !absl::SimpleAtoi(text, &url.port) || url.port < 1 || url.port > kMostPort)) {
      return false;
    }
    if (url.host.empty()) url.host = "localhost";
    return true;
  }
  return text.empty() && !url.host.empty();
}

std::optional<Url> Parse(const Scheme& scheme, absl::string_view rest) {
  Url url;
  url.tls = scheme.tls;
  url.verify = scheme.verify;
  url.port = scheme.tls ? kHttpsPort : kHttpPort;
  rest = rest.substr(0, rest.find('#'));
  const size_t end = std::min(rest.find_first_of("/?"), rest.size());
  if (!ParseAuthority(rest.substr(0, end), url)) return std::nullopt;
  absl::string_view path = rest.substr(end), query;
  if (const size_t mark = path.find('?'); mark != absl::string_view::npos) {
    query = path.substr(mark);
    path = path.substr(0, mark);
  }
  if (path.empty() || path == "/") path = kDefaultPath;
  url.target = absl::StrCat(Encoded(path), Encoded(query));
  return url;
}

// The parts of the query, and the path before it.
std::vector<std::string> QueryOf(const Url& url, std::string* path) {
  const std::pair<std::string, std::string> parts =
      absl::StrSplit(url.target, absl::MaxSplits('?', 1));
  if (path != nullptr) *path = parts.first;
  return absl::StrSplit(parts.second, '&', absl::SkipEmpty());
}

}  // namespace

std::optional<Url> ParseUrl(absl::string_view source) {
  if (const size_t end = source.find("://"); end != absl::string_view::npos) {
    for (const Scheme& scheme : kSchemes) {
      if (absl::EqualsIgnoreCase(source.substr(0, end), scheme.name)) {
        return Parse(scheme, source.substr(end + 3));
      }
    }
    return std::nullopt;
  }
  const absl::string_view authority = source.substr(0, source.find_first_of("/?"));
  if (!absl::StrContains(authority, ':')) return std::nullopt;
  return Parse(kSchemes[0], source);
}

std::optional<Url> Redirected(const Url& from, absl::string_view location) {
  if (absl::StrContains(location.substr(0, location.find_first_of("/?")), ':')) {
    std::optional<Url> to = ParseUrl(location);
    if (!to.has_value()) return to;
    if (to->host == from.host && to->port == from.port) to->user_info = from.user_info;
    if (!from.verify) to->verify = false;
    return to;
  }
  location = location.substr(0, location.find('#'));
  Url to = from;
  if (absl::StartsWith(location, "//")) {
    return Redirected(from, absl::StrCat(from.tls ? "https:" : "http:", location));
  }
  if (absl::StartsWith(location, "/")) {
    to.target = Encoded(location);
  } else {
    std::string path;
    QueryOf(from, &path);
    to.target = absl::StrCat(path.substr(0, path.rfind('/') + 1), Encoded(location));
  }
  return to;
}

int64_t SecondsOf(const Url& url) {
  int64_t seconds = 0;
  for (const std::string& part : QueryOf(url, nullptr)) {
    absl::string_view value = part;
    if (absl::ConsumePrefix(&value, "seconds=")) {
      return absl::SimpleAtoi(value, &seconds) && seconds > 0 ? seconds : 0;
    }
  }
  return 0;
}

void SetSeconds(Url& url, int64_t seconds) {
  std::string path;
  std::vector<std::string> query = QueryOf(url, &path);
  query.erase(std::remove_if(query.begin(), query.end(),
                             [](const std::string& part) {
                               return part == "seconds" || absl::StartsWith(part, "seconds=");
                             }),
              query.end());
  query.push_back(absl::StrCat("seconds=", seconds));
  url.target = absl::StrCat(path, "?", absl::StrJoin(query, "&"));
}

std::string ToText(const Url& url) {
  std::string path;
  std::vector<std::string> query = QueryOf(url, &path);
  for (std::string& part : query) {
    const size_t equals = part.find('=');
    const absl::string_view key = absl::string_view(part).substr(0, equals);
    if (equals != std::string::npos && key != "seconds" && key != "debug" && key != "gc") {
      part = absl::StrCat(key, "=…");
    }
  }
  const bool is_ipv6 = absl::StrContains(url.host, ':');
  const bool is_usual_port = url.port == (url.tls ? kHttpsPort : kHttpPort);
  return absl::StrCat(url.tls ? "https" : "http", url.verify ? "" : "+insecure", "://",
                      is_ipv6 ? "[" : "", url.host, is_ipv6 ? "]" : "",
                      is_usual_port ? "" : absl::StrCat(":", url.port), path,
                      query.empty() ? "" : "?", absl::StrJoin(query, "&"));
}

std::string SourceName(const std::string& source) {
  if (source == "-") return "standard input";
  if (const std::optional<Url> url = ParseUrl(source); url.has_value()) return ToText(*url);
  // Not one of ours, but perhaps with a password in it all the same.
  const size_t scheme = source.find("://");
  if (scheme == std::string::npos) return source;
  const size_t end = source.find('/', scheme + 3);
  const size_t at = source.rfind('@', end);
  if (at == std::string::npos || at < scheme) return source;
  return source.substr(0, scheme + 3) + source.substr(at + 1);
}

}  // namespace tidemark::io
