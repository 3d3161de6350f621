#include "tests/golang/classified.h"

#include "absl/strings/str_cat.h"
#include "analyzer/classify/classifier.h"
#include "analyzer/io/open.h"
#include "gtest/gtest.h"

namespace tidemark {

std::shared_ptr<const Profile> ClassifiedProfile(const std::string& profile,
                                                 const std::string& program) {
  auto opened = io::OpenFile(profile);
  EXPECT_TRUE(opened.ok()) << opened.status();
  if (!opened.ok()) return nullptr;
  std::vector<std::string> warnings;
  classify::ClassifyOptions options;
  options.find_binary = [&](const Profile&, MappingId mapping) {
    return mapping.valid() && mapping.value > 0 ? std::string() : program;
  };
  options.warnings = &warnings;
  auto classified = classify::Classify(*opened, options);
  EXPECT_TRUE(classified.ok()) << classified.status();
  EXPECT_TRUE(warnings.empty()) << warnings[0];
  return classified.ok() ? *classified : nullptr;
}

std::vector<ClassifiedRow> RowsOf(const Profile& profile, const std::string& sample_type) {
  std::vector<ClassifiedRow> rows;
  const int type = profile.FindSampleType(sample_type);
  EXPECT_GE(type, 0);
  const Annotations& annotations = profile.annotations();
  for (size_t i = 0; i < profile.sample_count(); ++i) {
    ClassifiedRow row;
    row.bytes = profile.values(static_cast<size_t>(type))[i];
    if (row.bytes <= 0) continue;
    const StackId stack = profile.sample_stacks()[i];
    const FramePosition site = annotations.site[stack.value];
    const auto lines = profile.lines(profile.stack(stack)[site.location]);
    if (!lines.empty()) {
      const Function& function = profile.function(lines[site.line].function);
      const std::string file(profile.string(function.filename));
      row.function = std::string(profile.string(function.name));
      row.file = file.substr(file.rfind('/') + 1);
      row.line = lines[site.line].line;
    }
    if (annotations.container[stack.value].valid()) {
      const Container& container = annotations.containers[annotations.container[stack.value].value];
      row.kind = Name(container.kind);
      row.type = container.type;
      row.operation = Name(container.operation);
    }
    rows.push_back(row);
  }
  return rows;
}

Shares SharesOf(const std::vector<ClassifiedRow>& rows) {
  double total = 0;
  double kind = 0;
  double type = 0;
  for (const ClassifiedRow& row : rows) {
    const auto bytes = static_cast<double>(row.bytes);
    total += bytes;
    if (!row.kind.empty()) kind += bytes;
    if (!row.type.empty()) type += bytes;
  }
  return {100 * kind / total, 100 * type / total};
}

std::string ToString(const ClassifiedRow& row) {
  return absl::StrCat(row.file, ":", row.line, " ", row.kind, " | ", row.type, " | ", row.operation,
                      "  (", row.bytes, " bytes in ", row.function, ")");
}

}  // namespace tidemark
