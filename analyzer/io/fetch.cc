// cpp-httplib has timeouts for each step but none for the whole, and its sockets raise SIGPIPE.
// So each request runs on a thread of its own with that signal blocked, while the caller's
// watches the clock and stops the client when time is up or the user has enough.

#include "analyzer/io/fetch.h"

#include <httplib.h>
#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <cstring>
#include <exception>
#include <mutex>
#include <new>
#include <string>
#include <thread>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace tidemark::io {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kMostRedirections = 10;  // Go's limit
constexpr int kOk = 200;

// What came back, as far as it is wanted.
struct Answer {
  int status = 0;
  std::string reason;
  std::string location;
  std::string text;  // the beginning of an error's plain text
  Buffer body;
  bool too_large = false;
  bool no_memory = false;
  httplib::Error error = httplib::Error::Unknown;
  std::string failure;  // what an exception said
};

struct Limits {
  Clock::time_point deadline;
  std::chrono::seconds whole;
  Progress* progress;
};

bool Append(Answer& answer, size_t& capacity, const char* data, size_t size) {
  Buffer& body = answer.body;
  if (size > kLargestAnswer - body.size) {
    answer.too_large = true;
    return false;
  }
  if (body.size + size > capacity) {
    capacity = std::max({capacity * 2, body.size + size, size_t{64} << 10});
    std::unique_ptr<char[]> larger(new (std::nothrow) char[capacity]);
    answer.no_memory = larger == nullptr;
    if (answer.no_memory) return false;
    if (body.size > 0) std::memcpy(larger.get(), body.data.get(), body.size);
    body.data = std::move(larger);
  }
  std::memcpy(body.data.get() + body.size, data, size);
  body.size += size;
  return true;
}

void Get(httplib::Client& client, const Url& url, Progress* progress, Answer& answer) {
  size_t capacity = 0;
  bool is_text = false;
  const auto begins = [&](const httplib::Response& response) {
    answer.status = response.status;
    answer.reason = response.reason;
    answer.location = response.get_header_value("Location");
    is_text = absl::StartsWith(response.get_header_value("Content-Type"), "text/plain");
    if (progress != nullptr && answer.status == kOk) {
      progress->total.store(response.get_header_value<uint64_t>("Content-Length"),
                            std::memory_order_relaxed);
    }
    return true;
  };
  const auto goes_on = [&](const char* data, size_t size) {
    constexpr size_t kMostText = 1000;
    if (answer.status != kOk) {
      if (is_text) answer.text.append(data, std::min(size, kMostText));
      return is_text && answer.text.size() < kMostText;
    }
    if (!Append(answer, capacity, data, size)) return false;
    if (progress != nullptr) progress->done.store(answer.body.size, std::memory_order_relaxed);
    return true;
  };
  const httplib::Headers headers = {{"User-Agent", "tidemark/" TIDEMARK_VERSION}};
  answer.error = client.Get(url.target, headers, begins, goes_on).error();
}

void Configure(httplib::Client& client, const Url& url, std::chrono::seconds timeout) {
  client.set_follow_location(false);  // it would send credentials to other hosts
  client.set_url_encode(false);
  timeout += std::chrono::seconds(1);  // the watch on the whole is to say it first
  client.set_connection_timeout(timeout);
  client.set_read_timeout(timeout);
  client.set_write_timeout(timeout);
  client.enable_server_certificate_verification(url.verify);
  if (!url.user_info.empty()) {
    const size_t colon = std::min(url.user_info.find(':'), url.user_info.size());
    client.set_basic_auth(url.user_info.substr(0, colon),
                          colon < url.user_info.size() ? url.user_info.substr(colon + 1) : "");
  }
}

std::string Origin(const Url& url) {
  const bool is_ipv6 = absl::StrContains(url.host, ':');
  return absl::StrCat(url.tls ? "https" : "http", "://", is_ipv6 ? "[" : "", url.host,
                      is_ipv6 ? "]" : "", ":", url.port);
}

// One request, without redirections.
absl::StatusOr<Answer> Request(const Url& url, const Limits& limits) {
  Answer answer;
  std::mutex mutex;
  std::condition_variable changed;
  bool finished = false;
  try {
    httplib::Client client(Origin(url));
    Configure(client, url, limits.whole);
    std::thread worker([&] {
      sigset_t pipe;
      sigemptyset(&pipe);
      sigaddset(&pipe, SIGPIPE);
      pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
      try {
        Get(client, url, limits.progress, answer);
      } catch (const std::exception& e) {
        answer.failure = e.what();
      }
      const std::lock_guard<std::mutex> lock(mutex);
      finished = true;
      changed.notify_one();
    });
    bool late = false, cancelled = false;
    {
      constexpr std::chrono::milliseconds kBetweenLooks(50);
      std::unique_lock<std::mutex> lock(mutex);
      while (!changed.wait_for(lock, kBetweenLooks, [&] { return finished; })) {
        cancelled = limits.progress != nullptr && limits.progress->cancelled.load();
        late = Clock::now() >= limits.deadline;
        // Again and again: it does nothing while the client has not connected yet.
        if (cancelled || late) client.stop();
      }
    }
    worker.join();
    if (cancelled) return absl::CancelledError("cancelled");
    if (late)
      return absl::DeadlineExceededError(
          absl::StrCat("no answer within ", limits.whole.count(), " s (--timeout sets it)"));
  } catch (const std::exception& e) {  // no thread, no memory
    return absl::ResourceExhaustedError(e.what());
  }
  return answer;
}

// Printable, and one line.
std::string FirstLine(absl::string_view text) {
  constexpr size_t kMost = 200;
  std::string line(absl::StripAsciiWhitespace(text.substr(0, text.find_first_of("\r\n"))));
  if (line.size() > kMost) line.resize(kMost);
  for (char& c : line) {
    if (absl::ascii_iscntrl(static_cast<unsigned char>(c))) c = ' ';
  }
  return line;
}

absl::Status StatusError(const Answer& answer) {
  std::string message = absl::StrCat("the server answers ", answer.status);
  if (const std::string reason = FirstLine(answer.reason); !reason.empty()) {
    absl::StrAppend(&message, " ", reason);
  }
  if (const std::string text = FirstLine(answer.text); !text.empty()) {
    absl::StrAppend(&message, ": ", text);
  }
  switch (answer.status) {
    case 401:
    case 403:
      return absl::PermissionDeniedError(message);
    case 404:
    case 410:
      return absl::NotFoundError(message);
    default:
      return absl::UnavailableError(message);
  }
}

absl::Status ConnectionError(const Url& url, const Answer& answer) {
  if (!answer.failure.empty()) return absl::UnavailableError(answer.failure);
  if (answer.too_large) {
    return absl::ResourceExhaustedError(
        absl::StrCat("the answer is larger than ", kLargestAnswer, " bytes"));
  }
  if (answer.no_memory) return absl::ResourceExhaustedError("out of memory");
  switch (answer.error) {
    case httplib::Error::Connection:
      return absl::UnavailableError(absl::StrCat("cannot connect to ", url.host, ":", url.port));
    case httplib::Error::ConnectionTimeout:
      return absl::DeadlineExceededError(
          absl::StrCat("cannot connect to ", url.host, ":", url.port, " in time"));
    case httplib::Error::SSLConnection:
      return absl::UnavailableError("no TLS connection: does the server speak https?");
    case httplib::Error::SSLServerVerification:
      return absl::PermissionDeniedError(
          "the server's certificate does not verify (https+insecure:// takes any)");
    case httplib::Error::Read:
    case httplib::Error::Canceled:
      return absl::UnavailableError("the connection broke off");
    default:
      return absl::UnavailableError(httplib::to_string(answer.error));
  }
}

bool IsRedirection(const Answer& answer) {
  const int s = answer.status;
  return (s == 301 || s == 302 || s == 303 || s == 307 || s == 308) && !answer.location.empty();
}

absl::StatusOr<Buffer> Follow(Url url, const Limits& limits) {
  for (int i = 0; i <= kMostRedirections; ++i) {
    absl::StatusOr<Answer> answer = Request(url, limits);
    if (!answer.ok()) return answer.status();
    if (IsRedirection(*answer)) {
      const std::optional<Url> next = Redirected(url, answer->location);
      if (!next.has_value()) return absl::UnavailableError("redirected to what is no http URL");
      url = *next;
      continue;
    }
    // The rest of an error's text is not waited for, so its end may look like a failure.
    if (answer->status != 0 && answer->status != kOk) return StatusError(*answer);
    if (answer->error != httplib::Error::Success) return ConnectionError(url, *answer);
    return std::move(answer->body);
  }
  return absl::UnavailableError(absl::StrCat("redirected more than ", kMostRedirections, " times"));
}

}  // namespace

Url WithOptions(Url url, const FetchOptions& options) {
  if (options.seconds > 0) SetSeconds(url, options.seconds);
  return url;
}

absl::StatusOr<Buffer> Fetch(const Url& url, const FetchOptions& options, Progress* progress) {
  constexpr int64_t kUsual = 60, kGrace = 5, kMost = 86400;
  const Url target = WithOptions(url, options);
  const int64_t seconds = std::min(SecondsOf(target), kMost);
  const int64_t timeout = options.timeout_seconds > 0 ? std::min(options.timeout_seconds, kMost)
                          : seconds > 0               ? seconds + seconds / 2
                                                      : kUsual;
  const std::chrono::seconds whole(timeout + kGrace);
  absl::StatusOr<Buffer> body = Follow(target, {Clock::now() + whole, whole, progress});
  if (body.ok()) return body;
  return absl::Status(body.status().code(),
                      absl::StrCat("fetching the profile: ", body.status().message(),
                                   " (where: ", ToText(target), ")"));
}

}  // namespace tidemark::io
