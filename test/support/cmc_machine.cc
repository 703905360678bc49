#include "test/support/cmc_machine.h"

#include <gtest/gtest.h>
#include <openssl/x509.h>

#include "evidence/cmc/item.h"
#include "evidence/cmc/report.h"
#include "evidence/core/hex.h"
#include "evidence/tpm/public_area.h"
#include "test/support/valid_now.h"

namespace attest::test {
namespace {

constexpr std::chrono::milliseconds kPatience{30000};

cmc::Metadata manifest_of(const cmc::Report& report) {
  cmc::Metadata manifest;
  manifest.type = cmc::kManifest;
  manifest.name = "test.boot";
  manifest.developer = "Test";
  manifest.base_layers = {"test.boot"};
  manifest.cert_level = 1;
  manifest.sbom = cmc::Sbom{"CycloneDX", "1.7", 1, {}};
  for (const cmc::Artifact& artifact : report.context.collateral.at(0).artifacts)
    for (const cmc::Component& event : artifact.events) manifest.sbom->components.push_back(event);
  return manifest;
}

cmc::Metadata image() {
  cmc::Metadata out;
  out.type = cmc::kImageDescription;
  out.name = "test-image";
  out.descriptions = {{"Manifest Description", "test.boot.description", "", "test.boot", std::nullopt}};
  return out;
}

}  // namespace

CmcMachine::CmcMachine(const Authority& authority, const std::string& boot, std::size_t ima_entries)
    : machine(authority, boot, ima_entries), authority_(authority), signer_(issue(&authority.root(), valid_now("Test Signer", "codeSigning"))) {}

CmcClientOptions CmcMachine::client(cmc::Encoding encoding) const {
  CmcClientOptions options;
  options.address = "unix://" + socket();
  options.encoding = encoding;
  options.timeout = kPatience;
  return options;
}

bool CmcMachine::start(const std::string& cmc_members) {
  MachineDaemon& daemon = machine.daemon;
  std::filesystem::create_directory(daemon.path("cmc-metadata"));
  daemon.members += R"("cmc": {"sockets": [{"path": ")" + socket() +
                    R"(", "mode": "0666"}], "one_root": true, "roots": [)" + roots + R"(], "metadata": ["cmc-metadata"])" + cmc_members + "},\n";
  if (!daemon.start() || !daemon.ready() || !certify()) return false;
  daemon.stop();
  return daemon.start() && daemon.ready() && describe();
}

// certify makes the attestation key's certificate, which the daemon reads when it starts.
bool CmcMachine::certify() {
  std::string told = machine.daemon.control(R"({"op":"enroll.request"})");
  auto tpmt = from_base64(member_text(told, "ak_public"), 4096);
  auto area = tpmt ? parse_public(*tpmt) : Result<PublicArea>(Error{Errc::io, told});
  auto spki = area ? area->spki_der() : Result<Bytes>(area.error());
  EXPECT_TRUE(spki) << spki.error().what;
  if (!spki) return false;
  const unsigned char* at = spki->data();
  OwnedPkey key(d2i_PUBKEY(nullptr, &at, static_cast<long>(spki->size())));
  TestCert ak = issue_for(&authority_.root(), valid_now("Test AK", "2.23.133.8.3"), std::move(key));
  machine.daemon.write("ak.pem", ak.pem() + authority_.root().pem());
  return true;
}

bool CmcMachine::certify_again() {
  if (!certify()) return false;
  machine.daemon.stop();
  return machine.daemon.start() && machine.daemon.ready();
}

bool CmcMachine::describe() {
  auto bytes = attest(cmc::Encoding::cbor, {1});
  EXPECT_TRUE(bytes) << bytes.error().what;
  auto report = bytes ? cmc::decode_report(*bytes) : Result<cmc::Report>(bytes.error());
  EXPECT_TRUE(report) << report.error().what;
  if (!report || report->context.collateral.empty()) return false;
  cmc::Metadata manifest = manifest_of(*report);
  manifest.omsp_server = omsp_server;
  hold("manifest.json", manifest);
  hold("image.json", image());
  return reload();
}

void CmcMachine::hold(const std::string& file, cmc::Metadata metadata) const {
  metadata.version = format_rfc3339(wall_clock_now() - 3600);
  metadata.validity = cmc::Validity{format_rfc3339(wall_clock_now() - kDay), format_rfc3339(wall_clock_now() + 30 * kDay)};
  JwsSigner one{signer_.key.get(), {signer_.der(), authority_.root().der()}};
  auto item = cmc::sign_item(cmc::encode_metadata(metadata, signs), {&one, 1});
  ASSERT_TRUE(item) << item.error().what;
  machine.daemon.write("cmc-metadata/" + file, std::string(as_text(*item)));
}

bool CmcMachine::reload() const {
  std::string reloaded = machine.daemon.control(R"({"op":"reload"})");
  EXPECT_TRUE(reloaded.starts_with("{\"ok\"")) << reloaded;
  return reloaded.starts_with("{\"ok\"");
}

Result<Bytes> CmcMachine::attest(cmc::Encoding encoding, const Bytes& nonce, std::vector<std::string> cached) const {
  cmc::ApiRequest request;
  request.call = cmc::Call::attest;
  request.nonce = nonce;
  request.cached = std::move(cached);
  TRY(cmc::ApiResponse response, cmc_call(client(encoding), request));
  return std::move(response.report);
}

Result<std::string> CmcMachine::verify(cmc::Encoding encoding, const Bytes& nonce, const Bytes& report,
                                       const std::string& peer) const {
  cmc::ApiRequest request;
  request.call = cmc::Call::verify;
  request.nonce = nonce;
  request.report = report;
  request.peer = peer;
  request.peer_addr = "192.0.2.7:4433";
  TRY(cmc::ApiResponse response, cmc_call(client(encoding), request));
  return std::string(as_text(response.result));
}

}  // namespace attest::test
