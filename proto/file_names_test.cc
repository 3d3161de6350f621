#include "proto/file_names.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>

namespace tidemark {
namespace {

std::string Profile(const char* comm, uint32_t sequence = 1) {
  char name[kMaxFileNameBytes];
  ProfileFileName(name, comm, 17, 0xabc, sequence);
  return name;
}

TEST(FileNames, Profiles) {
  EXPECT_EQ(Profile("redis-server"), "redis-server.17.0000000000000abc.0001.pb.gz");
  EXPECT_EQ(Profile("x", 123456), "x.17.0000000000000abc.123456.pb.gz");
}

TEST(FileNames, NoDirectoryAndNoHiddenFile) {
  EXPECT_EQ(Profile("../../etc"), "_._.._etc.17.0000000000000abc.0001.pb.gz");
  EXPECT_EQ(Profile("a b\n\xff"), "a_b__.17.0000000000000abc.0001.pb.gz");
  EXPECT_EQ(Profile(""), "_.17.0000000000000abc.0001.pb.gz");
}

TEST(FileNames, LongestFits) {
  char name[kMaxFileNameBytes];
  ProfileFileName(name, "0123456789abcdefXYZ", 4294967295u, ~0ull, 4294967295u);
  EXPECT_EQ(std::string(name), "0123456789abcdef.4294967295.ffffffffffffffff.4294967295.pb.gz");
  StateFileName(name, 17, 0xabc);
  EXPECT_EQ(std::string(name), "17.0000000000000abc.state");
}

}  // namespace
}  // namespace tidemark
