// Profiles for tests, written as stacks of text.
//
// Thread class: one thread. May allocate.

#ifndef TIDEMARK_ANALYZER_REPORT_TEST_PROFILE_H_
#define TIDEMARK_ANALYZER_REPORT_TEST_PROFILE_H_

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_split.h"
#include "analyzer/model/profile_builder.h"

namespace tidemark::report {

// Adds samples like Add("leaf<inlined_into mid root", {1, 16}): frames leaf first, "<"
// between the lines of one location. A frame is "function", "function@file" or
// "function@file:line"; "0x1234" is a location without symbols in the module of
// SetModule. The same frame is the same location.
class TestProfile {
 public:
  // `types` as "inuse_objects/count inuse_space/bytes".
  explicit TestProfile(const std::string& types) {
    std::vector<ValueType> value_types;
    for (const auto& type : absl::StrSplit(types, ' ')) {
      const std::vector<std::string> parts = absl::StrSplit(type, '/');
      value_types.push_back({builder_->AddString(parts[0]), builder_->AddString(parts[1])});
    }
    builder_->SetSampleTypes(value_types);
  }

  ProfileBuilder& builder() { return *builder_; }

  void SetModule(const std::string& file, uint64_t start, uint64_t limit, uint64_t offset = 0) {
    Mapping mapping;
    mapping.start = start;
    mapping.limit = limit;
    mapping.offset = offset;
    mapping.file = builder_->AddString(file);
    mapping_ = builder_->AddMapping(mapping);
  }

  // `bytes` is the block size label; 0: none.
  void Add(const std::string& stack, const std::vector<int64_t>& values, int64_t bytes = 0) {
    std::vector<LocationId> locations;
    for (const auto& frame : absl::StrSplit(stack, ' ', absl::SkipEmpty())) {
      locations.push_back(LocationOf(std::string(frame)));
    }
    std::vector<Label> labels;
    if (bytes != 0) {
      Label label;
      label.key = builder_->AddString("bytes");
      label.num = bytes;
      label.num_unit = builder_->AddString("bytes");
      labels.push_back(label);
    }
    builder_->AddSample(builder_->AddStack(locations), builder_->AddLabels(labels), values);
  }

  void AddComment(const std::string& text) { builder_->AddComment(builder_->AddString(text)); }

  // Bytes per sample on average: what heap profiles call their period.
  void SetRate(int64_t rate) {
    builder_->SetPeriod({builder_->AddString("space"), builder_->AddString("bytes")}, rate);
  }

  std::shared_ptr<const Profile> Build() { return *builder_->Build(); }

 private:
  LocationId LocationOf(const std::string& frame) {
    const auto [it, inserted] = locations_.try_emplace(frame);
    if (!inserted) return it->second;
    std::vector<Line> lines;
    uint64_t address = 0x1000 + locations_.size();
    if (frame.rfind("0x", 0) == 0) {
      address = std::stoull(frame, nullptr, 16);
    } else {
      for (const auto& text : absl::StrSplit(frame, '<'))
        lines.push_back(LineOf(std::string(text)));
    }
    return it->second = builder_->AddLocation(address, mapping_, false, lines);
  }

  Line LineOf(const std::string& text) {
    const std::vector<std::string> parts = absl::StrSplit(text, absl::MaxSplits('@', 1));
    Function function;
    function.name = function.system_name = builder_->AddString(parts[0]);
    int64_t line = 0;
    if (parts.size() > 1) {
      const std::vector<std::string> place = absl::StrSplit(parts[1], ':');
      function.filename = builder_->AddString(place[0]);
      if (place.size() > 1) line = std::stoll(place[1]);
    }
    return {builder_->AddFunction(function), line};
  }

  std::unique_ptr<ProfileBuilder> builder_ = std::make_unique<ProfileBuilder>();
  MappingId mapping_;
  std::map<std::string, LocationId> locations_;
};

}  // namespace tidemark::report

#endif  // TIDEMARK_ANALYZER_REPORT_TEST_PROFILE_H_
