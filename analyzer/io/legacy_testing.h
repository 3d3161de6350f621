// For tests of the legacy readers: a profile as text, much like `pprof -raw`.

#ifndef TIDEMARK_ANALYZER_IO_LEGACY_TESTING_H_
#define TIDEMARK_ANALYZER_IO_LEGACY_TESTING_H_

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "analyzer/base/progress.h"
#include "analyzer/model/profile.h"

namespace tidemark::io {

constexpr char kLegacyData[] = TIDEMARK_SOURCE_DIR "/tests/data/legacy/";

using ReadFunction = absl::StatusOr<std::shared_ptr<const Profile>> (*)(absl::string_view,
                                                                        absl::string_view,
                                                                        Progress*);

// One line "objects/count space/bytes", then one for each sample: "VALUES: STACK LABELS".
// A frame is its address and the file it lies in, or its line.
inline std::string Dump(const Profile& p) {
  std::string out;
  for (const ValueType& type : p.sample_types()) {
    absl::StrAppend(&out, out.empty() ? "" : " ", p.string(type.type), "/", p.string(type.unit));
  }
  absl::StrAppend(&out, "\n");
  for (size_t i = 0; i < p.sample_count(); ++i) {
    for (size_t t = 0; t < p.sample_types().size(); ++t) {
      absl::StrAppend(&out, t == 0 ? "" : " ", p.values(t)[i]);
    }
    absl::StrAppend(&out, ":");
    for (const LocationId id : p.stack(p.sample_stacks()[i])) {
      const Location& location = p.location(id);
      absl::StrAppend(&out, " ");
      if (location.address != 0) absl::StrAppend(&out, absl::Hex(location.address));
      for (const Line& line : p.lines(id)) {
        const Function& function = p.function(line.function);
        absl::StrAppend(&out, p.string(function.name), "[", p.string(function.filename), ":",
                        line.line, "]");
      }
      if (location.mapping.valid()) {
        absl::StrAppend(&out, "@", p.string(p.mapping(location.mapping).file));
      }
    }
    for (const Label& label : p.labels(p.sample_labels()[i])) {
      absl::StrAppend(&out, " ", p.string(label.key), "=");
      if (label.str.value != 0) {
        absl::StrAppend(&out, p.string(label.str));
      } else {
        absl::StrAppend(&out, label.num);
      }
    }
    absl::StrAppend(&out, "\n");
  }
  return out;
}

// What `read` makes of `text`, as Dump, or the error's message.
inline std::string DumpOf(ReadFunction read, absl::string_view text) {
  const auto p = read(text, "test", nullptr);
  return p.ok() ? Dump(**p) : std::string(p.status().message());
}

// No prefix of the input, and no byte of it changed, may do harm; each result is an error
// with a place, or a profile.
inline void ExpectSurvivesSpoiling(ReadFunction read, absl::string_view bytes) {
  const auto check = [read](absl::string_view spoiled) {
    const auto p = read(spoiled, "test", nullptr);
    if (p.ok()) return;
    EXPECT_EQ(p.status().code(), absl::StatusCode::kDataLoss);
    EXPECT_NE(p.status().message().find("(where: test, byte offset "), absl::string_view::npos);
  };
  for (size_t n = 0; n < bytes.size(); ++n) {
    check(bytes.substr(0, n));
    for (const char mask : {'\x01', '\x10', '\x80', '\x1b'}) {
      std::string spoiled(bytes);
      spoiled[n] = static_cast<char>(spoiled[n] ^ mask);
      check(spoiled);
    }
  }
}

// A reading that is cancelled before it begins ends early.
inline void ExpectCancels(ReadFunction read, absl::string_view bytes) {
  Progress progress;
  progress.cancelled = true;
  const auto p = read(bytes, "test", &progress);
  EXPECT_EQ(p.status().code(), absl::StatusCode::kCancelled);
}

// The progress of a reading that succeeds ends at its total.
inline void ExpectProgress(ReadFunction read, absl::string_view bytes) {
  Progress progress;
  EXPECT_TRUE(read(bytes, "test", &progress).ok());
  EXPECT_EQ(progress.total, bytes.size());
  EXPECT_EQ(progress.done, bytes.size());
}

}  // namespace tidemark::io

#endif  // TIDEMARK_ANALYZER_IO_LEGACY_TESTING_H_
