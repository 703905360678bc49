// TLS keys that are said to live in the TPM that quotes, and do not.
#include <gtest/gtest.h>

#include "evidence/tpm/certified_key.h"
#include "test/support/evidence_maker.h"
#include "test/support/recording.h"
#include "test/support/soft_tpm_key.h"
#include "verifier/checks.h"

namespace attest {
namespace {

using namespace attest::test;

constexpr std::uint32_t kTlsAttributes =
    tpm::kFixedTpm | tpm::kFixedParent | tpm::kSensitiveDataOrigin | tpm::kUserWithAuth | tpm::kNoDa | tpm::kSign;

SoftTpmKey::Options tls_options() {
  SoftTpmKey::Options options;
  options.scheme = tpm::kAlgNull;
  options.attributes = kTlsAttributes;
  return options;
}
SoftTpmKey::Options rsa_options() {
  SoftTpmKey::Options options = tls_options();
  options.algorithm = "RSA";
  return options;
}
SoftTpmKey::Options with_attributes(std::uint32_t attributes) {
  SoftTpmKey::Options options = tls_options();
  options.attributes = attributes;
  return options;
}

class TlsKey : public testing::Test {
 protected:
  TlsKey() { world.rule().certified_key = true; }
  // serve puts a key behind the certificate of the handshake.
  void serve(const SoftTpmKey& key) {
    EVP_PKEY_up_ref(key.key());
    CertSpec spec;
    spec.common_name = "a.example";
    world.inputs.leaf_der = issue_for(nullptr, spec, OwnedPkey(key.key())).der();
  }
  Digest spki() const { return must(spki_sha256(world.inputs.leaf_der)); }
  // certify is what an honest TPM would say of a public area.
  CertifiedKey certify(Bytes area, const Digest& of) const {
    Bytes name = must(parse_public(area)).name();
    CertifiedKey out{std::move(area), write_certify(tls_key_qualifying(of), name), {}};
    out.signature = sign_tpm(out.attest, world.machine.ak.key.get());
    return out;
  }
  std::string judge(std::optional<CertifiedKey> key) const {
    Evidence evidence = attest_machine(world.machine, world.binder());
    evidence.tls_key = std::move(key);
    return name_of(world.judge(evidence));
  }
  // honest: this key serves and its TPM says so.
  std::string honest(const SoftTpmKey::Options& options) {
    SoftTpmKey key(options);
    serve(key);
    return judge(certify(key.public_area(), spki()));
  }
  // with_statement: all is well but the statement, which the attestation key signed.
  std::string with_statement(const std::function<Bytes(const Bytes& name)>& make) {
    SoftTpmKey key(tls_options());
    serve(key);
    CertifiedKey certified{key.public_area(), make(must(parse_public(key.public_area())).name()), {}};
    certified.signature = sign_tpm(certified.attest, world.machine.ak.key.get());
    return judge(certified);
  }
  World world;
};

TEST_F(TlsKey, KeysOfTheTpmThatQuotesPass) {
  EXPECT_EQ(honest(tls_options()), "");
  EXPECT_EQ(honest(rsa_options()), "");
  SoftTpmKey::Options exponent = rsa_options();
  exponent.exponent = 65537;  // 0 means the same
  EXPECT_EQ(honest(exponent), "");
  SoftTpmKey::Options p384 = tls_options();
  p384.algorithm = "P-384";
  p384.name_alg = HashAlg::sha384;
  EXPECT_EQ(honest(p384), "");
}

TEST_F(TlsKey, KeysFromFilesPassWhereTheRuleDoesNotMind) {
  EXPECT_EQ(judge({}), check::kKeyUncertified);
  world.rule().certified_key = false;
  EXPECT_EQ(judge({}), "");
  EXPECT_EQ(honest(tls_options()), "");
}

TEST_F(TlsKey, AKeyThatCouldLeaveOrDoMoreIsRefused) {
  for (std::uint32_t lost : {tpm::kFixedTpm, tpm::kFixedParent, tpm::kSensitiveDataOrigin, tpm::kSign})
    EXPECT_EQ(honest(with_attributes(kTlsAttributes & ~lost)), check::kKeyAttributes) << lost;
  for (std::uint32_t more : {tpm::kRestricted, tpm::kDecrypt})
    EXPECT_EQ(honest(with_attributes(kTlsAttributes | more)), check::kKeyAttributes) << more;
}

// What is said of a key counts also where the rule would not have asked.
TEST_F(TlsKey, ABadCertificationIsRefusedThoughNoneIsDemanded) {
  world.rule().certified_key = false;
  EXPECT_EQ(honest(with_attributes(kTlsAttributes | tpm::kDecrypt)), check::kKeyAttributes);
}

// SHA-1 names can be made to collide: two keys, one name.
TEST_F(TlsKey, ANameOfSha1IsRefused) {
  SoftTpmKey::Options options = tls_options();
  options.name_alg = HashAlg::sha1;
  EXPECT_EQ(honest(options), check::kKeyAttributes);
}

TEST_F(TlsKey, AnAuthPolicyIsRefusedUnlessListed) {
  SoftTpmKey key(tls_options());
  serve(key);
  Bytes area = key.public_area();
  Bytes policy(32, 0x5a);
  area[9] = 32;  // length of authPolicy, after type, nameAlg and attributes
  area.insert(area.begin() + 10, policy.begin(), policy.end());
  EXPECT_EQ(judge(certify(area, spki())), check::kKeyAttributes);
  world.policy.tls_key_policies = {Bytes(32, 0x5b)};
  EXPECT_EQ(judge(certify(area, spki())), check::kKeyAttributes);
  world.policy.tls_key_policies.push_back(policy);
  EXPECT_EQ(judge(certify(area, spki())), "");
}

// The exponent is part of the key: one the TPM was never asked about makes another key.
TEST_F(TlsKey, AnotherExponentIsRefused) {
  SoftTpmKey::Options options = rsa_options();
  options.exponent = 65539;
  EXPECT_EQ(honest(options), check::kKeyOther);
  options.exponent = 3;
  SoftTpmKey weak(options);
  serve(weak);
  CertifiedKey certified{weak.public_area(), write_certify(tls_key_qualifying(spki()), Bytes(34, 1)), {}};
  certified.signature = sign_tpm(certified.attest, world.machine.ak.key.get());
  EXPECT_EQ(judge(certified), check::kKeyAttributes);
}

TEST_F(TlsKey, ACertificationOfAnotherKeyIsRefused) {
  SoftTpmKey in_tpm(tls_options()), in_file(tls_options());
  serve(in_tpm);
  Digest certified = spki();
  serve(in_file);
  EXPECT_EQ(judge(certify(in_tpm.public_area(), certified)), check::kKeyOther);
  EXPECT_EQ(judge(certify(in_tpm.public_area(), spki())), check::kKeyOther);
  // The key of the handshake under a statement about the other one.
  CertifiedKey mixed = certify(in_tpm.public_area(), certified);
  mixed.public_area = in_file.public_area();
  EXPECT_EQ(judge(mixed), check::kKeyCertification);
}

// The file's key dressed up as one of a TPM: the statement is about its true area, or about none.
TEST_F(TlsKey, AWrongNameIsRefused) {
  EXPECT_EQ(with_statement([&](const Bytes& name) {
              Bytes wrong = name;
              wrong.back() ^= 1;
              return write_certify(tls_key_qualifying(spki()), wrong);
            }),
            check::kKeyCertification);
  SoftTpmKey loose(with_attributes(kTlsAttributes & ~tpm::kFixedTpm));
  serve(loose);
  CertifiedKey certified = certify(loose.public_area(), spki());
  certified.public_area[7] |= tpm::kFixedTpm;  // attributes are in the name, so this shows
  EXPECT_EQ(judge(certified), check::kKeyCertification);
}

TEST_F(TlsKey, AStatementForAnotherPurposeIsRefused) {
  EXPECT_EQ(with_statement([&](const Bytes& name) { return write_certify(spki().view(), name); }),
            check::kKeyCertification);
  EXPECT_EQ(with_statement([&](const Bytes& name) {
              Bytes other = tls_key_qualifying(spki());
              other[0] ^= 1;
              return write_certify(other, name);
            }),
            check::kKeyCertification);
  EXPECT_EQ(with_statement([&](const Bytes&) {
              QuoteSpec quote;
              quote.extra_data = tls_key_qualifying(spki());
              quote.selections = {world.machine.selection};
              quote.pcr_digest = Bytes(32, 1);
              return write_attest(quote);
            }),
            check::kKeyCertification);
}

TEST_F(TlsKey, AForeignAttestationKeyIsRefused) {
  SoftTpmKey key(tls_options());
  serve(key);
  CertifiedKey certified = certify(key.public_area(), spki());
  TestAk foreign = make_ak();
  certified.signature = sign_tpm(certified.attest, foreign.key.get());
  EXPECT_EQ(judge(certified), check::kKeyCertification);
  // Certified by a genuine key of the fleet, too: it is not the one that quotes.
  world.rule().ak_names.clear();
  world.x509_ok = true;
  world.machine.ak_chain = {certify_ak(world.issuer, world.machine.ak, ak_spec()).der()};
  EXPECT_EQ(judge(certified), check::kKeyCertification);
  // The TLS key certifies itself.
  CertifiedKey itself = certify(key.public_area(), spki());
  itself.signature = sign_tpm(itself.attest, key.key());
  EXPECT_EQ(judge(itself), check::kKeyCertification);
}

TEST_F(TlsKey, TamperedTruncatedAndTrailingAreRefused) {
  SoftTpmKey key(tls_options());
  serve(key);
  CertifiedKey good = certify(key.public_area(), spki());
  ASSERT_EQ(judge(good), "");
  auto bent = [&](const std::function<void(CertifiedKey&)>& bend) {
    CertifiedKey copy = good;
    bend(copy);
    return judge(copy);
  };
  EXPECT_EQ(bent([](CertifiedKey& k) { k.signature.back() ^= 1; }), check::kKeyCertification);
  EXPECT_EQ(bent([](CertifiedKey& k) { k.signature.push_back(0); }), check::kKeyCertification);
  EXPECT_EQ(bent([](CertifiedKey& k) { k.signature = null_signature(); }), check::kKeyCertification);
  EXPECT_EQ(bent([](CertifiedKey& k) { k.attest[0] ^= 1; }), check::kKeyCertification);
  EXPECT_EQ(bent([](CertifiedKey& k) { k.attest.push_back(0); }), check::kKeyCertification);
  EXPECT_EQ(bent([](CertifiedKey& k) { k.attest.clear(); }), check::kKeyCertification);
  EXPECT_EQ(bent([](CertifiedKey& k) { k.public_area.pop_back(); }), check::kEvidenceMalformed);
  EXPECT_EQ(bent([](CertifiedKey& k) { k.public_area.clear(); }), check::kEvidenceMalformed);
}

TEST_F(TlsKey, ItNeedsTheTpmItLivesIn) {
  Evidence evidence;
  ReportContext context = context_of(world.machine);
  TestCert key = make_root("software driver");
  context.anchors = {sw_identity_of(key.key.get())};
  context.pcrs.reset();
  evidence.context = must(encode_context(context));
  MerkleTree batch = must(MerkleTree::make({evidence_hash(world.binder(), evidence.context)}));
  evidence.path = batch.path(0);
  evidence.anchors = {sw_anchor(key.key.get(), batch_qualifying_data(batch.root()))};
  SoftTpmKey tls(tls_options());
  evidence.tls_key = certify(tls.public_area(), spki());
  EXPECT_EQ(name_of(world.judge(evidence)), check::kEvidenceInconsistent);
}

}  // namespace
}  // namespace attest
