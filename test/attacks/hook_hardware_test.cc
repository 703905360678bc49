// Whole handshakes between two programs with the module whose machines are an SEV-SNP guest, a TDX guest, an SGX enclave under Gramine,
// an Azure confidential VM, each with a daemon of its own. The hardware is a stand-in behind the kernel's interface: it signs the
// report data it is asked for with keys of the test, so the evidence is synthetic; driver, daemon, module and verifier are real.
#include <gtest/gtest.h>
#include <unistd.h>

#include <thread>

#include "drivers/sgx/sgx_driver.h"
#include "drivers/snp/snp_driver.h"
#include "drivers/tdx/tdx_driver.h"
#include "evidence/azure/hcl.h"
#include "evidence/core/file.h"
#include "evidence/core/hex.h"
#include "evidence/snp/certificate_table.h"
#include "evidence/x509/certificate.h"
#include "test/support/azure_maker.h"
#include "test/support/azure_vtpm.h"
#include "test/support/boot_maker.h"
#include "test/support/dcap_maker.h"
#include "test/support/recording.h"
#include "test/support/snp_samples.h"
#include "test/support/testdata.h"
#include "test/support/tls_peers.h"
#include "test/support/tpm_machine.h"
#include "test/support/tsm_model.h"

namespace attest::test {
namespace {

using namespace std::chrono_literals;

// Mode is what the hardware does now: "honest", or one thing that is wrong. The test writes it, the machines' process reads it.
std::string mode_of(const Stage& stage) { return std::string(as_text(read_file(stage.file("mode")).value_or(Bytes{}))); }

// Strayed asks the device for evidence of another handshake when the mode says so: what a replay of old evidence looks like.
class Strayed : public Driver {
 public:
  Strayed(std::unique_ptr<Driver> inner, const Stage& stage) : inner_(std::move(inner)), stage_(stage) {}
  AnchorKind kind() const override { return inner_->kind(); }
  AnchorIdentity identity() const override { return inner_->identity(); }
  std::optional<PcrSelection> pcrs() const override { return inner_->pcrs(); }
  std::string algorithm() const override { return inner_->algorithm(); }
  Result<Anchor> quote(const Digest& qualifying) override {
    return inner_->quote(mode_of(stage_) == "other" ? Digest::filled(HashAlg::sha256, 7) : qualifying);
  }
  Result<const MeasuredLog*> log(const Anchor& quoted) override { return inner_->log(quoted); }
  Result<std::optional<ClockInfo>> clock() override { return inner_->clock(); }
  Result<Bytes> raw_log(LogKind kind) override { return inner_->raw_log(kind); }

 private:
  std::unique_ptr<Driver> inner_;
  const Stage& stage_;
};

Result<std::vector<OpenedDriver>> strayed(Result<OpenedDriver> opened, const Stage& stage) {
  if (!opened) return std::move(opened).error();
  opened->driver = std::make_unique<Strayed>(std::move(opened->driver), stage);
  std::vector<OpenedDriver> out;
  out.push_back(*std::move(opened));
  return out;
}

// Intel is the processor's side of both TEEs: a hierarchy of the test, and quotes over what is asked.
struct Intel {
  Intel(const Stage& the_stage, TeeType the_tee) : stage(the_stage), tee(the_tee) {
    world.from = wall_clock_now() - kDay;
    world.until = wall_clock_now() + 30 * kDay;
  }
  Bytes quote(View report_data) const {
    DcapQuoteSpec spec;
    PlatformSpec platform;
    std::string mode = mode_of(stage);
    spec.tee = tee;
    if (tee == TeeType::sgx) spec.version = 3;
    for (std::size_t i = 0; i < 4; i++) std::ranges::copy(rtmr(i).view(), spec.td.rtmr[i].begin());
    std::ranges::copy(report_data, spec.td.report_data.begin());
    std::ranges::copy(report_data, spec.enclave.report_data.begin());
    if (mode == "measurement") spec.td.mr_td[0] ^= 1, spec.enclave.mr_enclave[0] ^= 1;
    if (mode == "debug") spec.td.td_attributes[0] = 1, spec.enclave.attributes[0] |= 2;
    if (mode == "old") spec.td.tee_tcb_svn = {3, 1, 7}, platform.comp = {1, 1, 1, 1, 1, 1, 0, 1};
    if (mode == "stale") spec.td.report_data.fill(9), spec.enclave.report_data.fill(9);
    return (mode == "foreign" ? foreign : world).quote(spec, platform);
  }
  // rtmr: what the log of the guest replays to.
  static Digest rtmr(std::size_t i) {
    Digest value = Digest::filled(HashAlg::sha384, 0);
    for (const LoggedEvent& event : events())
      if (event.pcr == i + 1) value = hash_of(HashAlg::sha384, {value.view(), hash_of(HashAlg::sha384, {event.measured}).view()});
    return value;
  }
  static std::vector<LoggedEvent> events() {
    constexpr std::uint32_t kAction = 0x80000007;
    std::vector<LoggedEvent> out;
    for (auto [reg, words] : {std::pair<std::uint32_t, const char*>{1, "firmware"}, {1, "settings"}, {2, "boot loader"}})
      out.push_back({reg, kAction, to_bytes(as_view(words)), to_bytes(as_view(words))});
    return out;
  }
  std::vector<ReferenceValue> references() const {
    DcapQuoteSpec spec;
    if (tee == TeeType::sgx) return {reference(AnchorKind::sgx, 0, HashAlg::sha256, spec.enclave.mr_enclave)};
    std::vector<ReferenceValue> out{reference(AnchorKind::tdx, 0, HashAlg::sha384, spec.td.mr_td)};
    for (const LoggedEvent& event : events())
      out.push_back(reference(AnchorKind::tdx, event.pcr, HashAlg::sha384, hash_of(HashAlg::sha384, {event.measured}).view()));
    return out;
  }
  static ReferenceValue reference(AnchorKind anchor, std::uint32_t reg, HashAlg alg, View digest) {
    ReferenceValue value;
    value.anchor = anchor;
    value.reg = reg;
    value.name = "measured";
    value.hashes = {{alg, Digest::of(digest)}};
    return value;
  }
  // publish lays down what Intel's service would hand out.
  void publish(const MachineDaemon& judge) const {
    bool tdx = tee == TeeType::tdx;
    std::filesystem::create_directories(judge.path("intel/collateral"));
    judge.write("intel/root.pem", certificates_to_pem({world.root_der()}));
    judge.write("intel/collateral/chain.pem", certificates_to_pem({world.tcb_der(), world.ca_der(), world.root_der()}));
    judge.write("intel/collateral/tcb.json", world.tcb_info(tdx ? "TDX" : "SGX"));
    judge.write("intel/collateral/qe.json", world.identity(tdx ? "TD_QE" : "QE"));
    judge.write("intel/collateral/root.crl", as_text(world.crl("Intel SGX Root CA", world.root)));
    judge.write("intel/collateral/pck.crl", as_text(world.crl("Intel SGX PCK Platform CA", world.ca)));
  }
  const Stage& stage;
  TeeType tee;
  DcapWorld world, foreign;
};

// Gramine is its /dev/attestation: report data is written, the quote over it is read.
class Gramine : public TsmFiles {
 public:
  explicit Gramine(const Intel& intel) : intel_(intel) {}
  int make_dir(const std::filesystem::path&) override { return EPERM; }
  int remove_dir(const std::filesystem::path&) override { return EPERM; }
  int write(const std::filesystem::path& path, View bytes) override {
    if (path.filename() != "user_report_data") return EACCES;
    if (interruptions_++ % 2 == 0) return EINTR;
    report_data_ = to_bytes(bytes);
    return bytes.size() == 64 ? 0 : EINVAL;
  }
  Content read(const std::filesystem::path& path) override {
    if (path.filename() == "attestation_type") return {0, to_bytes(as_view("dcap\n"))};
    if (path.filename() != "quote") return {ENOENT, {}};
    return {0, intel_.quote(report_data_)};
  }

 private:
  const Intel& intel_;
  Bytes report_data_;
  unsigned interruptions_ = 0;
};

// Fleet is what the machines' process holds: A, that proves itself, and B, that judges.
struct Fleet {
  Fleet() = default;
  void describe(std::vector<ReferenceValue> references) {
    Metadata manifest = make_manifest("os", {"os"}, std::move(references));
    manifest.manifest.log_ordered = true;
    share({authority.sign(manifest), authority.sign(make_image("image-of-os", {"os"}))});
  }
  void share(const std::vector<std::string>& items) {
    for (std::size_t i = 0; i < items.size(); i++)
      for (MachineDaemon* machine : {a, &b}) machine->put_metadata("item" + std::to_string(i), items[i]);
  }
  void policy(const std::string& name, const std::string& rule, const std::string& members) {
    b.put_policy(name, R"({"peers": [{"name": "server.example", "role": "server", "image_descriptions": ["image-of-os"], )" + rule + "}]" +
                           (members.empty() ? "" : ", " + members) + "}");
  }
  Authority authority;
  MachineDaemon plain{authority}, b{authority};
  MachineDaemon* a = &plain;
};

void intel_fleet(Fleet& fleet, const Stage& stage, TeeType tee) {
  auto intel = std::make_shared<Intel>(stage, tee);
  std::string kind = tee == TeeType::tdx ? "tdx" : "sgx";
  fleet.describe(intel->references());
  intel->publish(fleet.b);
  fleet.policy("default", "\"required_anchors\": [\"" + kind + "\"], \"allowed_anchors\": [\"" + kind + "\"], \"ak_names\": [\"" +
                              to_hex(sha256(View(Bytes(16, 0x11))).view()) + "\"]",
               R"("intel": {"roots": ["../intel/root.pem"], "collateral": "../intel/collateral"})");
  std::string area = fleet.a->path("CCEL");
  Bytes log = ccel_log(Intel::events());
  log.resize(4096, 0xff);
  fleet.a->write("CCEL", as_text(log));
  fleet.a->start([intel, &stage, tee, area] {
    if (tee == TeeType::sgx) return strayed(open_sgx_with({"/dev/attestation"}, std::make_shared<Gramine>(*intel)), stage);
    TsmReporter::Options options;
    options.files = std::make_shared<TsmModel>("tdx_guest", [intel](View data, unsigned) { return intel->quote(data); });
    return strayed(open_tdx_with({"/sys/kernel/config/tsm/report", area}, std::move(options)), stage);
  });
}

const std::string kSnp = std::string(ATTEST_SOURCE_DIR) + "/test/fixtures/snp/synthetic-";
const std::string kSnpRoots = "\"roots\": [\"" + kSnp + "ark-turin.pem\", \"" + kSnp + "ask-turin.pem\"]";

// snp_report is the processor's: one of the samples over what is asked, signed with the key of the samples.
Bytes snp_report(const Stage& stage, View data) {
  constexpr std::size_t kPolicy = 0x08, kReportData = 0x50, kMeasurement = 0x90;
  std::string mode = mode_of(stage);
  return snp_resigned("turin-v5-report.bin", [&](Bytes& r) {
    std::ranges::copy(data, r.begin() + kReportData);
    if (mode == "measurement") r[kMeasurement] ^= 1;
    if (mode == "debug") r[kPolicy + 2] |= 8;
    if (mode == "stale") r[kReportData] ^= 1;
  });
}

void snp_fleet(Fleet& fleet, const Stage& stage) {
  constexpr std::size_t kMeasurement = 0x90, kBytes = 48;
  Bytes sample = snp_fixture("turin-v5-report.bin");
  fleet.describe({Intel::reference(AnchorKind::snp, 0, HashAlg::sha384, View(sample).subspan(kMeasurement, kBytes))});
  const std::string rule = R"("required_anchors": ["snp"], "allowed_anchors": ["snp"], "ak_names": ["a0a1a2a3a4a5a6a7)" +
                           std::string(112, '0') + "\"]";
  fleet.policy("default", rule, "\"snp\": {" + kSnpRoots + "}");
  fleet.policy("newer", rule, "\"snp\": {" + kSnpRoots + R"(, "products": {"turin": {"tcb": {"snp": 255}}}})");
  fleet.a->start([&stage] {
    SnpCertificateTable certificates;
    certificates.vcek = snp_certificate("vcek-turin.pem");
    certificates.ask = snp_certificate("ask-turin.pem");
    TsmReporter::Options options;
    options.files = std::make_shared<TsmModel>("sev_guest", [&stage](View data, unsigned) { return snp_report(stage, data); },
                                               encode_certificate_table(certificates));
    return strayed(open_snp_with({}, std::move(options)), stage);
  });
}

const std::string kAzureRule = R"("required_anchors": ["tpm", "azure"], "allowed_anchors": ["tpm", "azure"])";

// azure_snp is a machine on AMD's processors, whose chain is in a file; what "azure" of its cmcd.json says.
std::string azure_snp(Fleet& fleet) {
  fleet.policy("default", kAzureRule, "\"snp\": {" + kSnpRoots + "}");
  fleet.policy("newer", kAzureRule, "\"snp\": {" + kSnpRoots + R"(, "products": {"turin": {"tcb": {"snp": 255}}}})");
  fleet.policy("pinned", kAzureRule, "\"snp\": {" + kSnpRoots + ", \"measurements\": [\"" + std::string(96, 'a') + "\"]}");
  fleet.policy("settings", kAzureRule, "\"snp\": {" + kSnpRoots + R"(}, "azure": {"configuration": {"secure-boot": false}})");
  return "\"certificates\": \"" + kSnp + "vcek-turin.pem\"";
}

// azure_tdx is one on Intel's, which has had the metadata service quote what stands in the vTPM.
std::string azure_tdx(Fleet& fleet, const Stage& stage, const Bytes& hcl) {
  const std::string intel = R"("intel": {"roots": ["../intel/root.pem"], "collateral": "../intel/collateral"})";
  Intel cloud(stage, TeeType::tdx);
  cloud.publish(fleet.b);
  fleet.policy("default", kAzureRule, intel);
  fleet.policy("pinned", kAzureRule, intel + ", \"tdx\": {\"mr_seam\": \"" + std::string(96, 'a') + "\"}");
  fleet.policy("settings", kAzureRule, intel + R"(, "azure": {"configuration": {"secure-boot": false}})");
  fleet.a->write("td.quote", as_text(cloud.quote(claims_digest(must(parse_hcl_report(hcl))))));
  return "\"td_quote\": \"" + fleet.a->path("td.quote").string() + "\"";
}

// Azure: a software TPM with a recorded boot, a key of the platform's, and the paravisor's report with synthetic hardware evidence.
void azure_fleet(Fleet& fleet, TpmMachine& vm, const Stage& stage, const std::string& what) {
  bool tdx = what.starts_with("azuretdx");
  std::string how = what.substr(tdx ? 8 : 5);
  Bytes modulus = platform_key(*vm.tpm);
  Bytes hcl = hcl_report(hcl_claims(how == "claims" ? Bytes(256, 0xc1) : modulus), how == "vmpl" ? 2 : 0, tdx);
  if (modulus.empty() || !store_hcl(*vm.tpm, hcl)) return;
  fleet.a = &vm.daemon;
  stage.write("mode", how);
  vm.daemon.members = "\"tpm\": {\"tcti\": \"" + vm.tpm->tcti() + "\", \"ak\": \"platform\", \"ak_handle\": \"0x81000003\", " +
                      "\"ak_algorithm\": \"rsa-2048\", \"event_log\": \"" + vm.measured->event_log() + "\", \"ima_list\": \"" +
                      vm.measured->ima_list() + "\"}, \"azure\": {" + (tdx ? azure_tdx(fleet, stage, hcl) : azure_snp(fleet)) + "},";
  if (!vm.daemon.start() || !vm.daemon.ready()) return;
  vm.describe(fleet.authority, "os");
  fleet.b.put_metadata("os0", vm.items[0]);
  fleet.b.put_metadata("os1", vm.items[1]);
}

// Machines is the process of the two daemons; a.sock and b.sock stand in the stage's folder once both are ready.
class Machines {
 public:
  explicit Machines(const std::string& what) : process_(kPlain, [this, what](Report& report) { serve(what, report); }) {
    for (int i = 0; i < 3000 && !ready() && !std::filesystem::exists(stage_.file("failed")); i++) std::this_thread::sleep_for(20ms);
  }
  ~Machines() {
    stage_.write("stop", "");
    Report report = process_.wait();
    EXPECT_EQ(report["problem"] + report["died"] + report["threw"], "");
  }
  bool ready() const { return std::filesystem::exists(stage_.file("b.sock")); }
  void mode(const std::string& mode) const {
    stage_.write("mode.new", mode);
    std::filesystem::rename(stage_.file("mode.new"), stage_.file("mode"));
  }
  Talk meet(const std::string& policy = "") const {
    const std::string more = "attest-quote-ms = 20000\nattest-judge-ms = 20000\nattest-connect-ms = 10000\n";
    auto conf = [&](const std::string& name, const std::string& lines) {
      return stage_.write(name + ".cnf", stage_.conf_text(more + lines, stage_.file(name + ".sock")));
    };
    Peer client = client_with(conf("b", "attest-client = require\nattest-x509-name-checked = yes" +
                                            (policy.empty() ? "" : "\nattest-policy = " + policy)));
    client.verify = SSL_VERIFY_PEER;
    return talk(stage_, server_with(conf("a", kAttestOnly)), client);
  }
  // refusal is what the client says of a machine in this mode; the machine is honest again behind it.
  std::string refusal(const std::string& how) const {
    mode(how);
    Talk talk = meet();
    mode("honest");
    EXPECT_FALSE(Talk::done(talk.client)) << how;
    return talk.errors();
  }

 private:
  void serve(const std::string& what, Report& report) {
    Fleet fleet;
    std::unique_ptr<TpmMachine> vm;
    if (what.starts_with("azure")) {
      vm = std::make_unique<TpmMachine>(fleet.authority, "tis");
      if (vm->good()) azure_fleet(fleet, *vm, stage_, what);
    } else if (what == "snp") {
      snp_fleet(fleet, stage_);
    } else {
      intel_fleet(fleet, stage_, what == "tdx" ? TeeType::tdx : TeeType::sgx);
    }
    bool good = (what.starts_with("azure") ? fleet.a != &fleet.plain : fleet.a->ready()) && fleet.b.start();
    if (!good || fleet.a->daemon().tpm_status().state != "ready") {
      report["problem"] = "the machines did not come up: " + fleet.a->log();
      stage_.write("failed", "");
      return;
    }
    std::filesystem::create_symlink(fleet.a->socket(), stage_.file("a.sock"));
    std::filesystem::create_symlink(fleet.b.socket(), stage_.file("b.sock"));
    while (::getppid() == parent_ && !std::filesystem::exists(stage_.file("stop"))) std::this_thread::sleep_for(20ms);
  }
  Stage stage_{{}, false};
  pid_t parent_ = ::getpid();
  Forked process_;
};

using Refusals = std::vector<std::pair<const char*, const char*>>;

// expect: an honest machine is accepted; each mode, and each policy of the judge's, is refused by its name.
void expect(const Machines& machines, const Refusals& modes, const Refusals& policies = {}) {
  ASSERT_TRUE(machines.ready());
  Talk honest = machines.meet();
  EXPECT_TRUE(honest.both()) << show(honest);
  for (auto [mode, name] : modes) {
    std::string said = machines.refusal(mode);
    EXPECT_TRUE(has(said, name)) << mode << ": " << said;
  }
  for (auto [policy, name] : policies) {
    Talk refused = machines.meet(policy);
    EXPECT_FALSE(Talk::done(refused.client)) << policy;
    EXPECT_TRUE(has(refused.errors(), name)) << policy << ": " << refused.errors();
  }
  EXPECT_TRUE(machines.meet().both()) << "honest again";
}

// expect_silent: hardware that answers about other data gets nothing past its own driver; the daemon waits before it asks again.
void expect_silent(const Machines& machines) {
  std::string said = machines.refusal("stale");
  EXPECT_TRUE(has(said, "over other data than asked for")) << said;
}

TEST(HardwareHandshake, ATrustDomainProvesItself) {
  Machines machines("tdx");
  expect(machines, {{"measurement", "tdx.measurements"}, {"debug", "tdx.debug"}, {"old", "tdx.tcb-status"},
                    {"other", "tdx.nonce"}, {"foreign", "tdx.pck-chain"}});
  expect_silent(machines);
}

TEST(HardwareHandshake, AnEnclaveProvesItself) {
  Machines machines("sgx");
  expect(machines, {{"measurement", "sgx.measurements"}, {"debug", "sgx.debug"}, {"old", "sgx.tcb-status"},
                    {"other", "sgx.nonce"}, {"foreign", "sgx.pck-chain"}});
  expect_silent(machines);
}

TEST(HardwareHandshake, AnSnpGuestProvesItself) {
  Machines machines("snp");
  expect(machines, {{"measurement", "snp.measurement"}, {"debug", "snp.debug"}, {"other", "snp.nonce"}}, {{"newer", "snp.tcb"}});
  expect_silent(machines);
}

TEST(HardwareHandshake, AnAzureConfidentialVmProvesItself) {
  expect(Machines("azure"), {}, {{"newer", "snp.tcb"}, {"pinned", "snp.measurement"}, {"settings", "azure.configuration"}});
}

TEST(HardwareHandshake, AnAzureTrustDomainProvesItself) {
  expect(Machines("azuretdx"), {}, {{"pinned", "tdx.measurements"}, {"settings", "azure.configuration"}});
}

TEST(HardwareHandshake, ClaimsOfAnotherVmOrOfItsOwnKernelOrWithoutAGenuineQuoteAreRefused) {
  for (auto [how, name] : Refusals{{"azurevmpl", "snp.vmpl"}, {"azureclaims", "azure.ak-given"}, {"azuretdxclaims", "azure.ak-given"},
                                   {"azuretdxforeign", "tdx.pck-chain"}, {"azuretdxold", "tdx.tcb-status"}}) {
    Machines machines(how);
    ASSERT_TRUE(machines.ready());
    Talk refused = machines.meet();
    EXPECT_FALSE(Talk::done(refused.client)) << how;
    EXPECT_TRUE(has(refused.errors(), name)) << how << ": " << refused.errors();
  }
}

}  // namespace
}  // namespace attest::test
