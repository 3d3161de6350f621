// Folding rows into rules, and the cache of rules.

#include "profiler/preload/unwind_rules.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "profiler/preload/modules.h"

namespace tidemark::preload {
namespace {

CfiEntry Entry(uint8_t cfa_register, int32_t cfa) {
  CfiEntry entry{};
  entry.row.cfa_rule = CfaRule::kRegister;
  entry.row.cfa_register = cfa_register;
  entry.row.cfa = cfa;
  return entry;
}
UnwindRule Fold(const CfiEntry& entry) { return FoldRow({}, entry); }

TEST(UnwindRules, FoldsTheCommonShapes) {
  CfiEntry entry = Entry(kDwarfRsp, 16);
  UnwindRule rule = Fold(entry);
  EXPECT_EQ(rule.Kind(), RuleKind::kSp);
  EXPECT_EQ(rule.CfaOffset(), 16u);
  EXPECT_EQ(rule.BpDistance(), 0u);
  entry.row.saved_rule = RegisterRule::kAtCfa;
  entry.row.saved = -16;
  EXPECT_EQ(Fold(entry).BpDistance(), 16u);
  entry.row.cfa_register = kDwarfRbp;
  rule = Fold(entry);
  EXPECT_EQ(rule.Kind(), RuleKind::kBp);
  EXPECT_EQ(rule.CfaOffset(), 16u);
  EXPECT_EQ(rule.BpDistance(), 16u);
}

TEST(UnwindRules, FoldsTheLargestFramesThatFit) {
  EXPECT_EQ(Fold(Entry(kDwarfRsp, (1 << 20) - 8)).CfaOffset(), (1u << 20) - 8);
  EXPECT_EQ(Fold(Entry(kDwarfRsp, 1 << 20)).Kind(), RuleKind::kGeneral);
  CfiEntry entry = Entry(kDwarfRsp, 1 << 16);
  entry.row.saved_rule = RegisterRule::kAtCfa;
  entry.row.saved = -((8 << 11) - 8);
  EXPECT_EQ(Fold(entry).BpDistance(), (8u << 11) - 8);
  entry.row.saved = -(8 << 11);
  EXPECT_EQ(Fold(entry).Kind(), RuleKind::kGeneral);
}

TEST(UnwindRules, LeavesTheRestToTheRow) {
  EXPECT_EQ(Fold(Entry(10, 8)).Kind(), RuleKind::kGeneral);          // another register
  EXPECT_EQ(Fold(Entry(kDwarfRsp, 12)).Kind(), RuleKind::kGeneral);  // not a multiple of 8
  EXPECT_EQ(Fold(Entry(kDwarfRsp, -8)).Kind(), RuleKind::kGeneral);
  CfiEntry entry = Entry(kDwarfRsp, 16);
  entry.row.pc = -16;
  EXPECT_EQ(Fold(entry).Kind(), RuleKind::kGeneral);
  entry = Entry(kDwarfRsp, 16);
  entry.row.saved_rule = RegisterRule::kAtCfa;
  entry.row.saved = 8;  // above the CFA
  EXPECT_EQ(Fold(entry).Kind(), RuleKind::kGeneral);
  entry.row.saved_rule = RegisterRule::kInRegister;
  EXPECT_EQ(Fold(entry).Kind(), RuleKind::kGeneral);
}

TEST(UnwindRules, KnowsEndsAndSignals) {
  CfiEntry entry = Entry(kDwarfRsp, 8);
  entry.row.pc_rule = RegisterRule::kUndefined;
  EXPECT_EQ(Fold(entry).Kind(), RuleKind::kEnd);
  entry.signal_frame = true;
  EXPECT_EQ(Fold(entry).Kind(), RuleKind::kSignal);
}

TEST(UnwindRules, FoldsRealignedFrames) {
  // CFA = *(rbp - 8), rbp at rbp + 0; behind it a CFA that is one word further.
  const uint8_t bytes[] = {3, 0x76, 0x78, 0x06, 2, 0x76, 0, 5, 0x76, 0x78, 0x06, 0x23, 8};
  const uint64_t begin = reinterpret_cast<uint64_t>(bytes);
  const CfiImage image = {begin, begin + sizeof(bytes), begin, nullptr};
  CfiEntry entry{};
  entry.row.cfa_rule = CfaRule::kExpression;
  entry.row.cfa = 0;
  entry.row.saved_rule = RegisterRule::kAtExpression;
  entry.row.saved = 4;
  const UnwindRule rule = FoldRow(image, entry);
  EXPECT_EQ(rule.Kind(), RuleKind::kDrap);
  EXPECT_EQ(rule.CfaOffset(), 8u);
  entry.row.cfa = 7;
  EXPECT_EQ(FoldRow(image, entry).Kind(), RuleKind::kGeneral);
  entry.row.cfa = 0;
  entry.row.saved_rule = RegisterRule::kSame;
  EXPECT_EQ(FoldRow(image, entry).Kind(), RuleKind::kGeneral);
}

class RuleCache : public ::testing::Test {
 protected:
  void SetUp() override {
    RefreshModules();
    ASSERT_TRUE(FindModule(reinterpret_cast<uint64_t>(&abort), &module_));
  }
  uint32_t Fresh(uint64_t pc) const {
    CfiEntry entry;
    const CfiImage image = ImageOf(module_);
    if (FindCfiRow(image, pc - 1, kDwarfRbp, &entry) != CfiResult::kFound) {
      return UnwindRule(RuleKind::kUnknown, 0, 0).bits();
    }
    return FoldRow(image, entry).bits();
  }
  LoadedModule module_{};
};

// More addresses than there are entries, so that entries are replaced: whatever is
// remembered, the answer is what the file says.
TEST_F(RuleCache, NeverAnswersForAnotherAddress) {
  const uint64_t step = std::max<uint64_t>(1, (module_.limit - module_.start) / 100000);
  for (int pass = 0; pass < 2; ++pass) {
    for (uint64_t pc = module_.start + 1; pc <= module_.limit; pc += step) {
      ASSERT_EQ(FindRule(pc, module_).bits(), Fresh(pc)) << pc - module_.start;
    }
  }
}

TEST_F(RuleCache, AnswersWhileItIsEmptied) {
  bool stop = false;
  std::thread emptying([&] {
    while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) ForgetRules();
  });
  std::vector<uint32_t> expected;
  for (uint64_t i = 0; i < 2000; ++i) expected.push_back(Fresh(module_.start + 1 + i * 64));
  for (int pass = 0; pass < 50; ++pass) {
    for (uint64_t i = 0; i < expected.size(); ++i) {
      ASSERT_EQ(FindRule(module_.start + 1 + i * 64, module_).bits(), expected[i]);
    }
  }
  __atomic_store_n(&stop, true, __ATOMIC_RELAXED);
  emptying.join();
}

}  // namespace
}  // namespace tidemark::preload
