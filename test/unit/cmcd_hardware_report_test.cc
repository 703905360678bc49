// CMC reports that this daemon makes of confidential hardware, judged as others judge them: TDX over a model of the kernel's
// interface, SGX as Gramine's driver hands it out, with quotes and documents of a make-believe Intel; Azure over models of the
// paravisor and of the service that quotes what it reports.
#include <gtest/gtest.h>

#include "cmcd-lite/server/cmc/report_maker.h"
#include "cmcd-lite/server/devices/td_quotes.h"
#include "drivers/azure/azure_driver.h"
#include "drivers/tdx/tdx_driver.h"
#include "evidence/cmc/intel_collateral.h"
#include "evidence/core/file.h"
#include "evidence/core/hex.h"
#include "evidence/dcap/anchor.h"
#include "evidence/dcap/ccel.h"
#include "evidence/json/canonical.h"
#include "evidence/tpm/pcr_selection.h"
#include "test/support/azure_maker.h"
#include "test/support/cmc_fleet.h"
#include "test/support/dcap_maker.h"
#include "test/support/snp_samples.h"
#include "test/support/temp_dir.h"
#include "test/support/test_ak.h"
#include "test/support/testdata.h"
#include "test/support/tsm_model.h"
#include "test/support/web_server.h"

namespace attest {
namespace {

using cmc::Encoding;
using test::kDay;

// GuestFleet is a platform with its documents, its signed metadata, and whoever judges.
struct GuestFleet : test::Fleet {
  GuestFleet() {
    intel.from = now - kDay;
    intel.until = now + kDay;
    intel.steady = true;
    Bytes first = intel.quote(spec);
    root = cmc::pck_chain(*parse_quote(first))->at(2);
    manifest.ca_fingerprints = {to_hex(sha256(root).view())};
  }
  attest::Fleet daemon() const {
    attest::Fleet out;
    out.name = "vm.example";
    for (Bytes& item : items()) out.items.push_back({to_hex(sha256(item).view()), item});
    for (const char* other : {"SGX", "TDX"}) add(intel.tcb_info(other), out.intel);
    for (const char* other : {"QE", "TD_QE"}) add(intel.identity(other), out.intel);
    EXPECT_TRUE(add_collateral(intel.crl("Intel SGX Root CA", intel.root), out.intel));
    EXPECT_TRUE(add_collateral(intel.crl("Intel SGX PCK Platform CA", intel.ca), out.intel));
    EXPECT_TRUE(add_collateral(intel.tcb_der(), out.intel));
    return out;
  }
  void add(std::string document, DcapCollateral& out) const {
    EXPECT_TRUE(add_collateral(as_view(document), out));
    documents.push_back(std::move(document));
  }
  std::string trusted(const Bytes& report, const Bytes& nonce) const {
    cmc::Judged judged = judge(report, nonce);
    if (judged.trusted) return "";
    std::string why = judged.result.summary.details + "!";
    for (const auto& m : judged.result.measurements) why += " " + m.summary.details;
    return why;
  }
  test::DcapWorld intel;
  test::DcapQuoteSpec spec;
  Bytes root;
  mutable std::vector<std::string> documents;  // as the service answers them
};

Bytes ccel() {
  auto log = test::read_file(std::string(ATTEST_SOURCE_DIR) + "/test/fuzz/corpus/rtmr_log/ccel");
  EXPECT_TRUE(log);
  return log ? *ccel_records(*log) : Bytes();
}

void td_policy(cmc::Metadata& manifest, const test::DcapQuoteSpec& spec) {
  std::string zeros(96, '0');
  manifest.tdx_policy = {{"quoteVersion", 4}, {"xfam", to_hex(spec.td.xfam)},
                         {"tdId", {{"mrOwner", zeros}, {"mrOwnerConfig", zeros}, {"mrConfigId", zeros}}},
                         {"tdAttributes", {{"debug", false}, {"septVEDisable", true}, {"pks", false}, {"kl", false}}}};
}

// TdGuest measures what the log says.
struct TdGuest : GuestFleet {
  TdGuest() {
    Bytes records = ccel();
    EXPECT_TRUE(write_file_atomic(dir.file("CCEL"), records));
    auto events = *parse_ccel(records);
    auto sums = *replay_ccel(events);
    for (std::size_t i = 0; i < sums.size(); i++) std::ranges::copy(sums[i].view(), spec.td.rtmr[i].begin());
    auto& references = manifest.sbom->components;
    for (const CcelEvent& event : events) references.push_back(test::cmc_reference("TDX", event.rtmr + 1, event.digest.view()));
    references.push_back(test::cmc_reference("TDX", 0, spec.td.mr_td));
    references.push_back(test::cmc_reference("TDX", 5, spec.td.mr_seam));
    td_policy(manifest, spec);
    model = std::make_shared<test::TsmModel>("tdx_guest", [this](View inblob, unsigned) {
      std::ranges::copy(inblob, spec.td.report_data.begin());
      return intel.quote(spec);
    });
  }
  std::vector<OpenedDriver> open() {
    TsmReporter::Options options;
    options.files = model;
    std::vector<OpenedDriver> out;
    auto opened = open_tdx_with({"/tsm", dir.file("CCEL")}, options);
    EXPECT_TRUE(opened) << opened.error().what;
    if (opened) out.push_back(*std::move(opened));
    return out;
  }
  test::TempDir dir;
  std::shared_ptr<test::TsmModel> model;
};

TEST(HardwareReports, OfATdGuestAreAccepted) {
  for (Encoding encoding : {Encoding::json, Encoding::cbor}) {
    TdGuest guest;
    guest.encoding = encoding;
    auto drivers = guest.open();
    attest::Fleet fleet = guest.daemon();
    ReportMaker maker;
    Bytes nonce(32, 5);
    auto report = maker.make({nonce, {}, encoding}, drivers, fleet);
    ASSERT_TRUE(report) << report.error().what;
    EXPECT_EQ(guest.trusted(*report, nonce), "");
    EXPECT_NE(guest.trusted(*report, Bytes(32, 6)), "");
    auto decoded = cmc::decode_report(*report);
    ASSERT_TRUE(decoded);
    ASSERT_EQ(decoded->evidences.size(), 1U);
    EXPECT_EQ(decoded->evidences[0].type, cmc::kTdxEvidence);
    const cmc::Collateral& beside = decoded->context.collateral.at(0);
    EXPECT_EQ(beside.type, cmc::kTdxEvidence);
    ASSERT_EQ(beside.certs.size(), 3U);
    EXPECT_EQ(beside.certs[2], guest.root) << "PCK, its CA, the root";
    EXPECT_EQ(beside.artifacts.at(0).type, cmc::kTdxCollateral);
    ASSERT_GE(beside.artifacts.size(), 2U);
    EXPECT_EQ(beside.artifacts[1].type, cmc::kCcEventlog);
    EXPECT_TRUE(beside.artifacts[1].events.at(0).properties.empty());
    EXPECT_TRUE(beside.artifacts[1].events[0].name.starts_with("EV_"));
    const cmc::IntelCollateral& documents = *beside.artifacts[0].events.at(0).intel;
    EXPECT_TRUE(std::ranges::any_of(guest.documents, [&](const std::string& one) { return one == as_text(documents.tcb_info); })) << "as the service answers";
  }
}

TEST(HardwareReports, ARegisterThatItsLogDoesNotExplainHasNone) {
  TdGuest guest;
  guest.spec.td.rtmr[2] = {};
  guest.spec.td.rtmr[2][0] = 1;
  auto drivers = guest.open();
  attest::Fleet fleet = guest.daemon();
  auto report = ReportMaker().make({Bytes(32, 5), {}, Encoding::cbor}, drivers, fleet);
  ASSERT_TRUE(report) << report.error().what;
  auto decoded = cmc::decode_report(*report);
  ASSERT_TRUE(decoded) << decoded.error().what;
  for (const cmc::Artifact& artifact : decoded->context.collateral.at(0).artifacts)
    EXPECT_FALSE(artifact.type == cmc::kCcEventlog && artifact.index == 3);
  EXPECT_NE(guest.trusted(*report, Bytes(32, 5)), "") << "and its references do not lead to it";
}

TEST(HardwareReports, MissingDocumentsAreNamed) {
  TdGuest guest;
  auto drivers = guest.open();
  auto why = [&](auto change) {
    attest::Fleet fleet = guest.daemon();
    change(fleet.intel);
    auto report = ReportMaker().make({Bytes(32, 5), {}, Encoding::cbor}, drivers, fleet);
    return report ? std::string() : report.error().what;
  };
  EXPECT_EQ(why([](DcapCollateral&) {}), "");
  EXPECT_NE(why([](DcapCollateral& held) { held = {}; }).find("TCB info of FMSPC 50806f000000 for TDX"), std::string::npos);
  EXPECT_NE(why([](DcapCollateral& held) { held.identities.pop_back(); }).find("TD_QE"), std::string::npos);
  EXPECT_NE(why([](DcapCollateral& held) { held.crls.pop_back(); }).find("CRL of \"Intel SGX PCK Platform CA\""), std::string::npos);
  EXPECT_NE(why([](DcapCollateral& held) { held.certificates.clear(); }).find("TCB Signing"), std::string::npos);
}

// Enclave hands out quotes as Gramine's driver does.
class Enclave : public Driver {
 public:
  explicit Enclave(GuestFleet& guest) : guest_(guest) {}
  AnchorKind kind() const override { return AnchorKind::sgx; }
  AnchorIdentity identity() const override { return {AnchorKind::sgx, Bytes(32)}; }
  std::optional<PcrSelection> pcrs() const override { return std::nullopt; }
  std::string algorithm() const override { return "ec-p256"; }
  Result<Anchor> quote(const Digest& qualifying) override {
    std::ranges::copy(dcap_report_data(qualifying), guest_.spec.enclave.report_data.begin());
    return Anchor(SgxAnchor{guest_.intel.quote(guest_.spec)});
  }
  Result<const MeasuredLog*> log(const Anchor&) override { return static_cast<const MeasuredLog*>(nullptr); }
  Result<Bytes> raw_log(LogKind) override { return Error{Errc::unsupported, "none"}; }

 private:
  GuestFleet& guest_;
};

TEST(HardwareReports, OfAnEnclaveAreAccepted) {
  GuestFleet guest;
  guest.spec.tee = TeeType::sgx;
  guest.spec.version = 3;
  test::PlatformSpec platform;
  std::ranges::copy(platform.comp, guest.spec.enclave.cpu_svn.begin());
  guest.manifest.sbom->components = {test::cmc_reference("SGX", 0, guest.spec.enclave.mr_enclave, HashAlg::sha256)};
  nlohmann::json flags = {{"initted", true}, {"debug", false}, {"mode64Bit", true}, {"provisionKey", false},
                          {"eInitToken", false}, {"kss", false}, {"legacy", false}, {"avx", false}};
  guest.manifest.sgx_policy = {{"quoteVersion", 3}, {"mrSigner", to_hex(guest.spec.enclave.mr_signer)}, {"isvSvn", 0}, {"attributes", flags}};
  for (Encoding encoding : {Encoding::json, Encoding::cbor}) {
    guest.encoding = encoding;
    std::vector<OpenedDriver> drivers(1);
    drivers[0].driver = std::make_unique<Enclave>(guest);
    attest::Fleet fleet = guest.daemon();
    auto report = ReportMaker().make({Bytes(32, 5), {}, encoding}, drivers, fleet);
    ASSERT_TRUE(report) << report.error().what;
    EXPECT_EQ(guest.trusted(*report, Bytes(32, 5)), "");
    auto decoded = cmc::decode_report(*report);
    EXPECT_EQ(decoded->evidences.at(0).type, cmc::kSgxEvidence);
    EXPECT_EQ(decoded->context.collateral.at(0).artifacts.at(0).type, cmc::kSgxCollateral);
  }
}

// Paravisor makes claims over whatever it is asked for, once it has had a moment.
class Paravisor : public HclSource {
 public:
  explicit Paravisor(Bytes modulus, bool tdx = false) : modulus_(std::move(modulus)), tdx_(tdx) {}
  Result<Bytes> read() override { return test::hcl_report(test::hcl_claims(modulus_), 0, tdx_); }
  Result<Bytes> renew(View user_data) override {
    bool slow = std::exchange(slow_, false);
    if (slow) return read();
    return test::hcl_report(test::hcl_claims(modulus_, user_data), 0, tdx_);
  }

 private:
  Bytes modulus_;
  bool tdx_;
  bool slow_ = true;
};

// Vtpm quotes one register with one event by the key that claims name.
class Vtpm : public Driver {
 public:
  Vtpm(const test::RsaAk& key, Bytes certificate) : key_(key), certificate_(std::move(certificate)) {
    MeasuredEvent event;
    event.pcr = 4;
    event.digest = Digest::of(Bytes(32, 5));
    event.full = {4, 0x0d, "", Bytes(32, 5), to_bytes(as_view("boot"))};
    log_.events = {event};
    log_.tcg_events = 1;
  }
  AnchorKind kind() const override { return AnchorKind::tpm; }
  AnchorIdentity identity() const override { return {AnchorKind::tpm, key_.name()}; }
  std::optional<PcrSelection> pcrs() const override { return PcrSelection{HashAlg::sha256, {4}}; }
  std::string algorithm() const override { return "rsa-2048"; }
  Result<Anchor> quote(const Digest& qualifying) override {
    test::QuoteSpec quote;
    quote.extra_data = to_bytes(qualifying.view());
    quote.selections = {{HashAlg::sha256, {4}}};
    Digest value = sha256({View(Bytes(32)), View(Bytes(32, 5))});
    quote.pcr_digest = to_bytes(pcr_digest(HashAlg::sha256, {value}).view());
    TpmAnchor anchor;
    anchor.attest = test::write_attest(quote);
    anchor.signature = key_.sign(anchor.attest);
    anchor.ak_chain = {certificate_, Bytes{1}};
    return Anchor(std::move(anchor));
  }
  Result<const MeasuredLog*> log(const Anchor&) override { return &log_; }
  Result<Bytes> raw_log(LogKind) override { return Error{Errc::unsupported, "none"}; }

 private:
  const test::RsaAk& key_;
  Bytes certificate_;
  MeasuredLog log_;
};

struct AzureVm : test::Fleet {
  AzureVm() {
    using namespace test;
    accept_turin(manifest);
    manifest.sbom->components = {cmc_reference("SNP", 0, Bytes(48, 'm')), cmc_reference("TPM", 4, Bytes(32, 5), HashAlg::sha256)};
    std::string chain;
    for (const char* name : {"vcek-turin.pem", "ask-turin.pem", "ark-turin.pem"}) chain += as_text(snp_fixture(name));
    config.certificates = dir.file("chain.pem");
    EXPECT_TRUE(write_file_atomic(dir.file("chain.pem"), as_view(chain)));
  }
  test::TempDir dir;
  AzureDriverConfig config;
};

Bytes self_signed(const test::RsaAk& key) {
  EVP_PKEY_up_ref(key.key.get());
  test::CertSpec spec;
  spec.common_name = "vTPM key";
  return test::issue_for(nullptr, spec, OwnedPkey(key.key.get())).der();
}

TEST(HardwareReports, OfAnAzureMachineAreAccepted) {
  test::RsaAk key = test::make_rsa_ak();
  Bytes certificate = self_signed(key);
  for (Encoding encoding : {Encoding::json, Encoding::cbor}) {
    AzureVm vm;
    vm.encoding = encoding;
    auto azure = open_azure_with(vm.config, std::make_unique<Paravisor>(key.modulus));
    ASSERT_TRUE(azure) << azure.error().what;
    std::vector<OpenedDriver> drivers;
    drivers.push_back(*std::move(azure));
    drivers.emplace_back().driver = std::make_unique<Vtpm>(key, certificate);
    attest::Fleet fleet;
    fleet.name = "vm.example";
    for (Bytes& item : vm.items()) fleet.items.push_back({to_hex(sha256(item).view()), item});
    auto report = ReportMaker().make({Bytes(32, 5), {}, encoding}, drivers, fleet);
    ASSERT_TRUE(report) << report.error().what;
    cmc::Judged judged = vm.judge(*report, Bytes(32, 5));
    std::string why = judged.result.summary.details;
    for (const auto& m : judged.result.measurements) why += " " + m.summary.details;
    EXPECT_TRUE(judged.trusted) << why;
    auto decoded = cmc::decode_report(*report);
    ASSERT_EQ(decoded->evidences.size(), 2U);
    EXPECT_EQ(decoded->evidences[0].type, cmc::kAzureSnpEvidence);
    EXPECT_EQ(decoded->evidences[0].evidence.size(), 1184U);
    EXPECT_EQ(decoded->evidences[1].type, cmc::kAzureVtpmEvidence);
    EXPECT_EQ(decoded->context.collateral.at(1).certs.size(), 1U);
  }
}

// AzureTd is a TD whose quotes a service makes of what the paravisor reports.
struct AzureTd : GuestFleet {
  AzureTd() {
    td_policy(manifest, spec);
    manifest.sbom->components = {test::cmc_reference("TDX", 0, spec.td.mr_td), test::cmc_reference("TDX", 5, spec.td.mr_seam),
                                 test::cmc_reference("TPM", 4, Bytes(32, 5), HashAlg::sha256)};
    for (auto& rtmr : spec.td.rtmr) rtmr = {};
  }
  // answer is the service's: {"report": TDREPORT} becomes {"quote": ...}.
  std::string answer(const std::string& request) {
    std::string body = request.substr(request.find("\r\n\r\n") + 4);
    auto asked = read_strict_json(as_view(body));
    auto report = from_base64url(asked ? asked->value("report", "") : "", 2048);
    if (!request.starts_with("POST /acc/tdquote ") || !report || report->size() != 1024) return reply("400 Bad Request", "no report");
    if (status != "200 OK") return reply(status, "come again later");
    std::ranges::copy(View(*report).subspan(128, 64), spec.td.report_data.begin());
    if (stale) spec.td.report_data[0] ^= 1;
    return reply("200 OK", "{\"quote\":\"" + to_base64url(intel.quote(spec)) + padding + "\"}");
  }
  static std::string reply(const std::string& status, const std::string& body) {
    return "HTTP/1.1 " + status + "\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  }
  Result<std::vector<OpenedDriver>> open() {
    AzureDriverConfig config;
    config.quote_service = service.url("/acc/tdquote");
    TRY(config.quote_td, td_quote_service(config.quote_service));
    TRY(OpenedDriver azure, open_azure_with(config, std::make_unique<Paravisor>(key.modulus, true)));
    std::vector<OpenedDriver> out;
    out.push_back(std::move(azure));
    out.emplace_back().driver = std::make_unique<Vtpm>(key, self_signed(key));
    return out;
  }
  test::RsaAk key = test::make_rsa_ak();
  std::atomic<bool> stale = false;
  std::string status = "200 OK", padding = "==";
  test::WebServer service{[this](const std::string& request) { return answer(request); }};
};

TEST(HardwareReports, OfAnAzureTrustDomainAreAccepted) {
  for (Encoding encoding : {Encoding::json, Encoding::cbor}) {
    AzureTd vm;
    vm.encoding = encoding;
    auto drivers = vm.open();
    ASSERT_TRUE(drivers) << drivers.error().what;
    attest::Fleet fleet = vm.daemon();
    auto report = ReportMaker().make({Bytes(32, 5), {}, encoding}, *drivers, fleet);
    ASSERT_TRUE(report) << report.error().what;
    EXPECT_EQ(vm.trusted(*report, Bytes(32, 5)), "");
    EXPECT_NE(vm.trusted(*report, Bytes(32, 6)), "");
    auto decoded = cmc::decode_report(*report);
    ASSERT_EQ(decoded->evidences.size(), 2U);
    EXPECT_EQ(decoded->evidences[0].type, cmc::kAzureTdxEvidence);
    EXPECT_FALSE(decoded->evidences[0].add_data.empty()) << "the claims";
    EXPECT_EQ(decoded->evidences[1].type, cmc::kAzureVtpmEvidence);
    const cmc::Collateral& beside = decoded->context.collateral.at(0);
    EXPECT_EQ(beside.type, cmc::kAzureTdxEvidence);
    EXPECT_EQ(beside.artifacts.at(0).type, cmc::kTdxCollateral);
  }
}

TEST(HardwareReports, WhatTheServiceOfATrustDomainAnswersIsChecked) {
  AzureTd vm;
  auto drivers = vm.open();
  ASSERT_TRUE(drivers) << drivers.error().what;
  attest::Fleet fleet = vm.daemon();
  vm.stale = true;
  auto report = ReportMaker().make({Bytes(32, 5), {}, Encoding::cbor}, *drivers, fleet);
  ASSERT_FALSE(report);
  EXPECT_NE(report.error().what.find("not a TD quote over the claims"), std::string::npos) << report.error().what;
  AzureTd refusing, garbled;
  refusing.status = "429 Too Many Requests";
  garbled.padding = "!";
  EXPECT_NE(refusing.open().error().what.find("status 429"), std::string::npos);
  EXPECT_EQ(garbled.open().error().code, Errc::malformed);
}

}  // namespace
}  // namespace attest
