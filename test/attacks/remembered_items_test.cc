// What a verifier remembers of a fleet's signed items and keys must not let anything pass that it would refuse if it met it
// for the first time: revoked, expired, of other roots, bent.
#include <gtest/gtest.h>

#include "evidence/cmc/certificate_forms.h"
#include "evidence/core/hex.h"
#include "evidence/tpm/pcr_selection.h"
#include "test/support/cmc_fleet.h"
#include "test/support/recording.h"
#include "test/support/test_ak.h"

namespace attest::cmc {
namespace {

using namespace attest::test;

const Bytes kNonce(32, 7);

// Machine quotes one register with one event.
struct Machine : Fleet {
  Machine() {
    manifest.sbom->components = {cmc_reference("TPM", 4, kEvent, HashAlg::sha256)};
    certify(kTestNow + 365 * kDay);
    attest = [this](View nonce) { return evidence(nonce); };
  }
  void certify(UnixTime until) {
    CertSpec spec = ak_spec();
    spec.not_after = until;
    collateral = {{std::string(kTpmEvidence), {certify_ak(ak_root, ak, spec).der(), ak_root.der()}, {},
                   {{std::string(kPcrEventlog), 4, {cmc_event(kEvent, HashAlg::sha256)}}}}};
  }
  void sign_until(UnixTime until) {
    CertSpec spec;
    spec.common_name = "signer";
    spec.extensions = {{"extendedKeyUsage", "codeSigning"}, {"keyUsage", "digitalSignature"}, {"authorityKeyIdentifier", "keyid"}};
    spec.not_after = until;
    signer = issue(&signer_root, spec);
  }
  std::vector<EvidenceItem> evidence(View nonce) const {
    QuoteSpec quote;
    quote.extra_data = to_bytes(nonce);
    quote.selections = {{HashAlg::sha256, {4}}};
    Digest value = sha256({View(Bytes(32)), View(kEvent)});
    quote.pcr_digest = to_bytes(pcr_digest(HashAlg::sha256, {value}).view());
    Bytes statement = write_attest(quote);
    return {{std::string(kTpmEvidence), statement, {}, sign_tpm(statement, ak.key.get())}};
  }
  TrustStore signers(const std::vector<Bytes>& crls = {}) const { return must(TrustStore::make({signer_root.der()}, crls)); }
  TrustStore keys(const std::vector<Bytes>& crls = {}) const { return must(TrustStore::make({ak_root.der()}, crls)); }
  const Bytes kEvent = Bytes(32, 5);
  TestAk ak = make_ak();
};

// Verifier judges by its memory, and by the same roots without one.
struct Verifier {
  explicit Verifier(const Machine& machine) : Verifier(machine.signers(), machine.keys()) {}
  Verifier(TrustStore signers, TrustStore keys) : memory(std::move(signers), std::move(keys)) {}
  Judged judge(const Bytes& report, UnixTime when, bool remember, bool omsp = false) {
    Question q;
    q.report = report;
    q.nonce = kNonce;
    q.now = when;
    q.signers = &memory.signers();
    q.attestation_keys = &memory.attestation_keys();
    q.check_omsp = omsp;
    if (remember) q.memory = &memory;
    return cmc::judge(q);
  }
  // trusts says what both say; they have to agree in every byte of the result.
  bool trusts(const Bytes& report, UnixTime when, bool omsp = false) {
    Judged first = judge(report, when, false, omsp), again = judge(report, when, true, omsp);
    EXPECT_EQ(first.trusted, again.trusted) << when - kTestNow;
    for (Encoding encoding : {Encoding::json, Encoding::cbor}) {
      Bytes due = encode_result(first.result, encoding);
      EXPECT_EQ(due, encode_result(again.result, encoding)) << when - kTestNow;
      for (int round = 0; round < 2; round++) EXPECT_EQ(due, encode_result(again.result, encoding, &forms)) << round;
    }
    return again.trusted;
  }
  Memory memory;
  CertificateForms forms;
};

TEST(RememberedItems, TheSameResultAgainAndFromMemory) {
  for (Encoding encoding : {Encoding::json, Encoding::cbor}) {
    Machine machine;
    machine.encoding = encoding;
    Verifier verifier(machine);
    Bytes report = machine.report(kNonce), item = machine.items()[0];
    for (int round = 0; round < 3; round++) EXPECT_TRUE(verifier.trusts(report, kTestNow + round));
    auto decoded = must(decode_report(report));
    for (const auto& [digest, bytes] : decoded.context.metadata)
      EXPECT_TRUE(verifier.memory.item(sha256(View(bytes)), kTestNow + 5)) << "this test has to judge from memory";
    EXPECT_FALSE(verifier.memory.item(sha256(View(item)), kTestNow));
  }
}

TEST(RememberedItems, SignerExpires) {
  Machine machine;
  machine.sign_until(kTestNow + 100);
  Verifier verifier(machine);
  Bytes report = machine.report(kNonce);
  for (UnixTime at : {0, 1, 98, 99}) EXPECT_TRUE(verifier.trusts(report, kTestNow + at)) << at;
  for (UnixTime at : {100, 101, 5000, 99, 101}) EXPECT_EQ(verifier.trusts(report, kTestNow + at), at == 99) << at;
}

TEST(RememberedItems, KeyOfTheQuoteExpires) {
  Machine machine;
  machine.certify(kTestNow + 100);
  Verifier verifier(machine);
  Bytes report = machine.report(kNonce);
  for (UnixTime at : {0, 99}) EXPECT_TRUE(verifier.trusts(report, kTestNow + at)) << at;
  for (UnixTime at : {100, 101, 5000}) EXPECT_FALSE(verifier.trusts(report, kTestNow + at)) << at;
}

TEST(RememberedItems, ManifestExpires) {
  Machine machine;
  machine.manifest.validity->not_after = format_rfc3339(kTestNow + 100);
  Verifier verifier(machine);
  Bytes report = machine.report(kNonce);
  for (UnixTime at : {0, 100}) EXPECT_TRUE(verifier.trusts(report, kTestNow + at)) << at;
  for (UnixTime at : {101, 5000}) EXPECT_FALSE(verifier.trusts(report, kTestNow + at)) << at;
}

TEST(RememberedItems, ClockSetBackBeforeTheCertificates) {
  Machine machine;
  machine.manifest.validity->not_before = machine.image.validity->not_before = format_rfc3339(kTestNow - 30 * kDay);
  Verifier verifier(machine);
  Bytes report = machine.report(kNonce);
  EXPECT_TRUE(verifier.trusts(report, kTestNow));
  EXPECT_FALSE(verifier.trusts(report, kTestNow - 2 * kDay));
  EXPECT_TRUE(verifier.trusts(report, kTestNow + 1));
}

TEST(RememberedItems, RevocationListRunsOut) {
  Machine machine;
  std::vector<Bytes> of_signers = {make_crl(machine.signer_root, {}, kTestNow - kDay, kTestNow + 50)};
  std::vector<Bytes> of_keys = {make_crl(machine.ak_root, {}, kTestNow - kDay, kTestNow + 50)};
  Bytes report = machine.report(kNonce);
  Verifier one(machine.signers(of_signers), machine.keys()), other(machine.signers(), machine.keys(of_keys));
  for (Verifier* verifier : {&one, &other})
    for (UnixTime at : {0, 49, 50, 51}) EXPECT_EQ(verifier->trusts(report, kTestNow + at), at < 50) << at;
}

// New revocation lists come with a new memory; whoever asks the old one with the new lists is not answered from it.
TEST(RememberedItems, SignerOrKeyIsRevokedMeanwhile) {
  Machine machine;
  Bytes report = machine.report(kNonce);
  Verifier before(machine);
  EXPECT_TRUE(before.trusts(report, kTestNow));
  TrustStore signers = machine.signers({make_crl(machine.signer_root, {&machine.signer})});
  Question q;
  q.report = report;
  q.nonce = kNonce;
  q.now = kTestNow;
  q.memory = &before.memory;
  q.signers = &signers;
  q.attestation_keys = &before.memory.attestation_keys();
  EXPECT_FALSE(cmc::judge(q).trusted);
  Verifier after(std::move(signers), machine.keys());
  EXPECT_FALSE(after.trusts(report, kTestNow));
  TestCert certificate;
  certificate.certificate = must(parse_certificate(machine.collateral[0].certs[0]));
  Verifier without_key(machine.signers(), machine.keys({make_crl(machine.ak_root, {&certificate})}));
  EXPECT_FALSE(without_key.trusts(report, kTestNow));
}

TEST(RememberedItems, OtherRoots) {
  Machine machine, stranger;
  Bytes report = machine.report(kNonce);
  Verifier verifier(machine);
  EXPECT_TRUE(verifier.trusts(report, kTestNow));
  TrustStore other = stranger.signers(), keys = stranger.keys();
  for (int which : {0, 1, 2}) {
    Question q;
    q.report = report;
    q.nonce = kNonce;
    q.now = kTestNow;
    q.memory = &verifier.memory;
    q.signers = which == 1 ? &verifier.memory.signers() : &other;
    q.attestation_keys = which == 0 ? &verifier.memory.attestation_keys() : &keys;
    EXPECT_FALSE(cmc::judge(q).trusted) << which;
  }
  EXPECT_TRUE(verifier.trusts(report, kTestNow));
}

// Signatures over what is fresh are looked at each time, whoever made them before.
TEST(RememberedItems, KnownKeyAndForgedQuote) {
  Machine machine;
  Verifier verifier(machine);
  EXPECT_TRUE(verifier.trusts(machine.report(kNonce), kTestNow));
  TestAk other = make_ak();
  machine.ak.key = other.key;  // its certificate stays
  EXPECT_FALSE(verifier.trusts(machine.report(kNonce), kTestNow));
}

TEST(RememberedItems, BentItemsAndBentChains) {
  Machine machine;
  machine.encoding = Encoding::cbor;
  Verifier verifier(machine);
  Bytes report = machine.report(kNonce);
  EXPECT_TRUE(verifier.trusts(report, kTestNow));
  machine.signer.key = make_key("P-256");  // signs what its certificate does not vouch for
  Bytes forged = machine.report(kNonce);
  for (int round = 0; round < 2; round++) EXPECT_FALSE(verifier.trusts(forged, kTestNow));
  for (const auto& [digest, bytes] : must(decode_report(forged)).context.metadata)
    EXPECT_FALSE(verifier.memory.item(sha256(View(bytes)), kTestNow)) << "a failure is not remembered";
  auto chain = machine.collateral[0].certs;
  EXPECT_TRUE(verifier.memory.key(chain, kTestNow));
  chain[0].back() ^= 1;
  EXPECT_FALSE(verifier.memory.key(chain, kTestNow));
  EXPECT_FALSE(verifier.memory.key({}, kTestNow));
  EXPECT_FALSE(verifier.memory.key({chain[1], chain[0]}, kTestNow));
}

// A manifest that was good is revoked by an answer that comes later.
TEST(RememberedItems, ManifestIsRevokedByALaterAnswer) {
  Machine machine;
  machine.manifest.omsp_server = "https://omsp.example";
  Verifier verifier(machine);
  Bytes report = machine.report(kNonce);
  EXPECT_TRUE(verifier.trusts(report, kTestNow));
  EXPECT_FALSE(verifier.trusts(report, kTestNow, true)) << "no answer about it";
}

TEST(RememberedItems, MemoryStaysBounded) {
  Machine machine;
  Verifier verifier(machine);
  auto item = std::make_shared<KnownItem>();
  SignatureOutcome good;
  good.root = sha256(as_view("root"));
  good.not_after = kTestNow + kDay;
  item->signatures = {good};
  auto key = [](std::size_t i) { return sha256(as_view(std::to_string(i))); };
  for (std::size_t i = 0; i < Memory::kMaxItems + 5; i++) verifier.memory.keep(key(i), 100, item, kTestNow);
  EXPECT_FALSE(verifier.memory.item(key(4), kTestNow));
  EXPECT_TRUE(verifier.memory.item(key(5), kTestNow));
  verifier.memory.keep(key(1), Memory::kMaxItemBytes, item, kTestNow);
  EXPECT_TRUE(verifier.memory.item(key(1), kTestNow));
  EXPECT_FALSE(verifier.memory.item(key(5), kTestNow)) << "it made room";
  verifier.memory.keep(key(2), Memory::kMaxItemBytes + 1, item, kTestNow);
  EXPECT_FALSE(verifier.memory.item(key(2), kTestNow));
  verifier.memory.keep(key(3), 1, std::make_shared<KnownItem>(), kTestNow);
  EXPECT_FALSE(verifier.memory.item(key(3), kTestNow)) << "nobody signed it";
  SignatureOutcome bad = good;
  bad.chain_error = Error{Errc::untrusted, "no"};
  auto half = std::make_shared<KnownItem>();
  half->signatures = {good, bad};
  verifier.memory.keep(key(3), 1, half, kTestNow);
  EXPECT_FALSE(verifier.memory.item(key(3), kTestNow));
}

}  // namespace
}  // namespace attest::cmc
