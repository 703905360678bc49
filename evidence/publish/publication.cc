#include "evidence/publish/publication.h"

#include "evidence/core/hash.h"
#include "evidence/core/hex.h"
#include "evidence/json/writer.h"

namespace attest::publish {
namespace {

constexpr int kClass = 2004, kCategory = 2, kCreate = 1, kTypeUid = 200401, kNew = 1, kHigh = 4, kRegularFile = 1, kOtherType = 99;

// Fingerprint algorithms as OCSF numbers them.
int algorithm_id(std::string_view name) {
  auto alg = hash_alg_from_name(name);
  if (!alg) return kOtherType;
  switch (*alg) {
    case HashAlg::sha1: return 2;
    case HashAlg::sha256: return 3;
    case HashAlg::sha384: return 9;
    case HashAlg::sha512: return 4;
  }
  return kOtherType;
}

// prover_of: a report that could not be read names nobody, which no finding and no map has a place for.
std::string prover_of(const cmc::AttestationResult& result) {
  return result.prover.hostname.empty() ? "unknown" : result.prover.hostname;
}

std::string uid_of(const cmc::AttestationResult& result, std::string_view what, View digest) {
  Digest whole = sha256({as_view(result.prover.hostname), as_view("\n"), as_view(result.created), as_view("\n"), as_view(what),
                         as_view("\n"), digest});
  return to_hex(whole.view());
}

void write_head(JsonWriter& out, const cmc::AttestationResult& result, UnixTime when) {
  out.object().field("activity_id", kCreate).field("activity_name", "Create");
  out.field("category_uid", kCategory).field("category_name", "Findings");
  out.field("class_uid", kClass).field("class_name", "Detection Finding");
  out.field("type_uid", kTypeUid).field("type_name", "Detection Finding: Create");
  out.field("severity_id", kHigh).field("severity", "High").field("status_id", kNew).field("status", "New");
  out.field("time", when * 1000);
  out.key("metadata").object().field("version", "1.8.0").key("product").object();
  out.field("name", "attest-provider").field("vendor_name", "attest-provider").end_object().end_object();
  out.key("device").object().field("type_id", 0).field("type", "Unknown").field("hostname", prover_of(result));
  if (!result.prover.ip.empty()) out.field("ip", result.prover.ip);
  if (!result.prover.peer_id.empty()) out.field("uid", result.prover.peer_id);
  out.end_object();
}

void write_info(JsonWriter& out, const std::string& uid, std::string_view title, std::string_view text, UnixTime when) {
  out.key("finding_info").object().field("uid", uid).field("title", title).field("desc", text);
  out.field("created_time", when * 1000).key("types").array().text("Remote attestation").end_array().end_object();
}

std::string artifact_finding(const cmc::AttestationResult& result, const cmc::DigestFinding& artifact, UnixTime when) {
  JsonWriter out;
  write_head(out, result, when);
  std::string text = "\"" + artifact.name + "\" ran on " + prover_of(result) + " and is no reference value of its metadata";
  write_info(out, uid_of(result, artifact.name, artifact.digest), "Unexpected software: " + artifact.name, text, when);
  out.key("evidences").array().object().key("file").object();
  out.field("name", artifact.name).field("type_id", kRegularFile).field("type", "Regular File");
  if (artifact.description.starts_with('/')) out.field("path", artifact.description);
  out.key("hashes").array().object().field("algorithm_id", algorithm_id(artifact.hash_alg));
  out.field("algorithm", artifact.hash_alg).field("value", to_hex(artifact.digest)).end_object().end_array();
  out.end_object().end_object().end_array();
  out.key("unmapped").object().field("measurement_register", artifact.index).end_object();
  out.end_object();
  return std::move(out).finish();
}

std::string result_finding(const cmc::AttestationResult& result, UnixTime when) {
  JsonWriter out;
  write_head(out, result, when);
  std::string why = result.summary.details.empty() ? "attestation failed" : result.summary.details;
  write_info(out, uid_of(result, why, {}), "Attestation of " + prover_of(result) + " failed", why, when);
  out.key("unmapped").object().key("error_codes").array();
  for (int code : cmc::codes_of(result)) out.number(code);
  out.end_array().end_object().end_object();
  return std::move(out).finish();
}

}  // namespace

std::vector<std::string> detection_findings(const cmc::AttestationResult& result, UnixTime when) {
  std::vector<std::string> out;
  if (result.summary.good()) return out;
  for (const cmc::MeasurementFinding& measurement : result.measurements)
    for (const cmc::DigestFinding& artifact : measurement.artifacts)
      if (artifact.launched && !artifact.success && out.size() < kMaxFindings) out.push_back(artifact_finding(result, artifact, when));
  if (out.empty()) out.push_back(result_finding(result, when));
  return out;
}

std::string network_event(const cmc::AttestationResult& result) {
  JsonWriter out;
  out.object().field("verifier", result.verifier.hostname).field("prover", prover_of(result));
  out.field("status", cmc::state_name(result.summary.state)).field("time", result.created).end_object();
  return std::move(out).finish();
}

}  // namespace attest::publish
