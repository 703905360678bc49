// appraise.cc: SEV-SNP evidence of a handshake: the same checks as for a report by itself, and the launch measurement against
// the signed references.
#include "evidence/core/hex.h"
#include "evidence/core/printable.h"
#include "evidence/snp/anchor.h"
#include "verifier/appraisers.h"
#include "verifier/references/index.h"
#include "verifier/references/sentences.h"
#include "verifier/snp/checks.h"
#include "verifier/snp/judge.h"
#include "verifier/snp/measure.h"
#include "verifier/tpm/key_trust.h"

namespace attest {
namespace {

SnpFindings judge_anchor(const Case& c, const SnpAnchor& anchor) {
  SnpCase question;
  question.report = anchor.report;
  question.key_der = anchor.certificates.front();
  question.others.assign(anchor.certificates.begin() + 1, anchor.certificates.end());
  question.trust = c.policy.snp_trust.get();
  question.when = c.question.now;
  question.report_data = snp_report_data(c.qualifying);
  return judge_snp(question, c.policy.snp);
}

std::string sentence(const Finding& finding) {
  if (finding.expected.empty() && finding.measured.empty()) return finding.why;
  return finding.why + ": found " + finding.measured + ", expected " + finding.expected;
}

void tell(const Findings& findings, Verdict& verdict) {
  for (const Finding& finding : findings.checks) {
    if (finding.outcome == Outcome::pass) verdict.pass(finding.id);
    if (finding.outcome == Outcome::warn) verdict.warn(finding.id, sentence(finding));
    if (finding.outcome == Outcome::fail) verdict.fail(finding.id, sentence(finding));
  }
}

// check_identity: the machine is the one the context names, it is not denied, and pinned where the rule pins machines.
Failed check_identity(const Case& c, const SnpFindings& found) {
  auto named = std::ranges::find(c.context.anchors, AnchorKind::snp, &AnchorIdentity::kind);
  Bytes id = snp_identity(**found.verified, (*found.key)->certificate);
  if (id.empty() || id != named->id)
    return failed(check::kEvidenceInconsistent, "the report context names another SEV-SNP machine than its report");
  if (denied_key(c.policy, id)) return failed(check::kAkDenied, "SEV-SNP machine " + to_hex(id) + " is on the deny list");
  if (c.rule.ak_names.empty() || pinned_key(c.rule, id)) return {};
  return failed(check::kAkUntrusted, "SEV-SNP machine " + to_hex(id) + " is none of those that rule \"" + c.rule.name + "\" pins",
                "list it under ak_names if it is the right machine");
}

// Reference is one launch measurement that a manifest names.
struct Reference {
  const MetadataItem* item = nullptr;
  std::uint32_t entry = 0;
  const ReferenceValue* value = nullptr;
};

std::vector<Reference> references_of(const ClaimedMetadata& metadata) {
  std::vector<Reference> out;
  for (const MetadataItem* item : metadata.layers.manifests) {
    const auto& values = item->metadata->manifest.references;
    for (std::uint32_t i = 0; i < values.size(); i++)
      if (values[i].anchor == AnchorKind::snp) out.push_back({item, i, &values[i]});
  }
  return out;
}

Mismatch mismatch_of(const SnpReport& report, const Reference* nearest) {
  Mismatch m;
  m.check = snp_check::kMeasurement;
  m.anchor = anchor_name(AnchorKind::snp);
  m.measured_name = "launch measurement";
  m.measured_digest = to_hex(report.measurement);
  if (nearest == nullptr) return m;
  m.expected_name = printable(nearest->value->name);
  if (const Digest* d = nearest->value->hash(HashAlg::sha384)) m.expected_digest = to_hex(d->view());
  m.manifest = nearest->item->metadata->name;
  m.manifest_version = nearest->item->metadata->version;
  m.entry = nearest->entry;
  return m;
}

}  // namespace

void measure_snp_launch(const SnpReport& report, const ClaimedMetadata& metadata, Appraisal& out) {
  std::vector<Reference> references = references_of(metadata);
  out.events++;
  for (const Reference& reference : references) {
    const Digest* digest = reference.value->hash(HashAlg::sha384);
    if (digest != nullptr && equal(digest->view(), report.measurement)) return out.verdict.pass(snp_check::kMeasurement);
  }
  out.verdict.mismatch(mismatch_of(report, references.empty() ? nullptr : &references.front()));
  out.verdict.fail(snp_check::kMeasurement,
                   references.empty() ? "the manifests have no reference value for the launch of an SEV-SNP guest"
                                      : "launch measurement " + to_hex(report.measurement) + " is not in the signed references",
                   "publish a reference for it if the change was wanted (attestctl reference snp)");
}

namespace {

// judge_manifest_policies: what the signers of the manifests demand, beside what our policy does.
void judge_manifest_policies(const Case& c, const SnpFindings& found, const ClaimedMetadata& metadata, Verdict& verdict) {
  for (const MetadataItem* item : metadata.layers.manifests) {
    const std::string& text = item->metadata->manifest.snp_policy;
    if (text.empty()) continue;
    auto policy = parse_snp_policy(text, "snpPolicy of " + describe(*item->metadata));
    if (!policy) {
      verdict.fail(check::kMetadataLayers, policy.error().what, "publish a manifest with a policy this version reads");
      continue;
    }
    if (c.policy.snp.abi_order == AbiOrder::cmc) policy->abi_order = AbiOrder::cmc;
    Findings demands;
    judge_snp_policy(**found.verified, (*found.key)->certificate, *policy, demands);
    tell(demands, verdict);
  }
}

}  // namespace

bool verify_snp(const Case& c, const Anchor& any, Verdict& verdict) {
  const SnpAnchor& anchor = std::get<SnpAnchor>(any);
  if (anchor.certificates.empty() || c.policy.snp_trust == nullptr) {
    verdict.fail(snp_check::kChain, "no certificate came, or the policy trusts no AMD root");
    return false;
  }
  SnpFindings found = judge_anchor(c, anchor);
  tell(found, verdict);
  if (!found.verified || !found.key) return false;
  return note(verdict, check::kAkDenied, check_identity(c, found)) && found.trusted();
}

void measure_snp(const Case& c, const Anchor& any, const ClaimedMetadata& metadata, Appraisal& out) {
  SnpFindings found = judge_anchor(c, std::get<SnpAnchor>(any));
  if (!found.verified || !found.key) return out.verdict.fail(snp_check::kSignature, "the report does not verify");
  measure_snp_launch(**found.verified, metadata, out);
  judge_manifest_policies(c, found, metadata, out.verdict);
}

}  // namespace attest
