// Confidential hardware in the reports of a CMC fleet: honest machines in both serialisations, and what root on a machine, its
// host or an old colleague could hand over. CMC itself lets several of these pass (docs/CMC.md).
#include <gtest/gtest.h>

#include "evidence/core/hex.h"
#include "test/support/cmc_fleet.h"
#include "test/support/dcap_maker.h"
#include "test/support/snp_samples.h"

namespace attest {
namespace {
using namespace attest::test;
using cmc::Encoding;


// SnpMachine is an SEV-SNP guest with a synthetic report.
struct SnpMachine : Fleet {
  SnpMachine() {
    Bytes ark = snp_certificate("ark-turin.pem");
    collateral = {{std::string(cmc::kSnpEvidence), {snp_certificate("vcek-turin.pem"), snp_certificate("ask-turin.pem"), ark}, {}, {}}};
    accept_turin(manifest);
    manifest.sbom->components = {cmc_reference("SNP", 0, Bytes(48, 'm'))};
    attest = [this](View nonce) {
      Bytes report = snp_resigned("turin-v5-report.bin", [&](Bytes& r) {
        std::ranges::fill(r.begin() + 0x50, r.begin() + 0x90, std::uint8_t{0});
        std::ranges::copy(nonce, r.begin() + 0x50);
        if (change) change(r);
      });
      if (bend) bend(report);
      return std::vector<cmc::EvidenceItem>{{std::string(cmc::kSnpEvidence), report, {}, {}}};
    };
  }
  std::function<void(Bytes&)> change, bend;  // before and after it is signed
};

TEST(CmcSnp, AnHonestGuestIsTrustedInBothSerialisations) {
  for (Encoding encoding : {Encoding::json, Encoding::cbor}) {
    SnpMachine machine;
    machine.encoding = encoding;
    EXPECT_EQ(machine.failure(), "");
    cmc::Judged judged = machine.judge();
    ASSERT_EQ(judged.result.measurements.size(), 1U);
    const auto& m = judged.result.measurements.front();
    EXPECT_EQ(m.type, "SNP Result");
    ASSERT_TRUE(m.snp);
    EXPECT_TRUE(m.snp->firmware.success && m.snp->smt.success && m.snp->bl.success);
    EXPECT_EQ(m.snp->extensions.size(), 2U);
    std::string json(as_text(cmc::encode_result(judged.result, Encoding::json)));
    for (const char* name : {"snpResult", "reportVersionMatch", "fwCheck", "tcbCheck", "policyCheck", "extensionsCheck"})
      EXPECT_NE(json.find(name), std::string::npos) << name;
    Bytes report = machine.report(Bytes(8, 7));
    EXPECT_FALSE(machine.judge(report, Bytes(8, 8)).trusted) << "another nonce";
    for (std::size_t cut : {std::size_t{1}, std::size_t{100}})
      EXPECT_FALSE(machine.judge(Bytes(report.begin(), report.end() - static_cast<std::ptrdiff_t>(cut)), Bytes(8, 7)).trusted);
    report.push_back(0);
    EXPECT_FALSE(machine.judge(report, Bytes(8, 7)).trusted);
  }
}

TEST(CmcSnp, BrokenAndForeignReportsAreRefusedWithCmcsCodes) {
  SnpMachine flipped;
  flipped.bend = [](Bytes& r) { r[0x90] ^= 1; };
  EXPECT_TRUE(flipped.has_code(cmc::kVerifySignature));
  SnpMachine old;
  old.change = [](Bytes& r) { r[0x50] ^= 1; };
  EXPECT_TRUE(old.has_code(cmc::kFreshnessFailed));
  SnpMachine cut;
  cut.bend = [](Bytes& r) { r.pop_back(); };
  EXPECT_TRUE(cut.has_code(cmc::kParseEvidence));
  SnpMachine other;
  other.change = [](Bytes& r) { r[0x90] ^= 1; };
  EXPECT_TRUE(other.has_code(cmc::kVerifyMeasurement));
  SnpMachine root;  // genuine under a root nobody named
  root.manifest.ca_fingerprints = {std::string(64, '0')};
  EXPECT_TRUE(root.has_code(cmc::kCaFingerprint));
  root.manifest.ca_fingerprints.clear();
  EXPECT_TRUE(root.has_code(cmc::kCaFingerprint));
  SnpMachine lawless;
  lawless.manifest.snp_policy.reset();
  EXPECT_TRUE(lawless.has_code(cmc::kPolicyNotPresent));
  SnpMachine twice;
  twice.manifest.sbom->components.push_back(cmc_reference("SNP", 1, Bytes(48, 'n')));
  EXPECT_TRUE(twice.has_code(cmc::kRefValMultiple));
}

// What CMC lets pass: reports of less privileged software, an old FMC, evidence left out.
TEST(CmcSnp, WhatCmcOverlooksIsRefused) {
  SnpMachine below;
  below.change = [](Bytes& r) { r[0x30] = 2; };
  EXPECT_NE(below.failure().find("snp.vmpl"), std::string::npos) << below.failure();
  SnpMachine fmc;
  (*fmc.manifest.snp_policy)["versions"][0]["tcb"]["fmc"] = 255;
  EXPECT_NE(fmc.failure().find("snp.tcb"), std::string::npos) << fmc.failure();
  SnpMachine silent;
  silent.attest = [](View) { return std::vector<cmc::EvidenceItem>{}; };
  EXPECT_TRUE(silent.has_code(cmc::kVerifyMeasurement));
  SnpMachine twice;
  auto honest = twice.attest;
  twice.attest = [honest](View nonce) {
    auto items = honest(nonce);
    items.push_back(items.front());
    return items;
  };
  EXPECT_TRUE(twice.has_code(cmc::kVerifyMeasurement));
}

// IntelMachine has what a TDX guest or an SGX enclave puts into its report.
struct IntelMachine : Fleet {
  explicit IntelMachine(TeeType kind) : tdx(kind == TeeType::tdx) {
    intel.from = now - kDay;
    intel.until = now + kDay;
    manifest.ca_fingerprints = {fingerprint(root)};
    if (tdx) {
      for (std::size_t i = 0; i < 4; i++) {
        Bytes event(48, static_cast<std::uint8_t>(i + 1));
        std::ranges::copy(hash_of(HashAlg::sha384, {Bytes(48), event}).view(), spec.td.rtmr[i].begin());
        manifest.sbom->components.push_back(cmc_reference("TDX", static_cast<std::int64_t>(i + 1), event));
      }
      manifest.sbom->components.push_back(cmc_reference("TDX", 0, spec.td.mr_td));
      manifest.sbom->components.push_back(cmc_reference("TDX", 5, spec.td.mr_seam));
      std::string zeros(96, '0');
      manifest.tdx_policy = {{"quoteVersion", 4}, {"xfam", to_hex(spec.td.xfam)},
                             {"tdId", {{"mrOwner", zeros}, {"mrOwnerConfig", zeros}, {"mrConfigId", zeros}}},
                             {"tdAttributes", {{"debug", false}, {"septVEDisable", true}, {"pks", false}, {"kl", false}}}};
    } else {
      spec.tee = TeeType::sgx;
      spec.version = 3;
      std::ranges::copy(platform.comp, spec.enclave.cpu_svn.begin());
      manifest.sbom->components = {cmc_reference("SGX", 0, spec.enclave.mr_enclave, HashAlg::sha256)};
      nlohmann::json flags = {{"initted", true}, {"debug", false}, {"mode64Bit", true}, {"provisionKey", false},
                              {"eInitToken", false}, {"kss", false}, {"legacy", false}, {"avx", false}};
      manifest.sgx_policy = {{"quoteVersion", 3}, {"mrSigner", to_hex(spec.enclave.mr_signer)}, {"isvSvn", 0}, {"attributes", flags}};
    }
    tcb_info = intel.tcb_info(tdx ? "TDX" : "SGX");
    identity = intel.identity(tdx ? "TD_QE" : "QE");
    attest = [this](View nonce) {
      auto& data = tdx ? spec.td.report_data : spec.enclave.report_data;
      data = {};
      std::ranges::copy(nonce, data.begin());
      Bytes quote = intel.quote(spec, platform);
      if (bend) bend(quote);
      return std::vector<cmc::EvidenceItem>{{type(), quote, {}, {}}};
    };
    refresh();
  }
  std::string type() const { return std::string(tdx ? cmc::kTdxEvidence : cmc::kSgxEvidence); }
  // refresh puts the documents into the collateral anew.
  void refresh(const std::vector<std::uint8_t>& revoked = {}) {
    cmc::IntelCollateral documents;
    documents.tcb_info = to_bytes(as_view(tcb_info));
    documents.qe_identity = to_bytes(as_view(identity));
    documents.root_ca_crl = intel.crl("Intel SGX Root CA", intel.root);
    documents.pck_crl = intel.crl("Intel SGX PCK Platform CA", intel.ca, revoked);
    documents.pck_crl_intermediate = intel.ca_der();
    documents.pck_crl_root = documents.tcb_info_root = documents.qe_identity_root = root;
    documents.tcb_info_intermediate = documents.qe_identity_intermediate = intel.tcb_der();
    cmc::Component event;
    event.intel = documents;
    collateral = {{type(), {intel.pck_der(platform), intel.ca_der(), root}, {}, {{tdx ? "TDX Collateral" : "SGX Collateral", 0, {event}}}}};
  }
  bool tdx;
  DcapWorld intel;
  Bytes root = intel.root_der();
  DcapQuoteSpec spec;
  PlatformSpec platform;
  std::string tcb_info, identity;
  std::function<void(Bytes&)> bend;
};

TEST(CmcIntel, HonestGuestsAndEnclavesAreTrusted) {
  for (TeeType tee : {TeeType::tdx, TeeType::sgx})
    for (Encoding encoding : {Encoding::json, Encoding::cbor}) {
      IntelMachine machine(tee);
      machine.encoding = encoding;
      EXPECT_EQ(machine.failure(), "");
      auto m = machine.judge().result.measurements;
      ASSERT_EQ(m.size(), 1U);
      EXPECT_EQ(m[0].tdx.has_value(), tee == TeeType::tdx);
      EXPECT_EQ(m[0].tdx ? m[0].tdx->tcb.status : m[0].sgx->tcb.status, "UpToDate");
    }
}

// A CMC client reads these members by their types: a structure in the place of a list would cost it the whole result.
TEST(CmcIntel, ResultsHaveCmcsForms) {
  IntelMachine guest(TeeType::tdx);
  auto result = nlohmann::json::parse(as_text(cmc::encode_result(guest.judge().result, Encoding::json)));
  const auto& tdx = result["measurements"][0]["tdxResult"];
  const auto& level = tdx["tcbInfoCheck"]["tcbLevelResult"];
  EXPECT_EQ(level["status"], "UpToDate");
  EXPECT_EQ(level["pceSvn"]["status"], "success");
  EXPECT_EQ(level["pceSvn"]["got"], "11");
  ASSERT_EQ(level["sgxComponents"].size(), 16U);
  EXPECT_EQ(level["sgxComponents"][0]["got"], "3");
  EXPECT_EQ(level["tdxComponents"].size(), 16U);
  EXPECT_TRUE(tdx["qeReportCheck"]["cpuSvn"].contains("status"));
  for (const char* flag : {"debug", "septVEDisable", "pks", "kl"}) EXPECT_EQ(tdx["tdAttributesCheck"][flag]["success"], true) << flag;
  ASSERT_EQ(tdx["mrMatch"].size(), 6U);
  for (std::size_t i = 0; i < 6; i++) {
    EXPECT_EQ(tdx["mrMatch"][i]["index"], i);
    EXPECT_EQ(tdx["mrMatch"][i]["success"], true) << i;
  }
  IntelMachine old(TeeType::tdx);
  old.platform.comp = {2, 2, 2, 2, 3, 1, 0, 3};
  old.spec.td.rtmr[1][0] ^= 1;
  old.spec.td.td_attributes[0] = 1;
  old.refresh();
  auto refused = nlohmann::json::parse(as_text(cmc::encode_result(old.judge().result, Encoding::json)));
  const auto& wrong = refused["measurements"][0]["tdxResult"];
  EXPECT_EQ(wrong["mrMatch"][2]["success"], false);
  EXPECT_TRUE(wrong["mrMatch"][2].contains("measured"));
  EXPECT_EQ(wrong["tdAttributesCheck"]["debug"]["measured"], true);
  EXPECT_EQ(wrong["tdAttributesCheck"]["debug"]["success"], false);
  IntelMachine enclave(TeeType::sgx);
  auto sgx = nlohmann::json::parse(as_text(cmc::encode_result(enclave.judge().result, Encoding::json)))["measurements"][0]["sgxResult"];
  EXPECT_TRUE(sgx["tcbInfoCheck"]["tcbLevelResult"]["tdxComponents"].is_null());
  for (const char* flag : {"initted", "debug", "mode64Bit", "provisionKey", "eInitToken", "kss", "legacy", "avx"})
    EXPECT_EQ(sgx["sgxAttributesCheck"][flag]["success"], true) << flag;
}

TEST(CmcIntel, BrokenAndForeignQuotesAreRefusedWithCmcsCodes) {
  for (TeeType tee : {TeeType::tdx, TeeType::sgx}) {
    IntelMachine flipped(tee);
    flipped.bend = [](Bytes& q) { q[150] ^= 1; };
    EXPECT_TRUE(flipped.has_code(cmc::kVerifySignature));
    IntelMachine cut(tee);
    cut.bend = [](Bytes& q) { q.resize(500); };
    EXPECT_TRUE(cut.has_code(cmc::kParseEvidence));
    IntelMachine named(tee);
    named.manifest.ca_fingerprints = {std::string(64, '1')};
    EXPECT_TRUE(named.has_code(cmc::kCaFingerprint));
    IntelMachine bare(tee);
    bare.collateral[0].artifacts.clear();
    EXPECT_TRUE(bare.has_code(cmc::kCollateralNotPresent));
    IntelMachine revoked(tee);
    revoked.refresh({kPckSerial});
    EXPECT_TRUE(revoked.has_code(cmc::kCrlCheckPck));
    IntelMachine stale(tee);
    stale.intel.until = stale.now - 1;
    stale.tcb_info = stale.intel.tcb_info(stale.tdx ? "TDX" : "SGX");
    stale.refresh();
    EXPECT_TRUE(stale.has_code(cmc::kTcbInfoExpired));
    IntelMachine forged(tee);
    forged.tcb_info.replace(forged.tcb_info.find("50806f"), 6, "50806e");
    forged.refresh();
    EXPECT_TRUE(forged.has_code(cmc::kVerifyTcbInfo));
    IntelMachine lawless(tee);
    lawless.manifest.tdx_policy.reset();
    lawless.manifest.sgx_policy.reset();
    EXPECT_TRUE(lawless.has_code(cmc::kPolicyNotPresent));
  }
}

// CMC walks on to any lower level that is accepted; the first that the platform reaches is the one that counts.
TEST(CmcIntel, ThePlatformsOwnLevelCounts) {
  IntelMachine machine(TeeType::tdx);
  machine.platform.comp = {2, 2, 2, 2, 3, 1, 0, 3};
  machine.refresh();
  EXPECT_TRUE(machine.has_code(cmc::kTcbLevelUnsupported));
  (*machine.manifest.tdx_policy)["acceptedTcbStatuses"] = {"OutOfDate"};
  EXPECT_TRUE(machine.has_code(cmc::kTcbLevelUnsupported)) << "a lower level would be accepted, ours is not that one";
  (*machine.manifest.tdx_policy)["acceptedTcbStatuses"] = {"SWHardeningNeeded"};
  EXPECT_EQ(machine.failure(), "");
  IntelMachine fresh(TeeType::tdx);
  (*fresh.manifest.tdx_policy)["acceptedTcbStatuses"] = {"OutOfDate"};
  EXPECT_EQ(fresh.failure(), "") << "up to date is always accepted";
}

TEST(CmcIntel, DocumentsOfTheOtherTeeDoNotCount) {
  IntelMachine machine(TeeType::tdx);
  machine.tcb_info = machine.intel.tcb_info("SGX");
  machine.refresh();
  EXPECT_NE(machine.failure(), "");
  IntelMachine enclave(TeeType::sgx);
  enclave.identity = enclave.intel.identity("TD_QE");
  enclave.refresh();
  EXPECT_NE(enclave.failure(), "");
}

TEST(CmcTdx, LogsAreReplayedAndEveryRegisterIsExplained) {
  auto log = [](std::int64_t index, std::initializer_list<std::uint8_t> fills) {
    cmc::Artifact out{std::string(cmc::kCcEventlog), index, {}};
    for (std::uint8_t fill : fills) out.events.push_back(cmc_event(Bytes(48, fill)));
    return out;
  };
  IntelMachine machine(TeeType::tdx);
  auto& artifacts = machine.collateral[0].artifacts;
  artifacts.push_back(log(1, {1}));
  EXPECT_EQ(machine.failure(), "");
  artifacts.back() = log(1, {1, 1});
  EXPECT_NE(machine.failure(), "") << "a reference is met once";
  artifacts.back() = log(1, {2});
  EXPECT_NE(machine.failure(), "") << "an event of another register's reference";
  artifacts.back() = log(6, {1});
  EXPECT_TRUE(machine.has_code(cmc::kIllegalTdxMrIndex));
  artifacts.pop_back();
  machine.spec.td.rtmr[3].fill(9);
  EXPECT_TRUE(machine.has_code(cmc::kVerifyMeasurement));
}

TEST(CmcTdx, AttributesOwnersAndVersionsAreThePolicys) {
  for (auto change : std::vector<std::function<void(IntelMachine&)>>{
           [](IntelMachine& m) { m.spec.td.td_attributes[0] = 1; }, [](IntelMachine& m) { m.spec.td.td_attributes[2] = 1; },
           [](IntelMachine& m) { m.spec.td.mr_owner.fill(1); }, [](IntelMachine& m) { m.spec.td.xfam[0] ^= 4; },
           [](IntelMachine& m) { m.spec.td.seam_attributes[0] = 1; }, [](IntelMachine& m) { m.spec.version = 5; },
           [](IntelMachine& m) { m.spec.td.tee_tcb_svn = {4, 9, 7}; }}) {
    IntelMachine machine(TeeType::tdx);
    change(machine);
    EXPECT_NE(machine.failure(), "");
  }
}

TEST(CmcSgx, EnclavesOfOthersAreRefused) {
  for (auto change : std::vector<std::function<void(IntelMachine&)>>{
           [](IntelMachine& m) { m.spec.enclave.mr_enclave.fill(1); }, [](IntelMachine& m) { m.spec.enclave.mr_signer.fill(1); },
           [](IntelMachine& m) { m.spec.enclave.cpu_svn = {}; }, [](IntelMachine& m) { m.spec.enclave.isv_svn = 1; }, [](IntelMachine& m) { m.spec.enclave.attributes[0] |= 2; },
           [](IntelMachine& m) { m.manifest.sbom->components.clear(); }}) {
    IntelMachine machine(TeeType::sgx);
    change(machine);
    EXPECT_NE(machine.failure(), "");
  }
}

}  // namespace
}  // namespace attest
