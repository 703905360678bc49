// The recorded quotes: statement, key and signature as real TPM software made them, and their hostile twins.
#include <gtest/gtest.h>

#include "evidence/core/hex.h"
#include "evidence/tpm/pcr_selection.h"
#include "evidence/tpm/signature.h"
#include "evidence/tpm/tpm_ids.h"
#include "test/support/recording.h"

namespace attest {
namespace {
using namespace attest::test;

class Quotes : public testing::TestWithParam<std::tuple<const char*, bool, const char*>> {
 protected:
  Recording rec = recording(std::get<0>(GetParam()), std::get<1>(GetParam()));
  std::string key_name = std::get<2>(GetParam());
  Bytes message = rec.attest(key_name);
  Bytes signature = rec.signature(key_name);
  PublicArea key = must(parse_tpm2b_public(rec.public_area(key_name)));
};

TEST_P(Quotes, VerifyWithTheirKey) {
  auto verified = verify_attest(message, signature, key);
  ASSERT_TRUE(verified) << verified.error().what;
  const Attest& a = **verified;
  EXPECT_EQ(a.type, AttestType::quote);
  EXPECT_EQ(a.extra_data, rec.nonce);
  ASSERT_NE(a.quote(), nullptr);
  EXPECT_EQ(a.certify(), nullptr);
  ASSERT_EQ(a.quote()->selections.size(), 2U);
  EXPECT_EQ(selection_text(a.quote()->selections[0]), "sha256:0,1,2,3,4,5,6,7,8,9,10,14");
  EXPECT_EQ(selection_text(a.quote()->selections[1]), "sha1:10");
  EXPECT_TRUE(a.clock.safe);
  EXPECT_GT(a.clock.clock_ms, 0U);
}

TEST_P(Quotes, CoverThePcrsThatWereRead) {
  Attest a = must(parse_attest(message));
  std::vector<Digest> values;
  for (const PcrSelection& s : a.quote()->selections)
    for (int pcr : s.pcrs) values.push_back(rec.pcrs.at({s.bank, pcr}));
  Digest digest = pcr_digest(HashAlg::sha256, values);
  EXPECT_EQ(to_hex(digest.view()), to_hex(a.quote()->pcr_digest));
}

TEST_P(Quotes, NameOfTheKeyIsTheOneTheTpmGave) { EXPECT_EQ(to_hex(key.name()), to_hex(rec.name(key_name))); }

TEST_P(Quotes, KeyIsAnAttestationKey) {
  EXPECT_TRUE(check_attestation_key(key));
  EXPECT_EQ(attributes_text(key.attributes),
            "fixedTPM fixedParent sensitiveDataOrigin userWithAuth restricted sign");
}

TEST_P(Quotes, EveryFlippedByteOfTheStatementIsRefused) {
  for (std::size_t i = 0; i < message.size(); i++)
    EXPECT_FALSE(verify_attest(flipped(message, i), signature, key)) << "byte " << i;
}

TEST_P(Quotes, EveryFlippedByteOfTheSignatureIsRefused) {
  for (std::size_t i = 0; i < signature.size(); i++)
    EXPECT_FALSE(verify_attest(message, flipped(signature, i), key)) << "byte " << i;
}

TEST_P(Quotes, EveryTruncationIsMalformed) {
  for (std::size_t by = 1; by <= message.size(); by++) {
    auto parsed = parse_attest(truncated(message, by));
    ASSERT_FALSE(parsed) << by;
    EXPECT_EQ(parsed.error().code, Errc::malformed);
  }
  for (std::size_t by = 1; by <= signature.size(); by++)
    EXPECT_FALSE(parse_signature(truncated(signature, by)));
  Bytes area = rec.public_area(key_name);
  for (std::size_t by = 1; by <= area.size(); by++) EXPECT_FALSE(parse_tpm2b_public(truncated(area, by)));
  for (std::size_t by = 1; by <= key.encoded.size(); by++)
    EXPECT_FALSE(parse_public(truncated(key.encoded, by)));
}

TEST_P(Quotes, TrailingBytesAreMalformed) {
  EXPECT_EQ(parse_attest(trailed(message)).error().code, Errc::malformed);
  EXPECT_EQ(parse_signature(trailed(signature, 0)).error().code, Errc::malformed);
  EXPECT_EQ(parse_tpm2b_public(trailed(rec.public_area(key_name))).error().code, Errc::malformed);
  EXPECT_EQ(parse_public(trailed(key.encoded)).error().code, Errc::malformed);
}

TEST_P(Quotes, AnotherKeyDoesNotVerify) {
  PublicArea other = must(parse_tpm2b_public(rec.public_area(key_name == "ecc" ? "rsa" : "ecc")));
  auto r = verify_attest(message, signature, other);
  ASSERT_FALSE(r);
  EXPECT_EQ(r.error().code, Errc::untrusted);
}

TEST_P(Quotes, AnUnrestrictedKeyIsDenied) {
  PublicArea loose = key;
  loose.attributes &= ~tpm::kRestricted;
  auto r = verify_attest(message, signature, loose);
  ASSERT_FALSE(r);
  EXPECT_EQ(r.error().code, Errc::denied);
  EXPECT_NE(r.error().what.find("restricted"), std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(Recorded, Quotes,
                         testing::Combine(testing::ValuesIn(kBoots), testing::Bool(),
                                          testing::Values("ecc", "rsa")),
                         [](const auto& param) {
                           return std::string(std::get<0>(param.param)) +
                                  (std::get<1>(param.param) ? "_early_" : "_late_") +
                                  std::get<2>(param.param);
                         });

TEST(AnotherBoot, SameKeyKindOfAnotherMachineStateDoesNotVerifyForeignQuote) {
  Recording a = recording("crb"), b = recording("tis");
  PublicArea key = must(parse_tpm2b_public(b.public_area("ecc")));
  EXPECT_FALSE(verify_attest(a.attest("ecc"), a.signature("ecc"), key));
}

}  // namespace
}  // namespace attest
