#include "verifier/cmc/from_native.h"

#include "evidence/core/hex.h"

namespace attest::cmc {
namespace {

std::string upper(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  return out;
}

DigestFinding finding_of(const Mismatch& m) {
  DigestFinding out;
  out.launched = !m.measured_digest.empty();
  out.type = out.launched ? "Measurement" : upper(m.anchor);
  out.name = out.launched ? m.measured_name : m.expected_name;
  out.description = m.event_type;
  out.index = m.reg;
  if (auto digest = from_hex(out.launched ? m.measured_digest : m.expected_digest, 64)) out.digest = *digest;
  for (HashAlg alg : {HashAlg::sha1, HashAlg::sha256, HashAlg::sha384, HashAlg::sha512})
    if (digest_size(alg) == out.digest.size()) out.hash_alg = hash_name(alg);
  return out;
}

MeasurementFinding& measurement_of(AttestationResult& result, const std::string& anchor) {
  std::string type = upper(anchor) + " Result";
  for (MeasurementFinding& one : result.measurements)
    if (one.type == type) return one;
  result.measurements.emplace_back().type = type;
  return result.measurements.back();
}

Code code_of(const Check& check) {
  if (check.id == "quote.not-fresh") return kFreshnessFailed;
  if (check.id.starts_with("metadata.")) return kVerifyMetadata;
  if (check.id.starts_with("peer.") || check.id.starts_with("policy.")) return kVerifyPolicies;
  return kVerifyMeasurement;
}

void add_checks(const Verdict& verdict, AttestationResult& result) {
  for (const Check& check : verdict.checks()) {
    if (check.outcome == Outcome::pass) continue;
    std::string text = check.id + ": " + check.why;
    if (check.outcome == Outcome::warn)
      result.summary.warn(code_of(check), text);
    else
      result.summary.fail(code_of(check), text);
    if (check.outcome == Outcome::fail && code_of(check) == kFreshnessFailed) result.freshness.fail(kFreshnessFailed, text);
  }
  if (!verdict.trusted() && !verdict.failed()) result.summary.fail("no check passed");
}

}  // namespace

AttestationResult native_result(const Appraisal& appraisal, Party prover, Party verifier, UnixTime when) {
  AttestationResult out;
  out.prover = std::move(prover);
  out.verifier = std::move(verifier);
  out.created = format_rfc3339(when);
  for (const AnchorIdentity& anchor : appraisal.anchors) measurement_of(out, anchor_name(anchor.kind));
  for (const Mismatch& m : appraisal.verdict.mismatches()) {
    MeasurementFinding& measurement = measurement_of(out, m.anchor);
    measurement.artifacts.push_back(finding_of(m));
    measurement.summary.fail(kVerifyMeasurement);
  }
  out.image.metadata.type = kImageDescription;
  out.image.metadata.name = appraisal.image;
  for (const std::string& name : appraisal.manifests) {
    MetadataFinding manifest;
    manifest.metadata.type = kManifest;
    manifest.metadata.name = name;
    out.manifests.push_back(std::move(manifest));
  }
  add_checks(appraisal.verdict, out);
  return out;
}

}  // namespace attest::cmc
