#include "analyzer/report/frame.h"

#include <gtest/gtest.h>

#include "analyzer/report/test_profile.h"

namespace tidemark::report {
namespace {

TEST(Frame, ToStringSaysWhatIsKnown) {
  Frame f;
  f.address = 0x401234;
  EXPECT_EQ(ToString(f), "0x401234");
  f.module = "/usr/lib/libfoo.so.1";
  f.module_offset = 0x1234;
  EXPECT_EQ(ToString(f), "libfoo.so.1+0x1234");
  f.function = "Grow";
  EXPECT_EQ(ToString(f), "Grow");
  f.file = "/s/a.cc";
  EXPECT_EQ(ToString(f), "Grow /s/a.cc");
  f.line = 7;
  EXPECT_EQ(ToString(f), "Grow /s/a.cc:7");
}

TEST(Frame, StackWithInlinedFramesAndUnknownOnes) {
  TestProfile p("inuse_space/bytes");
  p.SetModule("/bin/app", 0x7f0000001000, 0x7f0000009000, 0x3000);
  p.Add("push_back@/v.h:8<fill@/a.cc:3 0x7f0000002468", {1});
  const auto profile = p.Build();
  const std::vector<Frame> frames = MakeFrames(*profile, profile->sample_stacks()[0]);
  ASSERT_EQ(frames.size(), 3u);
  EXPECT_EQ(frames[0].function, "push_back");
  EXPECT_EQ(frames[0].file, "/v.h");
  EXPECT_EQ(frames[0].line, 8);
  EXPECT_TRUE(frames[0].inlined);
  EXPECT_EQ(frames[1].function, "fill");
  EXPECT_FALSE(frames[1].inlined);
  EXPECT_EQ(frames[2].function, "");
  EXPECT_EQ(frames[2].module, "/bin/app");
  EXPECT_EQ(frames[2].address, 0x7f0000002468u);
  EXPECT_EQ(frames[2].module_offset, 0x4468u);
  EXPECT_EQ(ToString(frames[2]), "app+0x4468");
}

}  // namespace
}  // namespace tidemark::report
