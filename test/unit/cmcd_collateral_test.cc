// A TPM's logs as CMC's reports carry them, in banks whose digests are not 32 bytes long.
#include <gtest/gtest.h>

#include "cmcd-lite/server/cmc/tpm_collateral.h"

namespace attest {
namespace {

MeasuredEvent measured(std::uint8_t pcr, LogKind kind, HashAlg bank) {
  MeasuredEvent event;
  event.pcr = pcr;
  event.kind = kind;
  event.digest = Digest::filled(bank, 7);
  return event;
}

cmc::Collateral collateral(HashAlg bank) {
  MeasuredLog log;
  log.bank = bank;
  log.events = {measured(0, LogKind::tcg, bank), measured(10, LogKind::ima, bank)};
  log.tcg_events = log.ima_covered = 1;
  return tpm_collateral({}, {bank, {0, 5, 10}}, &log);
}

TEST(TpmCollateral, RegistersOfOtherBanksThanSha256SayWhereTheyStart) {
  for (HashAlg bank : {HashAlg::sha384, HashAlg::sha512}) {
    cmc::Collateral out = collateral(bank);
    ASSERT_EQ(out.artifacts.size(), 3U);
    for (const cmc::Artifact& artifact : out.artifacts) {
      ASSERT_FALSE(artifact.events.empty()) << artifact.index;
      EXPECT_EQ(artifact.events[0].name, cmc::kInitValue) << artifact.index;
      EXPECT_EQ(*artifact.events[0].hash(bank), Bytes(digest_size(bank), 0)) << artifact.index;
      EXPECT_EQ(artifact.events.size(), artifact.index == 5 ? 1U : 2U);
    }
  }
}

TEST(TpmCollateral, InSha256OnlyWhatTheFirmwareMeasuredDoes) {
  cmc::Collateral out = collateral(HashAlg::sha256);
  ASSERT_EQ(out.artifacts.size(), 3U);
  EXPECT_EQ(out.artifacts[0].events.size(), 2U);
  EXPECT_TRUE(out.artifacts[1].events.empty());
  EXPECT_EQ(out.artifacts[2].events.size(), 1U) << "as CMC writes IMA's register";
}

}  // namespace
}  // namespace attest
