// appraise.cc: an Azure machine in a handshake: hardware vouches for the claims, the claims for the key that made the quote
// beside them.
#include <algorithm>

#include "evidence/azure/anchor.h"
#include "evidence/core/hex.h"
#include "verifier/appraisers.h"
#include "verifier/azure/checks.h"
#include "verifier/azure/judge.h"
#include "verifier/dcap/appraise.h"
#include "verifier/identity.h"
#include "verifier/snp/measure.h"
#include "verifier/tdx/measure.h"

namespace attest {
namespace {

// tpm_beside is the TPM anchor beside these claims; nullptr where none stands that the rule allows.
const TpmAnchor* tpm_beside(const Case& c) {
  if (!anchor_allowed(c, AnchorKind::tpm)) return nullptr;
  for (const Anchor& anchor : c.evidence.anchors)
    if (const TpmAnchor* tpm = std::get_if<TpmAnchor>(&anchor)) return tpm;
  return nullptr;
}

// judge_claims judges the report. The quote has been judged as a TPM's, or will be: it is no part of this.
AzureFindings judge_claims(const Case& c, const AzureAnchor& anchor, const SigningKey& ak, const std::optional<Bytes>& td) {
  AzureCase question;
  question.hcl = anchor.hcl;
  if (!anchor.certificates.empty()) {
    question.key_der = anchor.certificates.front();
    question.others.assign(anchor.certificates.begin() + 1, anchor.certificates.end());
  }
  question.trust = c.policy.snp_trust.get();
  question.when = c.question.now;
  question.ak = &ak;
  question.td_report_data = td;
  AzureFindings out = judge_azure(question, c.policy.azure);
  std::erase_if(out.checks, [](const Finding& f) { return f.id == azure_check::kQuote; });
  return out;
}

Failed check_machine(const Case& c, const AzureAnchor& anchor) {
  auto named = std::ranges::find(c.context.anchors, AnchorKind::azure, &AnchorIdentity::kind);
  auto id = azure_identity(anchor.hcl);
  if (id && named != c.context.anchors.end() && *id == named->id) return {};
  return failed(check::kEvidenceInconsistent, "the report context names another Azure machine than the claims");
}

// td_report_data is what a genuine TD quote beside the claims binds.
std::optional<Bytes> td_report_data(const Case& c, const AzureAnchor& anchor, Verdict& verdict) {
  auto report = parse_hcl_report(anchor.hcl);
  if (!report || report->type != HclReportType::tdx) return std::nullopt;
  Bytes due = claims_digest(*report);
  if (!judge_handshake_quote(c, AnchorKind::tdx, anchor.td_quote, due, verdict)) return std::nullopt;
  return due;
}

bool has_references(const ClaimedMetadata& metadata, AnchorKind kind) {
  return std::ranges::any_of(metadata.layers.manifests, [kind](const MetadataItem* item) {
    return std::ranges::any_of(item->metadata->manifest.references, [kind](const ReferenceValue& v) { return v.anchor == kind; });
  });
}

bool in_context(const Case& c, AnchorKind kind) {
  return std::ranges::find(c.context.anchors, kind, &AnchorIdentity::kind) != c.context.anchors.end();
}

}  // namespace

bool verify_azure(const Case& c, const Anchor& any, Verdict& verdict) {
  const AzureAnchor& anchor = std::get<AzureAnchor>(any);
  const TpmAnchor* tpm = tpm_beside(c);
  auto ak = tpm != nullptr ? read_signing_key(tpm->ak_public) : Result<SigningKey>(Error{Errc::mismatch, "no quote of the vTPM came"});
  if (!ak) {
    verdict.fail(azure_check::kQuote, ak.error().what, "configure \"tpm\" with \"ak\": \"platform\" on the peer");
    return false;
  }
  AzureFindings found = judge_claims(c, anchor, *ak, td_report_data(c, anchor, verdict));
  tell_findings(found.checks, verdict);
  return found.trusted() && note(verdict, check::kEvidenceInconsistent, check_machine(c, anchor));
}

// measure_azure: the paravisor's launch is compared where the manifests have references for it; who demands it without them lists
// measurements under "snp" or "tdx" of the policy.
void measure_azure(const Case& c, const Anchor& any, const ClaimedMetadata& metadata, Appraisal& out) {
  const AzureAnchor& anchor = std::get<AzureAnchor>(any);
  auto report = parse_hcl_report(anchor.hcl);
  if (!report) return out.verdict.fail(azure_check::kReport, report.error().what);
  AnchorKind ours = report->type == HclReportType::snp ? AnchorKind::snp : AnchorKind::tdx;
  for (AnchorKind kind : {AnchorKind::snp, AnchorKind::tdx}) {
    if (!has_references(metadata, kind) || in_context(c, kind)) continue;
    if (kind != ours) {
      out.verdict.fail(check::kAnchorMissing, std::string("the manifests have reference values for ") + anchor_name(kind) +
                                                  ", the machine runs on " + anchor_name(ours));
      continue;
    }
    auto snp = parse_snp_report(report->hardware);
    auto quote = parse_quote(anchor.td_quote);
    if (kind == AnchorKind::snp && snp) measure_snp_launch(*snp, metadata, out);
    if (kind == AnchorKind::tdx && quote && quote->td() != nullptr) measure_td(*quote->td(), {}, metadata, out);
  }
}

}  // namespace attest
