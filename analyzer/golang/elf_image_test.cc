#include "analyzer/golang/elf_image.h"

#include <cstring>
#include <string>

#include "absl/status/status.h"
#include "analyzer/golang/testing.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace tidemark::golang {
namespace {

using ::testing::HasSubstr;

testing::FakeProgram SmallProgram() {
  testing::FakeProgram program;
  program.AddFunction("main.main");
  program.AddType(TypeKind::kString, "string", 16);
  return program;
}

std::unique_ptr<ElfImage> ImageOf(const std::string& bytes) {
  auto image = ElfImage::FromBytes(bytes, "test");
  EXPECT_TRUE(image.ok()) << image.status();
  return image.ok() ? *std::move(image) : nullptr;
}

TEST(ElfImage, BytesAtAddresses) {
  const auto image = ImageOf(SmallProgram().Build());
  ASSERT_NE(image, nullptr);
  EXPECT_FALSE(image->is_position_independent());
  EXPECT_EQ(image->Byte(0x401000), 0xc3);
  EXPECT_EQ(image->Byte(0x401001), 0x90);
  EXPECT_EQ(image->Word32(0x600000), 0xfffffff1);
  EXPECT_EQ(image->BytesAt(0x401000, 0x80).size(), 0x80u);
  EXPECT_TRUE(image->BytesAt(0x401000, 0x81).empty());
  EXPECT_EQ(image->Byte(0x401080), std::nullopt);
  EXPECT_EQ(image->Byte(0x400fff), std::nullopt);
  EXPECT_EQ(image->Pointer(0), std::nullopt);
  EXPECT_EQ(image->Pointer(~uint64_t{0} - 3), std::nullopt);
  ASSERT_NE(image->FindSection(".gopclntab"), nullptr);
  EXPECT_EQ(image->FindSection(".gopclntab")->address, 0x600000u);
  EXPECT_EQ(image->FindSection(".nothing"), nullptr);
}

TEST(ElfImage, PointersAreRelocated) {
  testing::FakeProgram program = SmallProgram();
  program.is_relocated = true;
  const auto image = ImageOf(program.Build());
  ASSERT_NE(image, nullptr);
  EXPECT_TRUE(image->is_position_independent());
  EXPECT_FALSE(image->relocations().empty());
  const uint64_t module = image->FindSection(".go.module")->address;
  EXPECT_EQ(image->Pointer(module), 0x600000u);
  EXPECT_EQ(Load64(image->BytesAt(module, 8), 0), 0u);
}

TEST(ElfImage, AddressesOfAMapping) {
  testing::FakeProgram program = SmallProgram();
  program.is_relocated = true;
  const auto image = ImageOf(program.Build());
  ASSERT_NE(image, nullptr);
  const uint64_t offset = image->segments()[0].offset;
  EXPECT_EQ(image->LinkAddress(0x7f0000000000, offset, 0x7f0000000003), 0x401003u);
  EXPECT_EQ(image->LinkAddress(0x7f0000000000, 0, 0x7f0000000000 + offset + 3), 0x401003u);
  EXPECT_EQ(image->LinkAddress(0x7f0000000000, offset, 0x7f0000000080), std::nullopt);
  EXPECT_EQ(image->LinkAddress(0x7f0000000000, offset, 0x7effffffffff), std::nullopt);
}

TEST(ElfImage, WhatIsNone) {
  EXPECT_TRUE(absl::IsNotFound(ElfImage::Open("/nowhere/at/all").status()));
  EXPECT_TRUE(absl::IsInvalidArgument(ElfImage::Open("/dev/null").status()));
  EXPECT_TRUE(absl::IsInvalidArgument(ElfImage::Open("/").status()));
  EXPECT_TRUE(absl::IsInvalidArgument(ElfImage::FromBytes("", "empty").status()));
  EXPECT_TRUE(absl::IsInvalidArgument(ElfImage::FromBytes(std::string(64, 'x'), "x").status()));
  std::string bytes = SmallProgram().Build();
  std::memset(bytes.data() + 32, 0xff, 8);  // the program headers' place
  const absl::Status status = ElfImage::FromBytes(bytes, "a file").status();
  EXPECT_TRUE(absl::IsDataLoss(status));
  EXPECT_THAT(std::string(status.message()), HasSubstr("(where: a file, byte "));
}

// Sections, segments and notes that lie outside of the file have no bytes.
TEST(ElfImage, CutAtEveryLength) {
  testing::FakeProgram program = SmallProgram();
  program.is_relocated = true;
  const std::string bytes = program.Build();
  for (size_t size = 0; size < bytes.size(); ++size) {
    const auto image = ElfImage::FromBytes(bytes.substr(0, size), "cut");
    if (!image.ok()) continue;
    for (const ElfImage::Segment& segment : (*image)->segments()) {
      EXPECT_LE(segment.bytes.size(), size);
      (*image)->Pointer(segment.address + segment.bytes.size());
    }
    (*image)->Byte(0x401000);
  }
}

}  // namespace
}  // namespace tidemark::golang
