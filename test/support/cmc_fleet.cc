#include "test/support/cmc_fleet.h"

#include <algorithm>

#include "evidence/cmc/cose.h"
#include "evidence/core/hex.h"
#include "test/support/recording.h"
#include "test/support/snp_samples.h"

namespace attest::test {
namespace {

cmc::Metadata metadata(const std::string& type, const std::string& name) {
  cmc::Metadata out;
  out.type = type;
  out.name = name;
  out.version = "2026-11-01T00:00:00Z";
  out.validity = cmc::Validity{format_rfc3339(kTestNow - kDay), format_rfc3339(kTestNow + kDay)};
  return out;
}

}  // namespace

std::string fingerprint(const Bytes& der) { return to_hex(sha256(View(der)).view()); }

void accept_turin(cmc::Metadata& manifest) {
  manifest.ca_fingerprints = {fingerprint(snp_certificate("ark-turin.pem"))};
  auto sample = *parse_snp_report(snp_fixture("turin-v5-report.bin"));
  nlohmann::json bits = {{"type", "SNP Policy"}, {"debug", false}, {"migration", false}, {"abiMajor", 0}, {"abiMinor", 0},
                         {"smt", sample.allows(SnpPolicyBits::kSmt)}, {"singleSocket", sample.allows(SnpPolicyBits::kSingleSocket)}};
  nlohmann::json zero = {{"fmc", 0}, {"bl", 0}, {"tee", 0}, {"snp", 0}, {"ucode", 0}};
  nlohmann::json turin = {{"name", "Turin"}, {"fw", {{"build", 0}, {"major", 0}, {"minor", 0}}}, {"tcb", zero}};
  manifest.snp_policy = {{"reportMinVersion", 2}, {"reportMaxVersion", 5}, {"policy", bits}, {"versions", nlohmann::json::array({turin})}};
}

cmc::Component cmc_event(View digest, HashAlg alg) {
  cmc::Component out;
  out.name = "event";
  out.hashes = {{cmc::hash_name(alg), to_bytes(digest)}};
  return out;
}

cmc::Component cmc_reference(const std::string& anchor, std::int64_t index, View digest, HashAlg alg) {
  cmc::Component out = cmc_event(digest, alg);
  out.type = "firmware";
  out.name = "reference " + std::to_string(index);
  out.properties = {{"cmc.ta", anchor}, {"cmc.index", std::to_string(index)}};
  return out;
}

Fleet::Fleet() : signer_root(make_root("fleet signers")), signer(make_signer(signer_root)), ak_root(make_root("fleet keys")) {
  manifest = metadata(std::string(cmc::kManifest), "base");
  manifest.sbom = cmc::Sbom{"CycloneDX", "1.7", 1, {}};
  manifest.base_layers = {"base"};
  manifest.cert_level = 2;
  image = metadata(std::string(cmc::kImageDescription), "image");
  image.descriptions = {{"Manifest Description", "base", "", "base", {}}};
}

std::vector<Bytes> Fleet::items() const {
  std::vector<Bytes> out;
  std::vector<cmc::Metadata> all = {image, manifest};
  all.insert(all.end(), more.begin(), more.end());
  for (const cmc::Metadata& item : all) {
    Bytes payload = cmc::encode_metadata(item, encoding);
    JwsSigner by{signer.key.get(), {signer.der(), signer_root.der()}};
    out.push_back(encoding == cmc::Encoding::json ? to_bytes(as_view(must(sign_jws(payload, std::span(&by, 1)))))
                                                  : must(cmc::sign_cose(payload, std::span(&by, 1))));
  }
  out.insert(out.end(), signed_items.begin(), signed_items.end());
  return out;
}

Bytes Fleet::report(const Bytes& nonce) {
  cmc::Report out;
  out.encoding = encoding;
  out.version = cmc::kReportVersion;
  out.type = cmc::kReportType;
  out.name = "vm.example";
  out.context.type = "Context";
  out.context.alg = "SHA-256";
  out.context.nonce = nonce;
  out.context.collateral = collateral;
  for (Bytes& item : items()) {
    std::string digest = to_hex(sha256(View(item)).view());
    out.context.digests.push_back(digest);
    out.context.metadata[digest] = std::move(item);
  }
  if (change) change(out);
  Bytes encoded = cmc::encode_context(out.context, encoding);
  out.evidences = attest(sha256(View(cmc::hashed_context(encoded, encoding))).view());
  return cmc::encode_report(out, encoded);
}

cmc::Judged Fleet::judge(const Bytes& report, const Bytes& nonce) const {
  TrustStore signers = must(TrustStore::make({signer_root.der()})), keys = must(TrustStore::make({ak_root.der()}));
  std::vector<Bytes> roots = {signer_root.der(), ak_root.der()};
  cmc::Question q;
  q.report = report;
  q.nonce = nonce;
  q.now = now;
  q.signers = &signers;
  q.attestation_keys = &keys;
  q.roots = roots;
  return cmc::judge(q);
}

bool Fleet::has_code(int code) {
  cmc::Judged judged = judge();
  std::vector<int> codes = cmc::codes_of(judged.result);
  return !judged.trusted && std::ranges::find(codes, code) != codes.end();
}

}  // namespace attest::test
