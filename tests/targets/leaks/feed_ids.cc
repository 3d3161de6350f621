// A news reader's server. Every item carries a GUID, and an item seen before is dropped.
//
//   leak   SeenIds        GUIDs are remembered forever; publishers make new ones all day.
//                         A trickle beside 30 MB of articles.
//   decoy  ArticleStore   the archive, loaded in the first seconds, then constant
//   decoy  PreviewCache   an LRU cache at its limit
//   decoy  WordCounts     every word of a limited vocabulary, once it was met

#include <cinttypes>
#include <list>
#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>

#include "tests/targets/leaks/pacing.h"

namespace feed {

struct Item {
  std::string guid;
  uint64_t article = 0;
};

class SeenIds {
 public:
  // False when the GUID was there already.
  bool CheckAndAdd(const std::string& guid) { return ids_.insert(guid).second; }

 private:
  std::set<std::string> ids_;
};

class ArticleStore {
 public:
  static constexpr uint64_t kArticles = 12000;

  void LoadUpTo(uint64_t count, Random& random) {
    for (; loaded_ < count && loaded_ < kArticles; ++loaded_) {
      Article& article = articles_[loaded_];
      article.title = "Article number " + std::to_string(loaded_) + " of the archive";
      article.body.assign(1500 + RandomBelow(&random, 2000), 'a' + loaded_ % 26);
    }
  }

  std::string Preview(uint64_t id) const {
    const auto found = articles_.find(id);
    return found == articles_.end() ? std::string() : found->second.body.substr(0, 300);
  }

 private:
  struct Article {
    std::string title;
    std::string body;
  };
  uint64_t loaded_ = 0;
  std::map<uint64_t, Article> articles_;
};

class PreviewCache {
 public:
  static constexpr size_t kLimit = 1200;

  bool Contains(uint64_t id) const { return by_id_.count(id) != 0; }

  void Put(uint64_t id, std::string html) {
    order_.emplace_front(id, std::move(html));
    by_id_[id] = order_.begin();
    if (order_.size() <= kLimit) return;
    by_id_.erase(order_.back().first);
    order_.pop_back();
  }

 private:
  using Order = std::list<std::pair<uint64_t, std::string>>;
  Order order_;
  std::unordered_map<uint64_t, Order::iterator> by_id_;
};

class WordCounts {
 public:
  void Count(uint64_t word) { ++counts_["a-word-with-the-number-" + std::to_string(word)]; }

 private:
  std::unordered_map<std::string, uint64_t> counts_;
};

class Server {
 public:
  explicit Server(uint64_t seed) : random_{seed} {}

  void Tick(double progress) {
    articles_.LoadUpTo(static_cast<uint64_t>(progress / 0.18 * ArticleStore::kArticles), random_);
    for (int i = 0; i < 12; ++i) Receive(NextItem());
  }

  uint64_t fresh() const { return fresh_; }

 private:
  Item NextItem() {
    char guid[64];
    const uint64_t number = RandomPercent(&random_, 20) ? RandomBelow(&random_, 500) : ++published_;
    std::snprintf(guid, sizeof guid, "urn:uuid:%016" PRIx64 "-%08" PRIx64, number * 0x9e3779b97f4a7,
                  number);
    return Item{guid, RandomPopular(&random_, ArticleStore::kArticles)};
  }

  void Receive(const Item& item) {
    if (!seen_.CheckAndAdd(item.guid)) return;
    ++fresh_;
    words_.Count(RandomBelow(&random_, 900));
    if (!previews_.Contains(item.article)) {
      previews_.Put(item.article, "<p>" + articles_.Preview(item.article) + "</p>");
    }
  }

  Random random_;
  uint64_t published_ = 1000;
  uint64_t fresh_ = 0;
  SeenIds seen_;
  ArticleStore articles_;
  PreviewCache previews_;
  WordCounts words_;
};

}  // namespace feed

int main(int argc, char** argv) {
  const Options options = ParseOptions(argc, argv);
  static feed::Server& server = *new feed::Server(options.seed);
  Pace pace = PaceStart(options.seconds, 100);
  while (PaceNext(&pace)) server.Tick(PaceProgress(&pace));
  std::printf("fresh items: %" PRIu64 "\n", server.fresh());
  return 0;
}
