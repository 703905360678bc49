// Quotes that no honest AK made, or that say something else than a verifier must believe.
#include <gtest/gtest.h>

#include "evidence/core/hex.h"
#include "evidence/tpm/pcr_selection.h"
#include "test/support/evidence_maker.h"
#include "test/support/recording.h"
#include "verifier/checks.h"

namespace attest {
namespace {

using namespace attest::test;

class QuoteForgery : public testing::Test {
 protected:
  void pin(const TestAk& ak) {
    world.machine.ak = ak;
    world.rule().ak_names = {to_hex(ak.name())};
  }
  std::string with_quote(std::function<void(QuoteSpec&)> tamper) {
    world.machine.tamper_quote = std::move(tamper);
    return name_of(world.judge());
  }
  std::string with_anchor(std::function<void(TpmAnchor&)> tamper) {
    world.machine.tamper_anchor = std::move(tamper);
    return name_of(world.judge());
  }
  // certified: the rule pins nothing; the chain decides
  std::string certified(const TestCert& issuer, const CertSpec& spec) {
    world.rule().ak_names.clear();
    world.x509_ok = true;
    world.machine.ak_chain = {certify_ak(issuer, world.machine.ak, spec).der()};
    return name_of(world.judge());
  }
  World world;
};

TEST_F(QuoteForgery, BadMagicIsRefused) {
  EXPECT_EQ(with_quote([](QuoteSpec& q) { q.magic = 0xff544348; }), check::kQuoteType);
}

TEST_F(QuoteForgery, OtherAttestTypeIsRefused) {
  EXPECT_EQ(with_quote([](QuoteSpec& q) { q.type = 0x801a; }), check::kQuoteType);
}

// A certified key whose extraData is this handshake's: well signed, and no quote.
TEST_F(QuoteForgery, CertifyPresentedAsQuoteIsRefused) {
  EXPECT_EQ(with_anchor([&](TpmAnchor& a) {
              Bytes context = must(encode_context(context_of(world.machine)));
              Digest leaf = evidence_hash(world.binder(), context);
              Digest qualifying = batch_qualifying_data(must(merkle_root(leaf, MerklePath{})));
              a.attest = write_certify(qualifying.view(), world.machine.ak.name());
              a.signature = sign_tpm(a.attest, world.machine.ak.key.get());
            }),
            check::kQuoteType);
}

TEST_F(QuoteForgery, NullAndZeroSignaturesAreRefused) {
  EXPECT_EQ(with_anchor([](TpmAnchor& a) { a.signature = null_signature(); }), check::kQuoteSignature);
  EXPECT_EQ(with_anchor([](TpmAnchor& a) { a.signature = zero_signature(); }), check::kQuoteSignature);
  EXPECT_EQ(with_anchor([](TpmAnchor& a) { a.signature.clear(); }), check::kQuoteSignature);
}

TEST_F(QuoteForgery, FlippedTruncatedAndTrailingAreRefused) {
  EXPECT_EQ(with_anchor([](TpmAnchor& a) { a.signature.back() ^= 1; }), check::kQuoteSignature);
  EXPECT_EQ(with_anchor([](TpmAnchor& a) { a.signature.push_back(0); }), check::kQuoteSignature);
  EXPECT_EQ(with_anchor([](TpmAnchor& a) { a.attest.back() ^= 1; }), check::kQuoteSignature);
  EXPECT_EQ(with_anchor([](TpmAnchor& a) { a.attest.push_back(0); }), check::kQuoteSignature);
  EXPECT_EQ(with_anchor([](TpmAnchor& a) { a.ak_public.pop_back(); }), check::kEvidenceMalformed);
}

TEST_F(QuoteForgery, SignatureByAnotherKeyIsRefused) {
  TestAk other = make_ak();
  EXPECT_EQ(with_anchor([&](TpmAnchor& a) { a.signature = sign_tpm(a.attest, other.key.get()); }), check::kQuoteSignature);
}

// Its owner could sign any bytes that look like a quote with such a key.
TEST_F(QuoteForgery, UnrestrictedKeyIsRefused) {
  pin(make_ak(kAkAttributes & ~tpm::kRestricted));
  EXPECT_EQ(name_of(world.judge()), check::kAkAttributes);
}

TEST_F(QuoteForgery, KeyThatCanLeaveItsTpmIsRefused) {
  for (std::uint32_t attribute : {tpm::kFixedTpm, tpm::kFixedParent, tpm::kSensitiveDataOrigin, tpm::kSign}) {
    pin(make_ak(kAkAttributes & ~attribute));
    EXPECT_EQ(name_of(world.judge()), check::kAkAttributes) << attribute;
  }
  pin(make_ak(kAkAttributes | tpm::kDecrypt));
  EXPECT_EQ(name_of(world.judge()), check::kAkAttributes);
}

TEST_F(QuoteForgery, UnpinnedKeyIsRefused) {
  world.machine.ak = make_ak();
  EXPECT_EQ(name_of(world.judge()), check::kAkUntrusted);
}

// Public area of the pinned key, signature of another: the name is recomputed, so the two cannot be mixed.
TEST_F(QuoteForgery, NameOfAnotherKeyIsRefused) {
  TestAk other = make_ak();
  EXPECT_EQ(with_anchor([&](TpmAnchor& a) {
              a.ak_public = other.public_area;
              a.signature = sign_tpm(a.attest, other.key.get());
            }),
            check::kEvidenceInconsistent);
}

TEST_F(QuoteForgery, CertifiedKeyPasses) { EXPECT_EQ(certified(world.issuer, ak_spec()), ""); }

// The same root also certifies TLS keys: their certificates lack the AK's purpose.
TEST_F(QuoteForgery, TlsCertificateOfTheAkRootIsRefused) {
  CertSpec tls = ak_spec();
  tls.extensions.back() = {"extendedKeyUsage", "serverAuth"};
  EXPECT_EQ(certified(world.issuer, tls), check::kAkUntrusted);
  tls.extensions.pop_back();
  EXPECT_EQ(certified(world.issuer, tls), check::kAkUntrusted);
  tls.extensions.push_back({"extendedKeyUsage", "2.23.133.8.3,serverAuth"});
  EXPECT_EQ(certified(world.issuer, tls), check::kAkUntrusted);
}

TEST_F(QuoteForgery, CertificateFromAnotherRootIsRefused) {
  EXPECT_EQ(certified(world.signer_root, ak_spec()), check::kAkUntrusted);  // the metadata signers' root
  EXPECT_EQ(certified(make_root("AK issuer"), ak_spec()), check::kAkUntrusted);
}

TEST_F(QuoteForgery, CertificateForAnotherKeyIsRefused) {
  world.rule().ak_names.clear();
  world.x509_ok = true;
  world.machine.ak_chain = {certify_ak(world.issuer, make_ak(), ak_spec()).der()};
  EXPECT_EQ(name_of(world.judge()), check::kAkUntrusted);
  world.machine.ak_chain.clear();
  EXPECT_EQ(name_of(world.judge()), check::kAkUntrusted);
}

TEST_F(QuoteForgery, ExpiredOrRevokedCertificateIsRefused) {
  CertSpec old = ak_spec();
  old.not_after = kTestNow - 1;
  EXPECT_EQ(certified(world.issuer, old), check::kAkUntrusted);
  TestCert ak = certify_ak(world.issuer, world.machine.ak, ak_spec());
  world.machine.ak_chain = {ak.der()};
  Bytes crl = make_crl(world.issuer, {&ak});
  world.policy.ak_trust = std::make_shared<KnownChains>(must(TrustStore::make({world.issuer.der()}, {crl})));
  EXPECT_EQ(name_of(world.judge()), check::kAkUntrusted);
}

// A valid certificate does not stand in for a pin.
TEST_F(QuoteForgery, CertificateDoesNotReplaceAPin) {
  world.machine.ak = make_ak();
  world.machine.ak_chain = {certify_ak(world.issuer, world.machine.ak, ak_spec()).der()};
  EXPECT_EQ(name_of(world.judge()), check::kAkUntrusted);
}

TEST_F(QuoteForgery, DeniedKeyIsRefusedThoughPinned) {
  world.policy.denied_aks = world.rule().ak_names;
  EXPECT_EQ(name_of(world.judge()), check::kAkDenied);
}

TEST_F(QuoteForgery, OtherPcrsThanTheContextSaysAreRefused) {
  EXPECT_EQ(with_quote([](QuoteSpec& q) { q.selections[0].pcrs = {0, 1, 2, 3, 4, 5, 6, 7, 11}; }), check::kQuoteSelection);
  EXPECT_EQ(with_quote([](QuoteSpec& q) { q.selections[0].pcrs.push_back(16); }), check::kQuoteSelection);
  EXPECT_EQ(with_quote([](QuoteSpec& q) { q.selections[0].pcrs.pop_back(); }), check::kQuoteSelection);
  EXPECT_EQ(with_quote([](QuoteSpec& q) { q.selections.clear(); }), check::kQuoteSelection);
}

TEST_F(QuoteForgery, OtherBankIsRefused) {
  EXPECT_EQ(with_quote([](QuoteSpec& q) { q.selections[0].bank = HashAlg::sha384; }), check::kQuoteSelection);
  EXPECT_EQ(with_quote([](QuoteSpec& q) { q.selections.push_back({HashAlg::sha1, {10}}); }), check::kQuoteSelection);
}

TEST_F(QuoteForgery, BankOutsideThePolicyIsRefused) {
  world.policy.banks = {HashAlg::sha384};
  EXPECT_EQ(name_of(world.judge()), check::kQuoteSelection);
}

// A machine that leaves out the PCR where the change shows.
TEST_F(QuoteForgery, RequiredPcrLeftOutIsRefused) {
  world.machine.selection.pcrs = {0, 1, 2, 3, 5, 6, 7, 10};
  std::erase_if(world.machine.log, [](const Measured& m) { return m.pcr == 4; });
  EXPECT_EQ(name_of(world.judge()), check::kQuoteSelection);
}

TEST_F(QuoteForgery, ValuesThatTheTpmDidNotDigestAreRefused) {
  EXPECT_EQ(with_anchor([](TpmAnchor& a) { a.pcr_values[4].data()[0] ^= 1; }), check::kPcrReplay);
  EXPECT_EQ(with_anchor([](TpmAnchor& a) { a.pcr_values.pop_back(); }), check::kEvidenceInconsistent);
  EXPECT_EQ(with_anchor([](TpmAnchor& a) { a.pcr_values[0] = Digest::filled(HashAlg::sha1, 1); }), check::kEvidenceInconsistent);
  world.machine.tamper_anchor = nullptr;
  EXPECT_EQ(with_quote([](QuoteSpec& q) { q.pcr_digest[0] ^= 1; }), check::kPcrReplay);
  EXPECT_EQ(with_quote([](QuoteSpec& q) { q.pcr_digest.clear(); }), check::kPcrReplay);
}

}  // namespace
}  // namespace attest
