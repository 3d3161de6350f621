#include "proto/exact_sites.h"

#include <gtest/gtest.h>

#include <vector>

namespace tidemark {
namespace {

TEST(SumExactSites, AddsUpThreadsAndSettlesThePeak) {
  const std::vector<state::ExactSite> exact = {{5, 1}, {7, 2}, {9, 3}};
  std::vector<state::ExactChunk> chunks(3);
  // Thread 0 allocated ten blocks of 8 bytes at site 1, thread 1 freed four of them.
  chunks[0].counters[1] = {10, 80, 0, 0, 3, 6, 48, 0};  // changed since the peak: 6 were live
  chunks[1].thread = 1;
  chunks[1].counters[1] = {0, 0, 4, 32, 2, 99, 99, 0};  // not since: its part is what it is now
  chunks[2].first_site = 64;                            // beyond the sites: passed over
  chunks[2].counters[0] = {1, 1, 1, 1, 1, 1, 1, 0};
  std::vector<state::Site> sites(exact.size());
  SumExactSites(exact.data(), exact.size(), chunks.data(), chunks.size(), 3, sites.data());
  EXPECT_EQ(sites[1].stack, 7u);
  EXPECT_EQ(sites[1].size_bucket, 2u);
  EXPECT_EQ(sites[1].alloc_objects, 10u);
  EXPECT_EQ(sites[1].alloc_samples, 10u);
  EXPECT_EQ(sites[1].freed_bytes, 32u);
  EXPECT_EQ(sites[1].peak_epoch, 3u);
  EXPECT_EQ(sites[1].peak_objects, 2u);  // 6 - 4
  EXPECT_EQ(sites[1].peak_bytes, 16u);   // 48 - 32
  EXPECT_EQ(sites[0].alloc_objects, 0u);
  EXPECT_EQ(sites[2].alloc_objects, 0u);
}

TEST(SumExactSites, APeakBelowZeroIsNone) {
  const std::vector<state::ExactSite> exact = {{5, 1}};
  std::vector<state::ExactChunk> chunks(1);
  chunks[0].counters[0] = {0, 0, 1, 8, 0, 0, 0, 0};
  std::vector<state::Site> sites(1);
  SumExactSites(exact.data(), 1, chunks.data(), 1, 1, sites.data());
  EXPECT_EQ(sites[0].peak_objects, 0u);
  EXPECT_EQ(sites[0].peak_bytes, 0u);
}

}  // namespace
}  // namespace tidemark
