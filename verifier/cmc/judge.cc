#include "verifier/cmc/judge.h"

#include <algorithm>
#include <set>

#include "evidence/core/hex.h"
#include "evidence/core/printable.h"
#include "verifier/cmc/hardware.h"

namespace attest::cmc {
namespace {

struct AppraiserRow {
  std::string_view type;    // of the evidence
  std::string_view anchor;  // of its reference values
  bool hardware;
  const char* details;      // in the summary of a result that failed
  MeasurementFinding (*judge)(const Measured& m);
};
constexpr AppraiserRow kAppraisers[] = {{kTpmEvidence, "TPM", true, "TPM measurement", judge_tpm},
                                        {kSwEvidence, "SW", false, "SW measurement", judge_sw},
                                        {kSnpEvidence, "SNP", true, "SNP measurement", judge_snp_evidence},
                                        {kTdxEvidence, "TDX", true, "TDX measurement", judge_tdx_evidence},
                                        {kSgxEvidence, "SGX", true, "SGX measurement", judge_sgx_evidence},
                                        {kIasEvidence, "IAS", true, "IAS measurement", judge_ias_evidence},
                                        {kAzureSnpEvidence, "SNP", true, "SNP measurement", judge_azure_snp},
                                        {kAzureTdxEvidence, "TDX", true, "TDX measurement", judge_azure_tdx},
                                        {kAzureVtpmEvidence, "TPM", true, "TPM measurement", judge_azure_vtpm}};

const AppraiserRow* find_appraiser(std::string_view type) {
  for (const AppraiserRow& row : kAppraisers)
    if (row.type == type) return &row;
  return nullptr;
}

// context_alg is the algorithm of the context hash; the prover picks it, so weak ones are refused.
HashAlg context_alg(const Report& report, Finding& summary) {
  auto alg = hash_alg_from_name(report.context.alg);
  if (alg && *alg != HashAlg::sha1) return *alg;
  summary.fail(kUnsupportedContextHashAlg, "context hash \"" + printable(report.context.alg, 20) + "\"");
  summary.fail(kVerifyMeasurement);
  return HashAlg::sha256;
}

void check_nonce(const Question& q, const Report& report, AttestationResult& out) {
  out.freshness.got = to_hex(report.context.nonce);
  out.freshness.expected = to_hex(q.nonce);
  if (!q.nonce.empty() && equal(report.context.nonce, q.nonce)) return;
  out.freshness.fail(kFreshnessFailed);
  out.summary.fail(kFreshnessFailed, "the report is not fresh");
}

std::vector<MetadataFinding> findings_of(std::vector<Item>& items) {
  std::vector<MetadataFinding> out;
  for (Item& item : items) out.push_back(std::move(item.finding));
  return out;
}

void judge_metadata(const Question& q, Items& items, AttestationResult& out) {
  if (q.check_omsp) check_omsp(items, q.now);
  out.compatibility = check_compatibility(items);
  Finding whole = items.problems;
  if (!out.compatibility.result.good()) whole.fail(kVerifyMetadata, out.compatibility.result.details);
  for (const auto* kind : {&items.images, &items.manifests, &items.companies, &items.omsp, &items.unknown})
    for (const Item& item : *kind) {
      const Finding& summary = item.finding.summary;
      if (!summary.good()) whole.fail(kVerifyMetadata, "metadata \"" + printable(item.finding.metadata.name) + "\": " + summary.details);
      if (summary.state == State::warn) whole.warn(kVerifyMetadata, "metadata \"" + printable(item.finding.metadata.name) + "\": " + summary.details);
    }
  if (whole.state == State::fail) out.summary.fail(kVerifyMetadata, whole.details);
  if (whole.state == State::warn) out.summary.warn(kVerifyMetadata, whole.details);
}

Collateral* collateral_for(Report& report, std::string_view type, Finding& summary) {
  Collateral* found = nullptr;
  for (Collateral& collateral : report.context.collateral) {
    if (collateral.type != type) continue;
    if (found != nullptr) summary.fail(kVerifyMeasurement, "two collaterals of type \"" + printable(type, 40) + "\"");
    found = &collateral;
  }
  return found;
}

// judge_evidence judges every evidence; each kind may stand once.
bool judge_evidence(const Question& q, Report& report, View nonce, const References& references, const Items& items,
                    AttestationResult& out) {
  static const std::vector<Reference> kNone;
  std::set<std::string> seen;
  bool hardware = false;
  for (const EvidenceItem& evidence : report.evidences) {
    if (!seen.insert(evidence.type).second)
      out.summary.fail(kVerifyMeasurement, "two evidences of type \"" + printable(evidence.type, 40) + "\"");
    const AppraiserRow* row = find_appraiser(evidence.type);
    if (row == nullptr) {
      out.summary.fail(kMeasurementTypeNotSupported, "evidence of type \"" + printable(evidence.type, 40) + "\"");
      out.summary.fail(kVerifyMeasurement);
      continue;
    }
    Collateral* collateral = collateral_for(report, evidence.type, out.summary);
    if (collateral == nullptr) {
      out.summary.fail(kVerifyMeasurement, "no collateral of type \"" + printable(evidence.type, 40) + "\"");
      continue;
    }
    auto at = references.by_anchor.find(std::string(row->anchor));
    MeasurementFinding finding =
        row->judge({q, evidence, *collateral, at == references.by_anchor.end() ? kNone : at->second, nonce, items, &report, {}});
    if (!finding.summary.good()) out.summary.fail(kVerifyMeasurement, row->details);
    hardware = hardware || row->hardware;
    out.measurements.push_back(std::move(finding));
  }
  return hardware;
}

// check_complete: evidence is there, and for every anchor the references are of.
void check_complete(const Report& report, const References& references, Finding& summary) {
  if (report.evidences.empty()) summary.fail(kVerifyMeasurement, "the report has no evidence");
  for (const auto& [of_anchor, values] : references.by_anchor) {
    const std::string& anchor = of_anchor;  // clang 14 hands no name of such a pair to a lambda
    bool there = std::ranges::any_of(report.evidences, [&](const EvidenceItem& evidence) {
      return evidence.type == anchor + " Evidence" || (evidence.type.starts_with("azure") && evidence.type.find(anchor) != std::string::npos);
    });
    if (!there) summary.fail(kVerifyMeasurement, "the manifests have " + anchor + " reference values and the report no such evidence");
  }
}

std::int64_t level_of(const Items& items) {
  std::int64_t level = INT64_MAX;
  for (const Item& item : items.manifests) level = std::min(level, item.finding.metadata.cert_level);
  return items.manifests.empty() ? 0 : level;
}

Bytes tpm_certificate_of(const Report& report) {
  for (const Collateral& collateral : report.context.collateral)
    if (collateral.type == kTpmEvidence) return collateral.certs.empty() ? Bytes() : collateral.certs.front();
  return {};
}

void judge_report(const Question& q, Report& report, Judged& judged) {
  AttestationResult& out = judged.result;
  if (report.type != kReportType) out.summary.fail("type \"" + printable(report.type, 40) + "\" is no report");
  if (report.context.type != kContextType) out.summary.fail("type \"" + printable(report.context.type, 40) + "\" is no context");
  out.prover = {report.name.empty() ? "unknown" : printable(report.name, 253), q.peer_ip, q.peer_id};
  HashAlg alg = context_alg(report, out.summary);
  judged.alg = alg;
  Items items = examine_items(q, report, alg);
  judge_metadata(q, items, out);
  check_nonce(q, report, out);
  Digest nonce = hash_of(alg, {report.hashed_context});
  References references = collect_references(items);
  if (!references.problems.good())
    for (int code : references.problems.codes) out.summary.fail(static_cast<Code>(code), references.problems.details);
  bool hardware = judge_evidence(q, report, nonce.view(), references, items, out);
  check_complete(report, references, out.summary);
  out.cert_level = level_of(items);
  if (out.cert_level > 1 && !hardware) out.summary.fail(kInvalidCertLevel, "this level needs hardware evidence");
  for (const auto* kind : {&items.images, &items.manifests, &items.companies})
    for (const Item& item : *kind)
      if (item.trusted) judged.verified_items.push_back(item.bytes);
  if (!items.images.empty()) out.image = std::move(items.images.front().finding);
  out.manifests = findings_of(items.manifests);
  out.companies = findings_of(items.companies);
  out.unknown = findings_of(items.unknown);
  out.omsp_responses = findings_of(items.omsp);
}

}  // namespace

Judged judge(const Question& q) {
  Judged judged;
  AttestationResult& out = judged.result;
  out.created = format_rfc3339(q.now);
  if (q.one_root) out.summary.details = "one set of roots for signers and attestation keys";
  auto report = decode_lent_report(q.report);
  if (!report) {
    out.summary.fail(kUnknownSerialization, report.error().what);
    judged.malformed = report.error();
    return judged;
  }
  if (report->version != kReportVersion)
    out.summary.fail(kInvalidVersion, "report version \"" + printable(report->version, 20) + "\"");
  else
    judge_report(q, *report, judged);
  judged.tpm_certificate = tpm_certificate_of(*report);
  judged.evidences = std::move(report->evidences);
  judged.decoded = std::move(report->context.metadata);
  judged.trusted = out.summary.good() && !out.measurements.empty();
  return judged;
}

}  // namespace attest::cmc
