// Verdicts: what is kept for attestctl explain stays small, and what matters most is forgotten last.
#include "cmcd-lite/server/verdicts/verdicts.h"

#include <gtest/gtest.h>

namespace attest {
namespace {

constexpr std::size_t kAppraisal = 2000;

VerdictRecord verdict(bool trusted) {
  VerdictRecord record;
  record.peer = "a.example";
  record.trusted = trusted;
  record.outcome = trusted ? JudgeOutcome::accepted : JudgeOutcome::refused;
  record.name = trusted ? "" : "pcr.unexpected-event";
  record.appraisal = "\"" + std::string(kAppraisal - 2, 'x') + "\"";
  return record;
}

class VerdictsTest : public testing::Test {
 protected:
  std::size_t kept_text() const {
    std::size_t bytes = 0;
    for (std::uint64_t id = 1; id <= last_; id++)
      if (auto found = verdicts_.find(id, std::nullopt)) bytes += found->appraisal.size();
    return bytes;
  }
  void add(bool trusted, int count = 1) {
    for (int i = 0; i < count; i++) last_ = verdicts_.add(verdict(trusted));
  }
  Audit audit_;  // never opened: writes nothing
  Verdicts verdicts_{1000, audit_};
  std::uint64_t last_ = 0;
};

TEST_F(VerdictsTest, AcceptedVerdictsStayWhenTheirAppraisalsMustGo) {
  add(true, 1000);
  EXPECT_LE(kept_text(), Verdicts::kMaxKeptBytes);
  auto first = verdicts_.find(1, std::nullopt);
  ASSERT_TRUE(first);
  EXPECT_EQ(first->appraisal, "");
  EXPECT_TRUE(verdicts_.accepted(1, first->uid, 0));
  EXPECT_EQ(verdicts_.find(last_, std::nullopt)->appraisal.size(), kAppraisal);
  add(true);
  EXPECT_FALSE(verdicts_.find(1, std::nullopt)) << "no more than `keep`";
}

TEST_F(VerdictsTest, RefusalsKeepTheirAppraisalsLonger) {
  add(false);
  add(true, 900);
  EXPECT_EQ(verdicts_.find(1, std::nullopt)->appraisal.size(), kAppraisal);
  EXPECT_EQ(verdicts_.find(0, std::nullopt)->id, 1u);
}

TEST_F(VerdictsTest, RefusalsAloneAreBoundedToo) {
  add(false, 1000);
  EXPECT_LE(kept_text(), Verdicts::kMaxKeptBytes);
  EXPECT_GT(kept_text(), Verdicts::kMaxKeptBytes / 2);
  EXPECT_FALSE(verdicts_.find(1, std::nullopt));
  EXPECT_EQ(verdicts_.totals().refused, 1000u);
}

TEST_F(VerdictsTest, TheNewestIsKeptHoweverLarge) {
  VerdictRecord large = verdict(true);
  large.appraisal.assign(2 * Verdicts::kMaxKeptBytes, ' ');
  last_ = verdicts_.add(large);
  EXPECT_EQ(verdicts_.find(last_, std::nullopt)->appraisal.size(), large.appraisal.size());
  add(true);
  EXPECT_EQ(verdicts_.find(last_ - 1, std::nullopt)->appraisal, "");
}

}  // namespace
}  // namespace attest
