// Whatever the bytes of a state file, reading it gives an error or a profile that protobuf
// accepts and whose rows refer only to locations that it has.

#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <set>
#include <string>

#include "profiler/collect/snapshot.h"
#include "profiler/collect/state_reader.h"
#include "proto/profile.pb.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const int fd = memfd_create("state", MFD_CLOEXEC);
  if (fd < 0 || write(fd, data, size) != static_cast<ssize_t>(size)) abort();
  const auto source =
      tidemark::collect::StateSource::OpenFile("/proc/self/fd/" + std::to_string(fd));
  close(fd);
  if (!source.ok()) abort();
  const auto snapshot = tidemark::collect::TakeSnapshot(*source, {.threads = true});
  if (!snapshot.ok()) return 0;
  tidemark::pprof::Profile profile;
  if (!profile.ParseFromString(snapshot->pprof)) abort();
  std::set<uint64_t> locations;
  for (const auto& location : profile.location()) locations.insert(location.id());
  for (const auto& sample : profile.sample()) {
    if (sample.value_size() != profile.sample_type_size()) abort();
    for (const uint64_t id : sample.location_id()) {
      if (!locations.contains(id)) abort();
    }
  }
  return 0;
}
