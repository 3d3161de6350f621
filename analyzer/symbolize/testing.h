// What tests of this folder share: modules as the loader would map them, profiles of
// addresses in them, and llvm-symbolizer as the oracle.

#ifndef TIDEMARK_ANALYZER_SYMBOLIZE_TESTING_H_
#define TIDEMARK_ANALYZER_SYMBOLIZE_TESTING_H_

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "analyzer/model/profile.h"
#include "analyzer/symbolize/elf_file.h"

namespace tidemark::symbolize {

// Where address space randomization might have put a module.
constexpr uint64_t kBias = 0x7f1234560000;

struct Symbol {
  std::string name;
  uint64_t begin = 0;
  uint64_t size = 0;
};

// The functions in a file's .symtab.
std::vector<Symbol> FunctionsOf(const ElfFile& file);
// Link-time addresses within functions: a fixed choice, ascending.
std::vector<uint64_t> AddressesIn(const std::vector<Symbol>& functions, size_t count);

struct Module {
  std::string path;
  std::string build_id;
  uint64_t start = 0;
  uint64_t limit = 0;
  uint64_t offset = 0;
};

// The module as the loader would map its code, `bias` above where it was linked.
Module Mapped(const ElfFile& file, const std::string& path, uint64_t bias = kBias);
// One sample of value 1 at each run-time address. Comments as given.
std::shared_ptr<const Profile> ProfileOf(const Module& module,
                                         const std::vector<uint64_t>& addresses,
                                         const std::vector<std::string>& comments = {});
// "function file:line", innermost first.
std::vector<std::string> Lines(const Profile& profile, LocationId id);
// What llvm-symbolizer says of link-time addresses, in the same words.
std::vector<std::vector<std::string>> Oracle(const std::string& path,
                                             const std::vector<uint64_t>& addresses);

// Sets an environment variable (null: unsets it) as long as it lives.
class ScopedEnvironment {
 public:
  ScopedEnvironment(const char* name, const char* value);
  ~ScopedEnvironment();
  ScopedEnvironment(const ScopedEnvironment&) = delete;
  ScopedEnvironment& operator=(const ScopedEnvironment&) = delete;

 private:
  const std::string name_;
  std::string before_;
  bool was_set_ = false;
};

// An empty directory, deleted at the end.
class ScratchDirectory {
 public:
  ScratchDirectory();
  ~ScratchDirectory();
  ScratchDirectory(const ScratchDirectory&) = delete;
  ScratchDirectory& operator=(const ScratchDirectory&) = delete;

  std::string Path(const std::string& name) const { return (dir_ / name).string(); }
  void Write(const std::string& name, const std::string& text) const;
  // Runs a shell command there; a failure is a failure of the test.
  void Run(const std::string& command) const;

 private:
  std::filesystem::path dir_;
};

}  // namespace tidemark::symbolize

#endif  // TIDEMARK_ANALYZER_SYMBOLIZE_TESTING_H_
