// Answers on disk, one file per build id: the second look at a profile opens no debug
// information. docs/FORMAT.md has the layout.
//
// A file's answers count only for the very files they came from (the key's identity), so that
// debug information which is installed later is noticed. Whatever is wrong with the cache,
// from a full disk to a file that someone scribbled on, is no error: it is as if there were
// none. Files are replaced as a whole by rename, so processes may use it at the same time;
// of two that write, the later one wins.
//
// Thread class: any thread. May allocate; reads and writes files.

#ifndef TIDEMARK_ANALYZER_SYMBOLIZE_SYMBOL_CACHE_H_
#define TIDEMARK_ANALYZER_SYMBOLIZE_SYMBOL_CACHE_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "analyzer/symbolize/answers.h"

namespace tidemark::symbolize {

class SymbolCache {
 public:
  static constexpr uint64_t kMaxBytes = uint64_t{256} << 20;
  static constexpr uint64_t kMaxFileBytes = uint64_t{16} << 20;

  struct Key {
    std::string build_id;  // lower-case hex, not empty
    std::string identity;  // of all files that answers come from, and of what made them
  };

  // In $XDG_CACHE_HOME/tidemark/symbols, else $HOME/.cache/tidemark/symbols, made with mode
  // 0700. Null when $TIDEMARK_CACHE is 0, or the directory cannot be made or is not safe:
  // not this user's, writable by others, a symbolic link; or if root would make it in the home
  // of someone else.
  static std::unique_ptr<SymbolCache> Open();
  // In `base`/tidemark/symbols, of at most this many bytes.
  static std::unique_ptr<SymbolCache> OpenIn(const std::string& base, uint64_t max_bytes);
  ~SymbolCache();
  SymbolCache(const SymbolCache&) = delete;
  SymbolCache& operator=(const SymbolCache&) = delete;

  // nullopt when there are none for this key.
  std::optional<Answers> Load(const Key& key) const;
  // Replaces what there is for the build id, then deletes the files that were not used for
  // longest until all fit.
  void Store(const Key& key, const Answers& answers) const;

  // The bytes of a file, and back; nullopt unless they are whole, of this version and of
  // this identity.
  static std::string Encode(absl::string_view identity, const Answers& answers);
  static std::optional<Answers> Decode(absl::string_view bytes, absl::string_view identity);
  // What stands behind a file's checksum, made a file.
  static std::string Seal(absl::string_view body);

 private:
  SymbolCache(int directory, uint64_t max_bytes) : directory_(directory), max_bytes_(max_bytes) {}
  void Evict() const;

  const int directory_;
  const uint64_t max_bytes_;
};

}  // namespace tidemark::symbolize

#endif  // TIDEMARK_ANALYZER_SYMBOLIZE_SYMBOL_CACHE_H_
