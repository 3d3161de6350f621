#include "analyzer/symbolize/module_symbolizer.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "analyzer/symbolize/demangle.h"
#include "analyzer/symbolize/symbol_table.h"

namespace tidemark::symbolize {
namespace {

// Part of every cache key: to be raised when the same files would get other answers.
constexpr int kAnswersVersion = 1;

// Addresses that are worth a handle of their own on another thread: a handle costs about
// a millisecond, an address in a unit that is not indexed yet as much.
constexpr size_t kChunk = 48;

}  // namespace

ModuleSymbolizer::ModuleSymbolizer(const Context& context, ModuleQuery query,
                                   std::vector<Question> questions)
    : context_(context), query_(std::move(query)), questions_(std::move(questions)) {}

ModuleSymbolizer::~ModuleSymbolizer() = default;

size_t ModuleSymbolizer::Prepare() {
  files_ = FindModule(query_);
  if (!files_.found()) return 0;
  FindLinkAddresses();
  LoadFromCache();
  if (missing_.empty() || cancelled()) return 0;
  LoadSymbols();
  CutIntoChunks();
  return chunks_.size();
}

void ModuleSymbolizer::FindLinkAddresses() {
  const ElfFile& layout = files_.module ? *files_.module : *files_.debug;
  link_addresses_.reserve(questions_.size());
  for (const Question& question : questions_) {
    link_addresses_.push_back(layout.LinkAddress(question.mapping, question.address));
  }
}

std::optional<SymbolCache::Key> ModuleSymbolizer::CacheKey() const {
  // Of a module without a build id nothing says that it is the same next time.
  const std::string& build_id = files_.best().build_id();
  if (context_.cache == nullptr || context_.fast || build_id.empty()) return std::nullopt;
  std::string identity = absl::StrCat(kAnswersVersion, " ", TIDEMARK_VERSION);
  for (const ElfFile* file : {files_.module.get(), files_.debug.get(), files_.alt.get()}) {
    if (file != nullptr && file->identity().empty()) return std::nullopt;
    absl::StrAppend(&identity, "\n", file == nullptr ? "" : file->identity());
  }
  return SymbolCache::Key{build_id, std::move(identity)};
}

void ModuleSymbolizer::LoadFromCache() {
  key_ = CacheKey();
  if (key_) {
    if (auto cached = context_.cache->Load(*key_)) answers_ = *std::move(cached);
  }
  for (const std::optional<uint64_t>& address : link_addresses_) {
    if (address && answers_.Find(*address) == nullptr) {
      missing_.push_back({*address, UnitIndex::kNone, ""});
    }
  }
  const auto by_address = [](const Missing& a, const Missing& b) { return a.address < b.address; };
  std::sort(missing_.begin(), missing_.end(), by_address);
  missing_.erase(
      std::unique(missing_.begin(), missing_.end(),
                  [](const Missing& a, const Missing& b) { return a.address == b.address; }),
      missing_.end());
}

void ModuleSymbolizer::LoadSymbols() {
  std::vector<uint64_t> addresses;
  addresses.reserve(missing_.size());
  for (const Missing& m : missing_) addresses.push_back(m.address);
  std::vector<std::string> symbols = SymbolsAt(files_.best(), addresses);
  // A debug file without a symbol table leaves the module's own dynamic symbols.
  std::vector<std::string> module_symbols;
  if (files_.debug && files_.module) module_symbols = SymbolsAt(*files_.module, addresses);
  for (size_t i = 0; i < missing_.size(); ++i) {
    missing_[i].symbol =
        std::move(symbols[i].empty() && !module_symbols.empty() ? module_symbols[i] : symbols[i]);
  }
  if (context_.fast || files_.lacks_alt()) return;
  unpacked_ = files_.best().OpenUnpacked();
  if (unpacked_ == nullptr) return;
  if (files_.alt != nullptr) unpacked_alt_ = files_.alt->OpenUnpacked();
  std::unique_ptr<Handle> handle = OpenHandle();
  if (handle == nullptr) return;
  units_.emplace(handle->debug->dwarf());
  // What a .dwo file says may change without a trace in the files that the key names.
  if (units_->has_split_units()) key_.reset();
  for (Missing& m : missing_) m.unit = units_->Find(m.address);
  idle_.push_back(std::move(handle));
}

// All addresses of a unit next to each other, so that few handles have to index it.
void ModuleSymbolizer::CutIntoChunks() {
  std::sort(missing_.begin(), missing_.end(), [](const Missing& a, const Missing& b) {
    return std::tie(a.unit, a.address) < std::tie(b.unit, b.address);
  });
  size_t begin = 0;
  for (size_t i = 1; i <= missing_.size(); ++i) {
    const bool last = i == missing_.size();
    const bool full = i - begin >= kChunk && (last || missing_[i].unit != missing_[i - 1].unit);
    // One unit may be all there is: a program that was optimized as a whole.
    if (!last && !full && i - begin < 8 * kChunk) continue;
    chunks_.push_back({begin, i, {}, {}});
    begin = i;
  }
}

// Null when there is no debug information.
std::unique_ptr<ModuleSymbolizer::Handle> ModuleSymbolizer::OpenHandle() const {
  auto handle = std::make_unique<Handle>();
  handle->file = unpacked_->OpenAgain();
  if (handle->file == nullptr) return nullptr;
  if (files_.alt != nullptr) {
    if (unpacked_alt_ == nullptr) return nullptr;
    handle->alt = unpacked_alt_->OpenAgain();
    if (handle->alt == nullptr) return nullptr;
  }
  handle->debug = DebugInfo::Load(*handle->file, handle->alt.get());
  return handle->debug == nullptr ? nullptr : std::move(handle);
}

std::unique_ptr<ModuleSymbolizer::Handle> ModuleSymbolizer::Acquire() {
  std::unique_lock<std::mutex> lock(mutex_);
  if (idle_.empty()) {
    lock.unlock();
    if (auto handle = OpenHandle()) return handle;
    lock.lock();
    // No descriptors are left: another thread's handle will do when it is back.
    released_.wait(lock, [this] { return !idle_.empty(); });
  }
  std::unique_ptr<Handle> handle = std::move(idle_.back());
  idle_.pop_back();
  return handle;
}

void ModuleSymbolizer::Release(std::unique_ptr<Handle> handle) {
  const std::lock_guard<std::mutex> lock(mutex_);
  idle_.push_back(std::move(handle));
  released_.notify_one();
}

void ModuleSymbolizer::Resolve(size_t number) {
  Chunk& chunk = chunks_[number];
  std::unique_ptr<Handle> handle = units_ ? Acquire() : nullptr;
  for (size_t i = chunk.begin; i < chunk.end && !cancelled(); ++i) {
    Answer(missing_[i], handle.get(), &chunk);
    Advance(1);
  }
  chunk.demangled.clear();
  if (handle != nullptr) Release(std::move(handle));
}

void ModuleSymbolizer::Answer(const Missing& missing, Handle* handle, Chunk* chunk) {
  std::vector<SourceFrame> frames;
  if (handle != nullptr && missing.unit != UnitIndex::kNone) {
    frames = handle->debug->FramesAt(*units_, missing.unit, missing.address, missing.symbol);
  } else if (!missing.symbol.empty()) {
    frames.push_back({missing.symbol, "", "", 0, 0});
  }
  std::vector<NamedLine> lines;
  for (const SourceFrame& frame : frames) {
    NamedFunction function;
    function.file = std::string(frame.file);
    function.start_line = frame.start_line;
    if (frame.linkage_name.empty()) {
      function.system_name = function.name = std::string(frame.name);
    } else {
      function.system_name = std::string(frame.linkage_name);
      const auto [it, first] = chunk->demangled.try_emplace(function.system_name);
      if (first) it->second = Demangle(function.system_name);
      function.name = it->second;
    }
    lines.push_back({chunk->answers.AddFunction(std::move(function)), frame.line});
  }
  chunk->answers.Add(missing.address, lines);
}

void ModuleSymbolizer::Finish() {
  idle_.clear();
  if (cancelled()) return;
  if (!files_.found()) {
    if (!files_.problem.empty()) warning_ = absl::StrCat(query_.path, ": ", files_.problem);
    Advance(questions_.size());
    return;
  }
  for (Chunk& chunk : chunks_) answers_.AddAll(std::move(chunk.answers));
  chunks_.clear();
  Advance(questions_.size() - missing_.size());
  if (key_ && !missing_.empty()) context_.cache->Store(*key_, answers_);

  size_t unknown = 0;
  for (size_t i = 0; i < questions_.size(); ++i) unknown += lines(i).empty();
  // Of a few the frames themselves tell: they show module and address.
  constexpr size_t kFew = 3;
  if (unknown > kFew) {
    warning_ = absl::StrCat(query_.path, ": ", unknown, " of ", questions_.size(),
                            " addresses have no symbol",
                            files_.problem.empty() ? "" : absl::StrCat(" (", files_.problem, ")"));
  }
}

absl::Span<const NamedLine> ModuleSymbolizer::lines(size_t i) const {
  if (i >= link_addresses_.size() || !link_addresses_[i]) return {};
  const Answers::Entry* const entry = answers_.Find(*link_addresses_[i]);
  return entry == nullptr ? absl::Span<const NamedLine>() : answers_.lines(*entry);
}

}  // namespace tidemark::symbolize
