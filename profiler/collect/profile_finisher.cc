#include "profiler/collect/profile_finisher.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "profiler/collect/process.h"
#include "proto/stored_gzip.h"

namespace tidemark::collect {
namespace {

bool WriteAll(int fd, const char* data, size_t bytes) {
  while (bytes != 0) {
    const ssize_t n = write(fd, data, bytes);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    data += n;
    bytes -= static_cast<size_t>(n);
  }
  return true;
}

}  // namespace

ProfileFinisher::ProfileFinisher(ProfileWriter writer)
    : writer_(std::move(writer)), thread_([this] { Run(); }) {}

ProfileFinisher::~ProfileFinisher() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void ProfileFinisher::Add(const std::string& path) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    queue_.push_back(path);
  }
  changed_.notify_all();
}

bool ProfileFinisher::WaitFor(std::chrono::milliseconds longest) {
  std::unique_lock<std::mutex> lock(mutex_);
  return changed_.wait_for(lock, longest, [this] { return queue_.empty(); });
}

std::vector<ProfileFinisher::Finished> ProfileFinisher::TakeFinished() {
  const std::lock_guard<std::mutex> lock(mutex_);
  return std::exchange(finished_, {});
}

void ProfileFinisher::Run() {
  std::unique_lock<std::mutex> lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
    if (queue_.empty()) return;
    const std::string path = queue_.front();
    lock.unlock();
    absl::StatusOr<std::string> raw = ReadSmallFile(path);
    Finished finished = {path, raw.ok() ? writer_(path, *raw) : raw.status()};
    lock.lock();
    // Taken from the queue only now: an empty queue means that all is done.
    queue_.pop_front();
    finished_.push_back(std::move(finished));
    changed_.notify_all();
  }
}

bool IsRawProfile(const std::string& path) {
  // StoredGzip's header, then a stored block that is not the last.
  static constexpr char kHead[11] = {'\x1f', '\x8b', 8, 0, 0, 0, 0, 0, 0, '\xff', 0};
  const UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW));
  char head[sizeof(kHead)];
  return fd.valid() &&
         pread(fd.get(), head, sizeof(head), 0) == static_cast<ssize_t>(sizeof(head)) &&
         std::memcmp(head, kHead, sizeof(head)) == 0;
}

absl::Status WriteRawProfile(const std::string& path, const std::string& pprof) {
  std::string bytes;
  StoredGzip gzip({[](void* to, const void* data, uint64_t count) {
                     static_cast<std::string*>(to)->append(static_cast<const char*>(data), count);
                     return true;
                   },
                   &bytes});
  gzip.Write(pprof.data(), pprof.size());
  gzip.Finish();
  const std::string temporary = absl::StrCat(path, ".tmp");
  int error = 0;
  {
    const UniqueFd fd(
        open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!fd.valid() || !WriteAll(fd.get(), bytes.data(), bytes.size())) error = errno;
  }
  if (error == 0 && rename(temporary.c_str(), path.c_str()) != 0) error = errno;
  if (error == 0) return absl::OkStatus();
  unlink(temporary.c_str());
  return SystemError(error, "cannot write the profile", path);
}

}  // namespace tidemark::collect
