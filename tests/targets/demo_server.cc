// A little shop's server, in one process and without a network: worker threads answer
// a stream of requests that a seed determines. It leaks twice, as real servers do, and
// does three things that only look like leaks. answers.json says which is which.
//
//   leak   SessionCache   a session for every visitor without a cookie (crawlers never
//                         send one back), and nothing ever ends a session
//   leak   AuditLog       a vector of what was changed, meant to be rotated, never is
//   decoy  Catalogue      the index, loaded once in the first seconds, then constant
//   decoy  PageCache      an LRU cache at its limit: always new pages, never more of them
//   decoy  EventBatch     fills up and is flushed, over and over: a saw-tooth
//
// What is printed depends on the seed and the number of requests alone, not on timing
// or on the order in which threads ran, so that two runs can be compared.

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <list>
#include <map>
#include <mutex>
#include <random>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

namespace shop {

using Clock = std::chrono::steady_clock;

struct Settings {
  double seconds = 15;
  uint64_t requests = 0;                 // 0: seconds * requests_per_second
  uint64_t requests_per_second = 20000;  // over all workers; 0: as fast as possible
  uint64_t seed = 1;
  int threads = 4;
};

struct Session {
  std::string user;
  std::array<uint32_t, 40> recent_products = {};
  uint32_t visits = 0;
  double score = 0;
};

// Sessions by cookie. Entries are added and never removed.
class SessionCache {
 public:
  // Counts a visit, opening a session when the cookie is new. Returns the visits so far.
  uint32_t Touch(const std::string& cookie, std::string_view user, uint32_t product) {
    std::lock_guard<std::mutex> lock(mutex_);
    Session& session = sessions_[cookie];
    if (session.visits == 0) session.user = user;
    session.recent_products[session.visits % session.recent_products.size()] = product;
    session.score = session.score * 0.9 + 1;
    return ++session.visits;
  }

 private:
  std::mutex mutex_;
  std::unordered_map<std::string, Session> sessions_;
};

struct AuditRecord {
  uint64_t request = 0;
  uint32_t product = 0;
  uint32_t action = 0;
  char who[48] = {};
};

// Who changed what. Kept for a rotation that nobody wrote.
class AuditLog {
 public:
  void Append(uint64_t request, uint32_t product, uint32_t action, std::string_view who) {
    AuditRecord record{request, product, action, {}};
    who.copy(record.who, sizeof record.who - 1);
    std::lock_guard<std::mutex> lock(mutex_);
    records_.push_back(record);
  }

 private:
  std::mutex mutex_;
  std::vector<AuditRecord> records_;
};

struct Product {
  std::string description;
  std::vector<uint32_t> related;
  uint32_t price_cents = 0;
};

std::string ProductName(uint32_t id) { return "product/" + std::to_string(id) + "/details.html"; }

// All products, by name. Loaded once, while requests are already being answered.
class Catalogue {
 public:
  void Load(uint32_t products, uint64_t seed, Clock::duration over) {
    std::mt19937_64 random(seed);
    const Clock::time_point start = Clock::now();
    constexpr uint32_t kChunk = 500;
    for (uint32_t id = 0; id < products; ++id) {
      Product product;
      product.description.assign(80 + random() % 120, static_cast<char>('a' + id % 26));
      for (uint64_t n = random() % 12; n > 0; --n) product.related.push_back(random() % products);
      product.price_cents = 100 + random() % 100000;
      {
        std::lock_guard<std::mutex> lock(mutex_);
        index_.emplace(ProductName(id), std::move(product));
      }
      if (id % kChunk == 0) std::this_thread::sleep_until(start + over * id / products);
    }
  }

  bool Contains(uint32_t id) {
    const std::string name = ProductName(id);
    std::lock_guard<std::mutex> lock(mutex_);
    return index_.find(name) != index_.end();
  }

 private:
  std::mutex mutex_;
  std::map<std::string, Product> index_;
};

// Rendered pages, least recently used first to go.
class PageCache {
 public:
  explicit PageCache(size_t limit) : limit_(limit) {}

  // The page's checksum, or 0 when it is not cached.
  uint64_t Find(const std::string& path) {
    std::lock_guard<std::mutex> lock(mutex_);
    auto found = by_path_.find(path);
    if (found == by_path_.end()) return 0;
    pages_.splice(pages_.begin(), pages_, found->second);
    return found->second->checksum;
  }

  void Insert(const std::string& path, std::string body, uint64_t checksum) {
    std::lock_guard<std::mutex> lock(mutex_);
    if (by_path_.count(path) != 0) return;
    pages_.push_front(Page{path, std::move(body), checksum});
    by_path_[path] = pages_.begin();
    if (pages_.size() > limit_) {
      by_path_.erase(pages_.back().path);
      pages_.pop_back();
    }
  }

 private:
  struct Page {
    std::string path;
    std::string body;
    uint64_t checksum = 0;
  };
  const size_t limit_;
  std::mutex mutex_;
  std::list<Page> pages_;
  std::unordered_map<std::string, std::list<Page>::iterator> by_path_;
};

// Events for the statistics department, sent off in batches.
class EventBatch {
 public:
  explicit EventBatch(size_t limit) : limit_(limit) {}

  void Add(std::string event, uint32_t product) {
    std::lock_guard<std::mutex> lock(mutex_);
    events_.push_back(std::move(event));
    products_.push_back(product);
    if (events_.size() >= limit_) Flush();
  }

 private:
  void Flush() {
    uint64_t bytes = 0;
    for (const std::string& event : events_) bytes += event.size();
    flushed_bytes_ += bytes;
    std::deque<std::string>().swap(events_);
    std::vector<uint32_t>().swap(products_);
  }

  const size_t limit_;
  std::mutex mutex_;
  std::deque<std::string> events_;
  std::vector<uint32_t> products_;
  uint64_t flushed_bytes_ = 0;
};

struct Request {
  std::string method;
  std::string path;
  std::map<std::string, std::string> headers;
  uint32_t product = 0;
};

uint64_t Checksum(std::string_view text) {
  uint64_t hash = 0xcbf29ce484222325;
  for (unsigned char c : text) hash = (hash ^ c) * 0x100000001b3;
  return hash | 1;
}

std::string MakeCookie(uint64_t a, uint64_t b) {
  char text[33];
  std::snprintf(text, sizeof text, "%016" PRIx64 "%016" PRIx64, a, b);
  return text;
}

// The text a browser would have sent.
std::string WriteRequest(std::mt19937_64& random, uint32_t products, int worker) {
  // Some products are much more popular than others.
  const double u = std::uniform_real_distribution<double>(0, 1)(random);
  const uint32_t product = static_cast<uint32_t>(u * u * u * products);
  const bool change = random() % 100 < 30;
  std::string text = change ? "POST " : "GET ";
  text += "/" + ProductName(product) + " HTTP/1.1\n";
  text += "Host: shop.example\n";
  text += "User: customer-" + std::to_string(random() % 5000) + "\n";
  text += "Accept-Language: en-GB,en;q=0.8,de;q=0.5\n";
  if (random() % 100 < 85) {  // the rest are crawlers: a cookie is lost on them
    const uint64_t visitor = random() % 2000;
    text += "Cookie: " + MakeCookie(visitor * 0x9e3779b97f4a7c15 + worker, visitor) + "\n";
  }
  return text;
}

Request ParseRequest(const std::string& text) {
  Request request;
  std::vector<std::string> lines;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    lines.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  const size_t space = lines[0].find(' ');
  request.method = lines[0].substr(0, space);
  request.path = lines[0].substr(space + 1, lines[0].rfind(' ') - space - 1);
  request.product = static_cast<uint32_t>(
      std::strtoul(request.path.c_str() + sizeof "/product/" - 1, nullptr, 10));
  for (size_t i = 1; i < lines.size(); ++i) {
    const size_t colon = lines[i].find(": ");
    request.headers[lines[i].substr(0, colon)] = lines[i].substr(colon + 2);
  }
  return request;
}

std::string RenderPage(const Request& request) {
  std::string body = "<html><title>" + request.path + "</title>";
  const size_t paragraphs = 20 + request.product % 40;
  for (size_t i = 0; i < paragraphs; ++i) {
    body += "<p>Paragraph ";
    body += std::to_string(i);
    body += " about the product that this page is about, and why to buy it.</p>";
  }
  return body;
}

std::string FormatEvent(const Request& request, uint64_t number) {
  std::string event = "event=" + request.method + " request=" + std::to_string(number);
  event += " path=" + request.path;
  for (const auto& [name, value] : request.headers) event += " " + name + "=" + value;
  return event;
}

class Server {
 public:
  static constexpr uint32_t kProducts = 60000;
  static constexpr size_t kCachedPages = 2500;
  static constexpr size_t kEventsPerBatch = 20000;

  explicit Server(const Settings& settings) : settings_(settings) {}

  int Run() {
    total_ = settings_.requests;
    if (total_ == 0) {
      total_ = static_cast<uint64_t>(settings_.seconds * settings_.requests_per_second);
    }
    const auto load_time = std::chrono::duration_cast<Clock::duration>(
        std::chrono::duration<double>(std::min(2.0, settings_.seconds * 0.15)));
    std::thread loader(&Catalogue::Load, &catalogue_, kProducts, settings_.seed, load_time);
    std::vector<std::thread> workers;
    for (int i = 0; i < settings_.threads; ++i) workers.emplace_back(&Server::Work, this, i);
    for (std::thread& worker : workers) worker.join();
    loader.join();
    std::printf("served %" PRIu64 " requests: %" PRIu64 " changes, %" PRIu64
                " new visitors, checksum %016" PRIx64 "\n",
                total_, changes_.load(), new_visitors_.load(), checksum_.load());
    return 0;
  }

 private:
  void Work(int worker) {
    std::mt19937_64 random(settings_.seed * 1000 + worker);
    const Clock::time_point start = Clock::now();
    const uint64_t share = total_ / settings_.threads +
                           (static_cast<uint64_t>(worker) < total_ % settings_.threads ? 1 : 0);
    const double rate = static_cast<double>(settings_.requests_per_second) / settings_.threads;
    constexpr uint64_t kPaceEvery = 50;
    for (uint64_t i = 0; i < share; ++i) {
      if (rate > 0 && i % kPaceEvery == 0) {
        std::this_thread::sleep_until(start + std::chrono::duration_cast<Clock::duration>(
                                                  std::chrono::duration<double>(i / rate)));
      }
      const std::string text = WriteRequest(random, kProducts, worker);
      checksum_ += HandleRequest(text, i * settings_.threads + worker, random);
    }
  }

  uint64_t HandleRequest(const std::string& text, uint64_t number, std::mt19937_64& random) {
    const Request request = ParseRequest(text);
    const auto cookie = request.headers.find("Cookie");
    const std::string& user = request.headers.at("User");
    if (cookie != request.headers.end()) {
      sessions_.Touch(cookie->second, user, request.product);
    } else {
      const uint64_t high = random();
      sessions_.Touch(MakeCookie(high, random()), user, request.product);
      ++new_visitors_;
    }
    if (request.method == "POST") {
      audit_.Append(number, request.product, 1, user);
      ++changes_;
    }
    uint64_t checksum = pages_.Find(request.path);
    if (checksum == 0) {
      std::string body = RenderPage(request);
      checksum = Checksum(body);
      pages_.Insert(request.path, std::move(body), checksum);
    }
    if (catalogue_.Contains(request.product)) catalogue_hits_++;
    events_.Add(FormatEvent(request, number), request.product);
    return checksum;
  }

  const Settings settings_;
  uint64_t total_ = 0;
  SessionCache sessions_;
  AuditLog audit_;
  Catalogue catalogue_;
  PageCache pages_{kCachedPages};
  EventBatch events_{kEventsPerBatch};
  std::atomic<uint64_t> checksum_ = 0;
  std::atomic<uint64_t> new_visitors_ = 0;
  std::atomic<uint64_t> changes_ = 0;
  std::atomic<uint64_t> catalogue_hits_ = 0;
};

bool ParseSettings(int argc, char** argv, Settings& settings) {
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view name = argv[i];
    const char* value = argv[i + 1];
    if (name == "--seconds") {
      settings.seconds = std::strtod(value, nullptr);
    } else if (name == "--requests") {
      settings.requests = std::strtoull(value, nullptr, 10);
    } else if (name == "--rps") {
      settings.requests_per_second = std::strtoull(value, nullptr, 10);
    } else if (name == "--seed") {
      settings.seed = std::strtoull(value, nullptr, 10);
    } else if (name == "--threads") {
      settings.threads = std::atoi(value);
    } else {
      return false;
    }
  }
  return argc % 2 == 1 && settings.threads > 0 && settings.threads <= 256 &&
         (settings.requests > 0 || settings.requests_per_second > 0);
}

}  // namespace shop

int main(int argc, char** argv) {
  shop::Settings settings;
  if (!shop::ParseSettings(argc, argv, settings)) {
    std::fprintf(stderr,
                 "usage: demo_server [--seconds S] [--requests N] [--rps N (0: no pause)] "
                 "[--seed N] [--threads N]\n");
    return 2;
  }
  // Never destroyed, as in a server that runs until it is stopped.
  static shop::Server& server = *new shop::Server(settings);
  return server.Run();
}
