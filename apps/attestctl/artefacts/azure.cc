// Kind "azure": HCL reports of Azure confidential VMs, with the quote of their vTPM.
#include "apps/attestctl/artefacts/kinds.h"
#include "apps/attestctl/artefacts/snp_files.h"
#include "evidence/core/hex.h"
#include "verifier/azure/judge.h"

namespace attest::ctl {
namespace {

bool looks_like(View bytes) { return as_text(bytes).starts_with("HCLA"); }

Facts optional_fact(const std::optional<bool>& fact) { return fact ? Facts(*fact) : Facts(nullptr); }

Facts claims_facts(const HclClaims& claims) {
  Facts keys = Facts::array(), settings = Facts::object();
  for (const HclKey& key : claims.keys)
    keys.push_back({{"kid", key.kid}, {"key_ops", key.operations}, {"n", to_hex(key.modulus)}, {"e", to_hex(key.exponent)}});
  for (const auto& [name, value] : claims.configuration) settings[name] = value;
  return {{"keys", keys}, {"vm_configuration", settings}, {"user_data", to_hex(claims.user_data)}};
}

Facts report_facts(const HclReport& report) {
  Facts out = {{"hcl_version", report.version},
               {"request_type", report.request_type},
               {"report_type", report.type == HclReportType::snp ? "snp" : "tdx"},
               {"claims_hash", hash_alg_name(report.hash)},
               {"claims_sha256", to_hex(sha256(View(report.claims)).view())}};
  auto bound = hardware_report_data(report);
  out["binds_to_hw_report"] = bound && *bound == claims_digest(report);
  if (auto claims = parse_hcl_claims(report.claims))
    out["claims"] = claims_facts(*claims);
  else
    out["claims"] = {{"error", claims.error().what}};
  if (report.type != HclReportType::snp) return out;
  if (auto snp = parse_snp_report(report.hardware)) out["hardware_report"] = snp_report_facts(*snp, snp->product());
  return out;
}

Result<Facts> inspect(const ArtefactInput& input) {
  TRY(HclReport report, parse_hcl_report(input.file.bytes));
  return report_facts(report);
}

View lent(const Bytes* bytes) { return bytes == nullptr ? View{} : View(*bytes); }

Result<ArtefactAppraisal> appraise(const ArtefactInput& input) {
  TRY(SnpFiles files, read_snp_files(input));
  TRY(SnpTrust trust, snp_trust_of(input, files.crls));
  TRY(AzurePolicy policy, parse_azure_policy(policy_text(input), "policy"));
  AzureCase question;
  question.hcl = input.file.bytes;
  question.claims = lent(input.companion("claims"));
  auto report = parse_hcl_report(input.file.bytes);
  auto hardware = parse_snp_report(report ? View(report->hardware) : View{});
  question.key_der = files.key_for(hardware ? &*hardware : nullptr);
  question.others = files.others;
  question.trust = &trust;
  question.when = input.at;
  std::optional<SigningKey> ak;
  if (const Bytes* bytes = input.companion("ak")) {
    TRY(ak, read_signing_key(*bytes));
    question.ak = &*ak;
  }
  question.quote = lent(input.companion("quote"));
  question.signature = lent(input.companion("signature"));
  question.nonce = input.nonce;
  AzureFindings found = judge_azure(question, policy);
  ArtefactAppraisal out;
  out.checks = found.checks;
  if (found.report) out.facts = report_facts(*found.report);
  out.facts["hardware_signature_valid"] = optional_fact(found.snp.signature_valid);
  return out;
}

}  // namespace

ArtefactKind azure_kind() {
  return {"azure", "HCL report of an Azure confidential VM (--with key=VCEK, quote=, signature=, ak=, claims=)", looks_like, inspect,
          appraise};
}

}  // namespace attest::ctl
