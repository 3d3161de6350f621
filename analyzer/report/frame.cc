#include "analyzer/report/frame.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace tidemark::report {

uint64_t ModuleOffset(const Mapping& mapping, uint64_t address) {
  return address - mapping.start + mapping.offset;
}

std::string ModuleOffsetName(absl::string_view module, uint64_t offset) {
  const size_t slash = module.rfind('/');
  if (slash != absl::string_view::npos) module.remove_prefix(slash + 1);
  return absl::StrCat(module, "+0x", absl::Hex(offset));
}

Frame MakeFrame(const Profile& profile, StackId stack, FramePosition position) {
  const LocationId id = profile.stack(stack)[position.location];
  const Location& location = profile.location(id);
  Frame frame;
  frame.address = location.address;
  if (location.mapping.valid()) {
    const Mapping& mapping = profile.mapping(location.mapping);
    frame.module = std::string(profile.string(mapping.file));
    frame.build_id = std::string(profile.string(mapping.build_id));
    frame.module_offset = ModuleOffset(mapping, location.address);
  }
  const auto lines = profile.lines(id);
  if (lines.empty()) return frame;
  const Line& line = lines[position.line];
  frame.line = line.line;
  frame.inlined = position.line + 1 < lines.size();
  if (line.function.valid()) {
    const Function& function = profile.function(line.function);
    frame.function = std::string(profile.string(function.name));
    if (frame.function.empty()) frame.function = std::string(profile.string(function.system_name));
    frame.file = std::string(profile.string(function.filename));
  }
  return frame;
}

std::vector<Frame> MakeFrames(const Profile& profile, StackId stack) {
  std::vector<Frame> frames;
  const auto locations = profile.stack(stack);
  frames.reserve(locations.size());
  for (uint32_t i = 0; i < locations.size(); ++i) {
    const uint32_t lines =
        std::max<uint32_t>(1, static_cast<uint32_t>(profile.lines(locations[i]).size()));
    for (uint32_t line = 0; line < lines; ++line) {
      frames.push_back(MakeFrame(profile, stack, {i, line}));
    }
  }
  return frames;
}

std::string ToString(const Frame& frame) {
  if (!frame.function.empty()) {
    if (frame.file.empty()) return frame.function;
    if (frame.line == 0) return absl::StrCat(frame.function, " ", frame.file);
    return absl::StrCat(frame.function, " ", frame.file, ":", frame.line);
  }
  if (!frame.file.empty() && frame.line != 0) return absl::StrCat(frame.file, ":", frame.line);
  if (!frame.module.empty()) return ModuleOffsetName(frame.module, frame.module_offset);
  return absl::StrCat("0x", absl::Hex(frame.address));
}

}  // namespace tidemark::report
