// One module of a profile: which addresses are asked for, where the files are, and the
// answers. The work comes in three steps so that symbolizer.cc can spread it over threads:
//
//   Prepare()      finds the files and what the cache knows; cuts the rest into chunks
//   Resolve(i)     answers chunk i; chunks of one module may run at the same time, each with
//                  a handle of its own on the debug information
//   Finish()       puts the answers together, and into the cache
//
// Thread class: Resolve may run on any number of threads at once, between Prepare and
// Finish; those on one. May allocate; reads files.

#ifndef TIDEMARK_ANALYZER_SYMBOLIZE_MODULE_SYMBOLIZER_H_
#define TIDEMARK_ANALYZER_SYMBOLIZE_MODULE_SYMBOLIZER_H_

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/types/span.h"
#include "analyzer/base/progress.h"
#include "analyzer/symbolize/answers.h"
#include "analyzer/symbolize/debug_info.h"
#include "analyzer/symbolize/elf_file.h"
#include "analyzer/symbolize/module_finder.h"
#include "analyzer/symbolize/symbol_cache.h"

namespace tidemark::symbolize {

class ModuleSymbolizer {
 public:
  struct Context {
    const SymbolCache* cache = nullptr;  // null: none
    Progress* progress = nullptr;        // null: nobody watches
    bool fast = false;                   // symbol tables only
  };
  // One address of the profile.
  struct Question {
    ElfFile::MappedRange mapping;
    uint64_t address = 0;  // run-time
  };

  // `context` and what `query` points to must outlive this.
  ModuleSymbolizer(const Context& context, ModuleQuery query, std::vector<Question> questions);
  ~ModuleSymbolizer();
  ModuleSymbolizer(const ModuleSymbolizer&) = delete;
  ModuleSymbolizer& operator=(const ModuleSymbolizer&) = delete;

  // The number of chunks.
  size_t Prepare();
  void Resolve(size_t chunk);
  void Finish();

  const std::string& path() const { return query_.path; }
  size_t question_count() const { return questions_.size(); }
  // After Finish: of the i-th question, empty when nothing is known.
  absl::Span<const NamedLine> lines(size_t i) const;
  const std::vector<NamedFunction>& functions() const { return answers_.functions(); }
  // What could not be symbolized, where and why; "" when nothing is worth a word.
  const std::string& warning() const { return warning_; }

 private:
  // A view of the debug information for one thread.
  struct Handle {
    std::unique_ptr<ElfFile> file;
    std::unique_ptr<ElfFile> alt;
    std::unique_ptr<DebugInfo> debug;
  };
  // One address that the cache does not know.
  struct Missing {
    uint64_t address = 0;  // link-time
    uint32_t unit = UnitIndex::kNone;
    std::string symbol;
  };
  struct Chunk {
    size_t begin = 0;  // into missing_
    size_t end = 0;
    Answers answers;
    absl::flat_hash_map<std::string, std::string> demangled;  // by linkage name
  };

  void FindLinkAddresses();
  void LoadFromCache();
  void LoadSymbols();
  void CutIntoChunks();
  std::unique_ptr<Handle> OpenHandle() const;
  std::unique_ptr<Handle> Acquire();
  void Release(std::unique_ptr<Handle> handle);
  void Answer(const Missing& missing, Handle* handle, Chunk* chunk);
  std::optional<SymbolCache::Key> CacheKey() const;
  bool cancelled() const { return context_.progress && context_.progress->cancelled; }
  void Advance(size_t addresses) {
    if (context_.progress != nullptr) context_.progress->done += addresses;
  }

  const Context& context_;
  const ModuleQuery query_;
  const std::vector<Question> questions_;
  std::vector<std::optional<uint64_t>> link_addresses_;  // parallel to questions_
  ModuleFiles files_;
  std::unique_ptr<ElfFile> unpacked_;      // files_.best(), for handles
  std::unique_ptr<ElfFile> unpacked_alt_;  // files_.alt
  std::optional<SymbolCache::Key> key_;    // nullopt: not to be cached
  Answers answers_;
  std::vector<Missing> missing_;  // by unit, then address
  std::vector<Chunk> chunks_;
  std::optional<UnitIndex> units_;  // nullopt: no debug information
  std::string warning_;

  std::mutex mutex_;
  std::condition_variable released_;
  std::vector<std::unique_ptr<Handle>> idle_;
};

}  // namespace tidemark::symbolize

#endif  // TIDEMARK_ANALYZER_SYMBOLIZE_MODULE_SYMBOLIZER_H_
