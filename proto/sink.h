// Where the freestanding writers put their bytes.

#ifndef TIDEMARK_PROTO_SINK_H_
#define TIDEMARK_PROTO_SINK_H_

#include <cstdint>

namespace tidemark {

// `write` takes all `bytes` or returns false; after false it is not called again.
struct Sink {
  bool (*write)(void* context, const void* data, uint64_t bytes);
  void* context;

  bool Write(const void* data, uint64_t bytes) const { return write(context, data, bytes); }
};

}  // namespace tidemark

#endif  // TIDEMARK_PROTO_SINK_H_
