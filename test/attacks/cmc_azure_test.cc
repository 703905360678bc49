// Azure confidential VMs and Arm PSA tokens in the reports of a CMC fleet.
#include <gtest/gtest.h>

#include "evidence/cbor/cbor.h"
#include "evidence/core/hex.h"
#include "evidence/metadata/jws_alg.h"
#include "evidence/tpm/pcr_selection.h"
#include "test/support/azure_maker.h"
#include "test/support/cmc_fleet.h"
#include "test/support/snp_samples.h"
#include "test/support/test_ak.h"

namespace attest {
namespace {
using namespace attest::test;
using cmc::Encoding;


Bytes self_signed(const RsaAk& ak) {
  EVP_PKEY_up_ref(ak.key.get());
  CertSpec spec;
  spec.common_name = "vTPM key";
  return issue_for(nullptr, spec, OwnedPkey(ak.key.get())).der();
}

// AzureVm quotes one register with one event; hardware vouches for claims that name the key and the nonce.
struct AzureVm : Fleet {
  AzureVm() {
    Bytes ark = snp_certificate("ark-turin.pem");
    accept_turin(manifest);
    manifest.sbom->components = {cmc_reference("SNP", 0, Bytes(48, 'm')), cmc_reference("TPM", 4, kEvent, HashAlg::sha256)};
    collateral = {{std::string(cmc::kAzureSnpEvidence), {snp_certificate("vcek-turin.pem"), snp_certificate("ask-turin.pem"), ark}, {}, {}},
                  {std::string(cmc::kAzureVtpmEvidence), {self_signed(key())}, {},
                   {{std::string(cmc::kPcrEventlog), 4, {cmc_event(kEvent, HashAlg::sha256)}}}}};
    attest = [this](View nonce) { return evidence(nonce); };
  }
  static const RsaAk& key() {
    static const RsaAk made = make_rsa_ak();
    return made;
  }
  std::vector<cmc::EvidenceItem> evidence(View nonce) {
    Bytes report = hcl_report(hcl_claims(claimed.modulus, user_data.value_or(to_bytes(nonce))), vmpl);
    auto at = report.begin() + 32;
    cmc::EvidenceItem hardware{std::string(cmc::kAzureSnpEvidence), Bytes(at, at + 1184), Bytes(at + 1184, report.end()), {}};
    QuoteSpec quote;
    quote.extra_data = to_bytes(nonce);
    quote.selections = {{HashAlg::sha256, {4}}};
    Digest value = sha256({View(Bytes(32)), View(kEvent)});
    quote.pcr_digest = to_bytes(pcr_digest(HashAlg::sha256, {value}).view());
    Bytes statement = write_attest(quote);
    cmc::EvidenceItem vtpm{std::string(cmc::kAzureVtpmEvidence), statement, {}, key().sign(statement)};
    std::vector<cmc::EvidenceItem> out = {hardware, vtpm};
    if (bend) bend(out);
    return out;
  }
  const Bytes kEvent = Bytes(32, 5);
  RsaAk claimed = key();
  std::optional<Bytes> user_data;
  unsigned vmpl = 0;
  std::function<void(std::vector<cmc::EvidenceItem>&)> bend;
};

TEST(CmcAzure, AnHonestMachineIsTrustedInBothSerialisations) {
  for (Encoding encoding : {Encoding::json, Encoding::cbor}) {
    AzureVm vm;
    vm.encoding = encoding;
    EXPECT_EQ(vm.failure(), "");
    auto measurements = vm.judge().result.measurements;
    ASSERT_EQ(measurements.size(), 2U);
    EXPECT_EQ(measurements[0].type, "SNP Result");
    EXPECT_EQ(measurements[1].type, "TPM Result");
  }
}

TEST(CmcAzure, EveryLinkOfTheChainIsDue) {
  AzureVm other_key;
  other_key.claimed = make_rsa_ak();
  EXPECT_TRUE(other_key.has_code(cmc::kVerifyCertChain)) << "claims for another key";
  AzureVm old;
  old.user_data = Bytes(64, 1);
  EXPECT_TRUE(old.has_code(cmc::kFreshnessFailed));
  AzureVm guest;
  guest.vmpl = 2;
  EXPECT_NE(guest.failure(), "") << "a report the guest asked for itself";
  AzureVm two;
  two.collateral[1].certs.push_back(two.ak_root.der());
  EXPECT_TRUE(two.has_code(cmc::kVerifyCertChain));
  for (auto bend : std::vector<std::function<void(std::vector<cmc::EvidenceItem>&)>>{
           [](auto& items) { items.pop_back(); }, [](auto& items) { items.erase(items.begin()); },
           [](auto& items) { items[0].add_data.back() ^= 1; }, [](auto& items) { items[0].add_data.resize(10); },
           [](auto& items) { items[0].add_data[16] ^= 0x40; }, [](auto& items) { items[0].evidence[0x90] ^= 1; },
           [](auto& items) { items[1].evidence[40] ^= 1; }, [](auto& items) { items[0].type = "azure TDX Evidence"; },
           [](auto& items) { items.push_back({"SW Evidence", {}, {}, {}}); }}) {
    AzureVm bent;
    bent.bend = bend;
    EXPECT_NE(bent.failure(), "");
  }
}

// ArmMachine sends a PSA token with one component.
struct ArmMachine : Fleet {
  ArmMachine() {
    manifest.ca_fingerprints = {fingerprint(root.der())};
    manifest.sbom->components = {cmc_reference("IAS", 0, Bytes(32, 3), HashAlg::sha256)};
    collateral = {{std::string(cmc::kIasEvidence), {device.der(), root.der()}, {}, {}}};
    attest = [this](View nonce) { return std::vector<cmc::EvidenceItem>{{std::string(cmc::kIasEvidence), token(nonce), {}, {}}}; };
  }
  Bytes claims(View nonce) const {
    cbor::Writer out;
    out.map(2);
    out.raw(Bytes{0x3a, 0x00, 0x01, 0x24, 0xfd});  // -75006
    out.array(measured.size());
    for (std::uint8_t fill : measured) {
      out.map(2);
      out.uint(1), out.text("BL");
      out.uint(2), out.bytes(Bytes(32, fill));
    }
    out.raw(Bytes{0x3a, 0x00, 0x01, 0x24, 0xff});  // -75008
    out.bytes(nonce);
    return std::move(out).finish();
  }
  Bytes token(View nonce) const {
    Bytes payload = claims(nonce), header = {0xa1, 0x01, 0x26};
    cbor::Writer content;
    content.array(4);
    content.text("Signature1");
    content.bytes(header);
    content.bytes({});
    content.bytes(payload);
    Bytes signature = *make_signature(*find_jws_alg("ES256"), device.key.get(), {std::move(content).finish()});
    cbor::Writer out;
    out.raw(Bytes{0xd2});
    out.array(4);
    out.bytes(header);
    out.map(0);
    out.bytes(payload);
    out.bytes(signature);
    Bytes bytes = std::move(out).finish();
    if (bend) bend(bytes);
    return bytes;
  }
  TestCert root = make_root("Arm root"), device = issue(&root, {});
  std::vector<std::uint8_t> measured = {3};
  std::function<void(Bytes&)> bend;
};

TEST(CmcIas, TokensAreJudgedByNonceKeyAndSoftware) {
  for (Encoding encoding : {Encoding::json, Encoding::cbor}) {
    ArmMachine honest;
    honest.encoding = encoding;
    EXPECT_EQ(honest.failure(), "");
    EXPECT_EQ(honest.judge().result.measurements.at(0).type, "IAT Result");
  }
  ArmMachine bent;
  for (std::size_t back : {std::size_t{1}, std::size_t{70}, std::size_t{80}}) {
    bent.bend = [back](Bytes& token) { token[token.size() - back] ^= 1; };
    EXPECT_NE(bent.failure(), "") << back;
  }
  bent.bend = [](Bytes& token) { token.push_back(0); };
  EXPECT_TRUE(bent.has_code(cmc::kParseEvidence));
  bent.bend = [](Bytes& token) { token.resize(token.size() - 1); };
  EXPECT_TRUE(bent.has_code(cmc::kParseEvidence));
  ArmMachine unnamed;
  unnamed.manifest.ca_fingerprints.clear();
  EXPECT_TRUE(unnamed.has_code(cmc::kCaFingerprint));
  for (auto software : std::vector<std::vector<std::uint8_t>>{{}, {4}, {3, 4}, {3, 3}}) {
    ArmMachine other;
    other.measured = software;
    EXPECT_TRUE(other.has_code(cmc::kVerifyMeasurement));
  }
}

}  // namespace
}  // namespace attest
