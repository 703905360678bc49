#include "verifier/cmc/hardware.h"

#include <algorithm>

#include "evidence/core/hex.h"
#include "verifier/snp/checks.h"

namespace attest::cmc {
namespace {

// Place is the part of a result that a check belongs to.
enum class Place : std::uint8_t { summary, freshness, signature, chain };

struct CheckRow {
  std::string_view id;  // whole, or behind the TEE's name
  Place place;
  Code code;
};
constexpr CheckRow kRows[] = {{snp_check::kReport, Place::summary, kParseEvidence},
                              {snp_check::kCertificate, Place::chain, kParseCert},
                              {snp_check::kChain, Place::chain, kVerifyCertChain},
                              {snp_check::kRevocation, Place::chain, kVerifyCertChain},
                              {snp_check::kSignature, Place::signature, kVerifySignature},
                              {snp_check::kSigningKey, Place::signature, kUnsupportedAlgorithm},
                              {snp_check::kNonce, Place::freshness, kFreshnessFailed},
                              {snp_check::kTcbCertificate, Place::summary, kExtensionsCheck},
                              {snp_check::kChip, Place::summary, kExtensionsCheck},
                              {dcap_check::kForm, Place::summary, kParseEvidence},
                              {dcap_check::kPckChain, Place::chain, kVerifyPckChain},
                              {dcap_check::kQeReportSignature, Place::signature, kVerifySignature},
                              {dcap_check::kQeReportData, Place::signature, kVerifyCertChain},
                              {dcap_check::kQuoteSignature, Place::signature, kVerifySignature},
                              {dcap_check::kCollateral, Place::summary, kCollateralNotPresent},
                              {dcap_check::kTcbInfoSignature, Place::summary, kVerifyTcbInfo},
                              {dcap_check::kQeIdentitySignature, Place::summary, kVerifyQeIdentity},
                              {dcap_check::kCrl, Place::chain, kCrlCheckPck},
                              {dcap_check::kTime, Place::summary, kTcbInfoExpired},
                              {dcap_check::kRevoked, Place::chain, kCrlCheckPck},
                              {dcap_check::kTcbInfoMatch, Place::summary, kSgxFmspcMismatch},
                              {dcap_check::kQeIdentity, Place::summary, kVerifyQeIdentity},
                              {dcap_check::kTcbStatus, Place::summary, kTcbLevelUnsupported},
                              {dcap_check::kNonce, Place::freshness, kFreshnessFailed}};

const CheckRow* row_of(std::string_view id) {
  std::string_view rest = id.substr(std::min(id.size(), id.find('.') + 1));
  for (const CheckRow& row : kRows)
    if (row.id == id || (!id.starts_with("snp.") && row.id == rest)) return &row;
  return nullptr;
}

Finding& place_of(Place place, MeasurementFinding& out) {
  if (place == Place::freshness) return out.freshness;
  if (place == Place::signature) return out.signature.signature;
  return place == Place::chain ? out.signature.chain : out.summary;
}

}  // namespace

const Metadata* root_manifest(const Items& items) {
  for (const Item& item : items.manifests) {
    const Metadata& m = item.finding.metadata;
    if (item.trusted && m.base_layers.size() == 1 && m.base_layers[0] == m.name) return &m;
  }
  return nullptr;
}

bool named_root(const Items& items, View der) {
  const Metadata* root = root_manifest(items);
  if (root == nullptr) return false;
  Digest digest = sha256(der);
  return !digest.empty() && std::ranges::any_of(root->ca_fingerprints, [&](const std::string& text) {
    auto bytes = from_hex(text, 32);
    return bytes && equal(*bytes, digest.view());
  });
}

const Component* only_reference(const Measured& m, Finding& summary) {
  if (m.references.size() == 1) return m.references.front().component;
  if (m.references.empty())
    summary.fail(kRefValNotPresent, "the manifests have no reference value for it");
  else
    summary.fail(kRefValMultiple, "several reference values for one measurement");
  return nullptr;
}

void measured_as(const Component& reference, std::int64_t index, View measured, HashAlg alg, const char* anchor, MeasurementFinding& out) {
  const Bytes* due = reference.hash(alg);
  DigestFinding finding;
  finding.name = reference.name;
  finding.index = index;
  finding.hash_alg = hash_name(alg);
  finding.description = reference.description;
  finding.version = reference.version;
  finding.purl = reference.purl;
  if (due != nullptr) finding.digest = *due;
  finding.success = finding.launched = due != nullptr && equal(*due, measured);
  finding.type = finding.success ? "Verified" : anchor;
  out.artifacts.push_back(finding);
  if (finding.success) return;
  DigestFinding found;
  found.index = index;
  found.hash_alg = finding.hash_alg;
  found.digest = to_bytes(measured);
  found.launched = true;
  found.type = "Measurement";
  out.artifacts.push_back(std::move(found));
  out.summary.fail(kVerifyMeasurement, "the measurement is not that of \"" + reference.name + "\"");
}

void tell(const std::vector<attest::Finding>& checks, MeasurementFinding& out) {
  for (const attest::Finding& check : checks) {
    if (check.outcome != Outcome::fail) continue;
    const CheckRow* row = row_of(check.id);
    std::string why = check.id + ": " + check.why;
    Finding& finding = row != nullptr ? place_of(row->place, out) : out.summary;
    row != nullptr ? finding.fail(row->code, why) : finding.fail(why);
    if (&finding != &out.summary) out.summary.fail(why);
  }
}

const nlohmann::json& member_of(const nlohmann::json& policy, const char* name) {
  static const nlohmann::json kNone;
  if (!policy.is_object()) return kNone;
  auto at = policy.find(name);
  return at == policy.end() ? kNone : *at;
}

std::int64_t number_of(const nlohmann::json& policy, const char* name, std::int64_t fallback) {
  const nlohmann::json& value = member_of(policy, name);
  return value.is_number_integer() ? value.get<std::int64_t>() : fallback;
}

}  // namespace attest::cmc
