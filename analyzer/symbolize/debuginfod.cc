#include "analyzer/symbolize/debuginfod.h"

#include <dlfcn.h>
#include <elfutils/debuginfod.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"

namespace tidemark::symbolize {
namespace {

// The functions of libdebuginfod.so.1; all null when it is not installed.
struct Library {
  decltype(&debuginfod_begin) begin = nullptr;
  decltype(&debuginfod_end) end = nullptr;
  decltype(&debuginfod_find_debuginfo) find_debuginfo = nullptr;
  decltype(&debuginfod_find_executable) find_executable = nullptr;
  decltype(&debuginfod_set_progressfn) set_progressfn = nullptr;
  decltype(&debuginfod_set_user_data) set_user_data = nullptr;
  decltype(&debuginfod_get_user_data) get_user_data = nullptr;

  bool loaded() const { return get_user_data != nullptr; }

  static const Library& Get() {
    static const Library library = Load();
    return library;
  }

 private:
  template <class Function>
  static bool Symbol(void* handle, const char* name, Function* function) {
    *function = reinterpret_cast<Function>(dlsym(handle, name));
    return *function != nullptr;
  }

  static Library Load() {
    Library l;
    void* const handle = dlopen("libdebuginfod.so.1", RTLD_NOW | RTLD_LOCAL);
    const bool complete = handle != nullptr && Symbol(handle, "debuginfod_begin", &l.begin) &&
                          Symbol(handle, "debuginfod_end", &l.end) &&
                          Symbol(handle, "debuginfod_find_debuginfo", &l.find_debuginfo) &&
                          Symbol(handle, "debuginfod_find_executable", &l.find_executable) &&
                          Symbol(handle, "debuginfod_set_progressfn", &l.set_progressfn) &&
                          Symbol(handle, "debuginfod_set_user_data", &l.set_user_data) &&
                          Symbol(handle, "debuginfod_get_user_data", &l.get_user_data);
    return complete ? l : Library();
  }
};

}  // namespace

Debuginfod::Debuginfod(std::chrono::milliseconds limit, const Progress* progress)
    : limit_(limit), deadline_(std::chrono::steady_clock::now() + limit), progress_(progress) {}

bool Debuginfod::Configured() {
  const char* const urls = std::getenv(DEBUGINFOD_URLS_ENV_VAR);
  return urls != nullptr && urls[std::strspn(urls, " \t")] != '\0';
}

// Called about once a second while a request is under way; not 0 ends it.
int Debuginfod::Watch(void* client, long, long) {
  const auto* self = static_cast<const Debuginfod*>(
      Library::Get().get_user_data(static_cast<debuginfod_client*>(client)));
  return self->Expired() || (self->progress_ != nullptr && self->progress_->cancelled) ? 1 : 0;
}

void Debuginfod::Fail(std::string problem) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (problem_.empty()) problem_ = std::move(problem);
}

std::string Debuginfod::problem() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return problem_;
}

std::string Debuginfod::Find(Kind kind, const std::string& build_id) {
  if (!Configured() || !problem().empty()) return "";
  if (progress_ != nullptr && progress_->cancelled) return "";
  const Library& library = Library::Get();
  if (!library.loaded()) {
    Fail("debuginfod: DEBUGINFOD_URLS is set, but libdebuginfod.so.1 is not installed");
    return "";
  }
  debuginfod_client* const client = library.begin();
  if (client == nullptr) {
    Fail("debuginfod: no client could be made");
    return "";
  }
  const absl::Cleanup end = [&] { library.end(client); };
  library.set_user_data(client, this);
  library.set_progressfn(
      client, [](debuginfod_client* c, long done, long total) { return Watch(c, done, total); });
  const auto find = kind == Kind::kDebugInfo ? library.find_debuginfo : library.find_executable;
  char* path = nullptr;
  // Length 0: the build id is text.
  const int fd = find(client, reinterpret_cast<const unsigned char*>(build_id.c_str()), 0, &path);
  if (fd >= 0) {
    close(fd);
    std::string found = path == nullptr ? "" : path;
    std::free(path);
    return found;
  }
  if (progress_ != nullptr && progress_->cancelled) return "";
  const char* const urls = std::getenv(DEBUGINFOD_URLS_ENV_VAR);
  const std::string where = absl::StrCat(
      "; no more is asked for (where: DEBUGINFOD_URLS=", urls == nullptr ? "" : urls, ")");
  if (Expired()) {
    Fail(absl::StrCat("debuginfod: not answered within ",
                      absl::FormatDuration(absl::FromChrono(limit_)), where));
  } else if (fd != -ENOENT) {
    Fail(absl::StrCat("debuginfod: ", std::strerror(-fd), where));
  }
  return "";
}

}  // namespace tidemark::symbolize
