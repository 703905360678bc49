#include "verifier/tpm/known_chains.h"

#include <gtest/gtest.h>

#include "test/support/recording.h"
#include "test/support/test_ak.h"

namespace attest {
namespace {

using namespace attest::test;

class Chains : public testing::Test {
 protected:
  std::vector<Bytes> chain_until(UnixTime not_after) {
    CertSpec spec = ak_spec();
    spec.not_after = not_after;
    return {certify_ak(issuer, make_ak(), spec).der()};
  }
  TestCert issuer = make_root("AK issuer");
  KnownChains known{must(TrustStore::make({issuer.der()}))};
};

TEST_F(Chains, SecondAnswerIsTheRememberedFact) {
  auto chain = chain_until(kTestNow + kDay);
  auto first = must(known.verify(chain, kTestNow));
  EXPECT_EQ(must(known.verify(chain, kTestNow + KnownChains::kLife - 1)), first);
  EXPECT_NE(must(known.verify(chain, kTestNow + KnownChains::kLife)), first);
}

TEST_F(Chains, NoFactOutlivesTheCertificate) {
  auto chain = chain_until(kTestNow + 10);
  EXPECT_TRUE(known.verify(chain, kTestNow));
  EXPECT_TRUE(known.verify(chain, kTestNow + 9));
  EXPECT_FALSE(known.verify(chain, kTestNow + 11));
}

// A clock set back must not bring a fact into a time when the certificate was not valid yet.
TEST_F(Chains, NoFactCountsBeforeItWasFound) {
  auto chain = chain_until(kTestNow + kDay);
  EXPECT_TRUE(known.verify(chain, kTestNow));
  EXPECT_FALSE(known.verify(chain, kTestNow - 2 * kDay));
}

TEST_F(Chains, AnotherChainIsAnotherFact) {
  auto chain = chain_until(kTestNow + kDay);
  EXPECT_TRUE(known.verify(chain, kTestNow));
  auto other = chain;
  other[0].back() ^= 1;
  EXPECT_FALSE(known.verify(other, kTestNow));
  EXPECT_FALSE(known.verify({}, kTestNow));
  std::vector<Bytes> split = {Bytes(chain[0].begin(), chain[0].begin() + 100), Bytes(chain[0].begin() + 100, chain[0].end())};
  EXPECT_FALSE(known.verify(split, kTestNow));
}

TEST_F(Chains, ManyChainsStayBounded) {
  auto chain = chain_until(kTestNow + kDay);
  for (std::size_t i = 0; i < KnownChains::kMaxChains + 3; i++) {
    std::vector<Bytes> longer = {chain[0], make_root("x" + std::to_string(i)).der()};
    EXPECT_TRUE(known.verify(longer, kTestNow)) << i;
  }
  EXPECT_TRUE(known.verify(chain, kTestNow));
}

}  // namespace
}  // namespace attest
