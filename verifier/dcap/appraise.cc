#include "verifier/dcap/appraise.h"

#include "evidence/core/hex.h"
#include "evidence/core/printable.h"
#include "evidence/dcap/anchor.h"
#include "verifier/tpm/key_trust.h"

namespace attest {
namespace {

std::string sentence(const Finding& finding) {
  if (finding.expected.empty() || finding.why.find(finding.measured) != std::string::npos) return finding.why;
  return finding.why + ": found " + finding.measured + ", expected " + finding.expected;
}

// check_identity: the platform is the one the context names, not denied, and pinned where the rule pins
// machines.
Failed check_identity(const Case& c, AnchorKind kind, const PckExtension& pck) {
  auto named = std::ranges::find(c.context.anchors, kind, &AnchorIdentity::kind);
  Bytes id = dcap_identity(pck);
  if (named == c.context.anchors.end() || id != named->id)
    return failed(check::kEvidenceInconsistent, "the report context names another platform than the quote");
  if (denied_key(c.policy, id))
    return failed(check::kAkDenied, "platform " + to_hex(id) + " is on the deny list");
  if (c.rule.ak_names.empty() || pinned_key(c.rule, id)) return {};
  return failed(check::kAkUntrusted,
                "platform " + to_hex(id) + " is none of those that rule \"" + c.rule.name + "\" pins",
                "list it under ak_names if it is the right machine");
}

void judge_collateral(const Case& c, QuoteJudgement& judgement, NamedChecks& checks) {
  if (c.policy.dcap_trust->collateral)
    return judge_platform(*c.policy.dcap_trust->collateral, c.policy.dcap.tcb, c.question.now, judgement,
                          checks);
  constexpr const char* kNone =
      "the policy names no collateral: nobody knows the state of the platform's TCB, nor whether its PCK is "
      "revoked";
  if (c.policy.dcap.tcb.collateral_required)
    checks.fail(dcap_check::kCollateral, kNone);
  else
    checks.warn(dcap_check::kCollateral, kNone);
}

void judge_body(const Case& c, const Quote& quote, const std::optional<Bytes>& nonce, NamedChecks& checks) {
  if (const TdReport* td = quote.td()) return judge_td(*td, c.policy.dcap.tdx, nonce, checks);
  judge_enclave(*quote.enclave(), c.policy.dcap.sgx, nonce, checks);
}

bool passed(const std::vector<Finding>& findings) {
  return std::ranges::none_of(findings, [](const Finding& f) { return f.outcome == Outcome::fail; });
}

}  // namespace

void tell_findings(const std::vector<Finding>& findings, Verdict& verdict) {
  for (const Finding& finding : findings) {
    if (finding.outcome == Outcome::pass) verdict.pass(finding.id);
    if (finding.outcome == Outcome::warn) verdict.warn(finding.id, sentence(finding));
    if (finding.outcome == Outcome::fail) verdict.fail(finding.id, sentence(finding));
  }
}

std::optional<PckExtension> judge_handshake_quote(const Case& c, AnchorKind kind, View bytes, const Bytes& report_data,
                                                  Verdict& verdict) {
  NamedChecks checks(anchor_name(kind));
  auto quote = parse_quote(bytes);
  bool of_kind = quote && (quote->tee == TeeType::tdx) == (kind == AnchorKind::tdx);
  Status form = !quote    ? Status(quote.error())
                : of_kind ? ok()
                          : Status(Error{Errc::mismatch, "the quote is of another TEE"});
  if (form && !quote->trailing.empty()) form = Error{Errc::malformed, "quote: trailing bytes"};
  if (!checks.settle(dcap_check::kForm, form) || c.policy.dcap_trust == nullptr) {
    if (form) checks.fail(dcap_check::kPckChain, "the policy trusts no root of Intel's form");
    tell_findings(checks.list(), verdict);
    return std::nullopt;
  }
  QuoteJudgement judgement;
  const DcapTrust& trust = *c.policy.dcap_trust;
  const Issuers& issuers = trust.collateral ? trust.collateral->issuers : trust.roots;
  bool genuine = judge_signatures(*quote, issuers, {}, c.question.now, judgement, checks);
  if (genuine) {
    judge_body(c, *quote, report_data, checks);
    judge_collateral(c, judgement, checks);
  }
  tell_findings(checks.list(), verdict);
  if (!genuine || !passed(checks.list())) return std::nullopt;
  return *judgement.pck->pck;
}

bool verify_dcap(const Case& c, AnchorKind kind, View quote, Verdict& verdict) {
  auto pck = judge_handshake_quote(c, kind, quote, dcap_report_data(c.qualifying), verdict);
  return pck && note(verdict, check::kAkDenied, check_identity(c, kind, *pck));
}

std::vector<DcapReference> dcap_references(const ClaimedMetadata& metadata, AnchorKind kind, HashAlg alg) {
  std::vector<DcapReference> out;
  for (const MetadataItem* item : metadata.layers.manifests) {
    const auto& values = item->metadata->manifest.references;
    for (std::uint32_t i = 0; i < values.size(); i++)
      if (values[i].anchor == kind) out.push_back({item, i, &values[i], values[i].hash(alg)});
  }
  return out;
}

Mismatch dcap_mismatch(AnchorKind kind, std::uint32_t reg, std::string name, View measured,
                       const DcapReference* nearest) {
  Mismatch m;
  m.check = std::string(anchor_name(kind)) + "." + std::string(dcap_check::kMeasurements);
  m.anchor = anchor_name(kind);
  m.reg = reg;
  m.measured_name = std::move(name);
  m.measured_digest = to_hex(measured);
  if (nearest == nullptr) return m;
  m.expected_name = printable(nearest->value->name);
  if (nearest->digest != nullptr) m.expected_digest = to_hex(nearest->digest->view());
  m.manifest = nearest->item->metadata->name;
  m.manifest_version = nearest->item->metadata->version;
  m.entry = nearest->entry;
  return m;
}

}  // namespace attest
