// protozero's fields with their wire types checked: protozero itself only asserts them.
// Malformed input throws, as protozero does; whoever reads a message catches
// protozero::exception at its outermost function.
//
// Thread class: free functions on the caller's reader. Allocation class: only on errors,
// and ReadVarints.

#ifndef TIDEMARK_ANALYZER_IO_PBF_FIELDS_H_
#define TIDEMARK_ANALYZER_IO_PBF_FIELDS_H_

#include <cstdint>
#include <protozero/pbf_reader.hpp>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

namespace tidemark::io {

struct Malformed : protozero::exception {
  explicit Malformed(std::string why_not) : why(std::move(why_not)) {}
  const char* what() const noexcept override { return why.c_str(); }
  std::string why;
};

inline void Expect(const protozero::pbf_reader& r, protozero::pbf_wire_type type) {
  if (r.wire_type() != type) {
    throw Malformed(absl::StrCat("field ", r.tag(), " has wire type ",
                                 static_cast<uint32_t>(r.wire_type()), ", expected ",
                                 static_cast<uint32_t>(type)));
  }
}

inline uint64_t ReadUint(protozero::pbf_reader& r) {
  Expect(r, protozero::pbf_wire_type::varint);
  return r.get_uint64();
}

inline int64_t ReadInt(protozero::pbf_reader& r) { return static_cast<int64_t>(ReadUint(r)); }

inline protozero::pbf_reader ReadMessage(protozero::pbf_reader& r) {
  Expect(r, protozero::pbf_wire_type::length_delimited);
  return protozero::pbf_reader(r.get_view());
}

// One varint from [*p, end), *p < end; moves *p behind it. Nearly all numbers of a profile have
// one to three bytes, for which this is much faster than the general way.
inline uint64_t DecodeVarint(const char** p, const char* end) {
  const auto byte = [&](size_t i) { return static_cast<uint64_t>(static_cast<uint8_t>((*p)[i])); };
  const uint64_t first = byte(0);
  if (first < 0x80) {
    *p += 1;
    return first;
  }
  if (end - *p >= 3) {
    const uint64_t second = byte(1);
    if (second < 0x80) {
      *p += 2;
      return (first & 0x7f) | second << 7;
    }
    const uint64_t third = byte(2);
    if (third < 0x80) {
      *p += 3;
      return (first & 0x7f) | (second & 0x7f) << 7 | third << 14;
    }
  }
  return protozero::decode_varint(p, end);
}

// A repeated varint, packed or not: appends to `out`.
template <typename T>
void ReadVarints(protozero::pbf_reader& r, std::vector<T>& out) {
  if (r.wire_type() != protozero::pbf_wire_type::length_delimited) {
    out.push_back(static_cast<T>(ReadUint(r)));
    return;
  }
  const protozero::data_view view = r.get_view();
  const char* p = view.data();
  const char* const end = p + view.size();
  const size_t before = out.size();
  out.resize(before + view.size());  // each number has a byte or more
  T* to = out.data() + before;
  while (p != end) *to++ = static_cast<T>(DecodeVarint(&p, end));
  out.resize(static_cast<size_t>(to - out.data()));
}

}  // namespace tidemark::io

#endif  // TIDEMARK_ANALYZER_IO_PBF_FIELDS_H_
