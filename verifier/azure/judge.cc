#include "verifier/azure/judge.h"

#include "evidence/azure/anchor.h"
#include "evidence/core/hex.h"
#include "evidence/core/printable.h"
#include "verifier/azure/checks.h"
#include "verifier/quote/checks.h"

namespace attest {
namespace {

void append(Findings& out, const Findings& part) { out.checks.insert(out.checks.end(), part.checks.begin(), part.checks.end()); }

bool check_binding(const HclReport& report, AzureFindings& out) {
  auto bound = hardware_report_data(report);
  if (!bound) {
    out.fail(azure_check::kBinding, bound.error().what);
    return false;
  }
  out.binds = out.compare(azure_check::kBinding, to_hex(claims_digest(report)), to_hex(*bound),
                          "the hardware report does not bind these claims");
  return *out.binds;
}

// check_snp: genuine, and asked for by the paravisor.
void check_snp(const AzureCase& q, const AzurePolicy& policy, AzureFindings& out) {
  SnpPolicy demands = policy.snp;
  demands.vmpls = {0};
  SnpCase question{out.report->hardware, q.key_der, q.others, q.trust, q.when, claims_digest(*out.report)};
  out.snp = judge_snp(question, demands);
  append(out, out.snp);
}

void check_hardware(const AzureCase& q, const AzurePolicy& policy, AzureFindings& out) {
  if (out.report->type == HclReportType::snp) return check_snp(q, policy, out);
  if (!q.td_report_data)
    return out.fail(azure_check::kHardware, "no verified TD quote came with the report; its own can be checked on that processor alone");
  out.compare(azure_check::kHardware, to_hex(claims_digest(*out.report)), to_hex(*q.td_report_data),
              "the TD quote does not bind these claims");
}

Result<SigningKey> claimed_ak(const HclClaims& claims) {
  TRY(Bytes spki, hcl_ak_spki(claims));
  return read_signing_key(spki);
}

void check_quote(const AzureCase& q, const SigningKey& ak, AzureFindings& out) {
  if (q.quote.empty()) return out.warn(azure_check::kQuote, "no quote by the vTPM was given: the report may be old");
  QuoteCase question;
  question.attest = q.quote;
  question.signature = q.signature;
  question.ak = &ak;
  question.pcrs = q.pcrs;
  if (q.nonce) question.nonce = *q.nonce;
  out.quote = judge_quote(question);
  // What the key may do is the paravisor's word, which the hardware report vouches for: nothing to warn of.
  std::erase_if(out.quote.checks, [](const Finding& f) { return f.id == quote_check::kKey && f.outcome == Outcome::warn; });
  append(out, out.quote);
  bool quoted = out.quote.signature_valid && out.quote.statement && out.quote.statement->quote() != nullptr;
  quoted ? out.pass(azure_check::kQuote) : out.fail(azure_check::kQuote, "the vTPM's key of the claims did not sign this as a quote");
}

void check_ak(const AzureCase& q, AzureFindings& out) {
  auto ak = claimed_ak(*out.claims);
  if (!out.settle(azure_check::kAk, ak ? ok() : Status(ak.error()))) return;
  if (q.ak != nullptr) {
    Bytes given = spki_der(q.ak->area.key.get()), claimed = spki_der(ak->area.key.get());
    out.compare(azure_check::kAkGiven, short_hex(sha256(View(given)).view()), short_hex(sha256(View(claimed)).view()),
                "the claims name another attestation key than the one given");
  }
  check_quote(q, *ak, out);
}

void check_user_data(const AzureCase& q, const AzurePolicy& policy, AzureFindings& out) {
  if (!q.nonce || (!policy.user_data_is_nonce && !q.quote.empty())) return;
  Bytes due = *q.nonce;
  due.resize(std::max<std::size_t>(due.size(), kSnpReportDataBytes));
  out.compare(azure_check::kUserData, to_hex(due), to_hex(out.claims->user_data), "the claims were made for another nonce");
}

void check_configuration(const AzurePolicy& policy, AzureFindings& out) {
  for (const auto& [name, value] : policy.configuration)
    out.compare(azure_check::kConfiguration, name + " " + value, name + " " + out.claims->setting(name).value_or("absent"),
                "the VM's setting " + printable(name) + " is not what the policy demands");
}

}  // namespace

AzureFindings judge_azure(const AzureCase& q, const AzurePolicy& policy) {
  AzureFindings out;
  auto report = parse_hcl_report(q.hcl);
  if (!out.settle(azure_check::kReport, report ? ok() : Status(report.error()))) return out;
  out.report = *std::move(report);
  check_binding(*out.report, out);
  check_hardware(q, policy, out);
  if (!q.claims.empty())
    out.compare(azure_check::kSameClaims, short_hex(sha256(View(out.report->claims)).view()), short_hex(sha256(q.claims).view()),
                "the claims given are not those in the report");
  auto claims = parse_hcl_claims(out.report->claims);
  if (!out.settle(azure_check::kClaims, claims ? ok() : Status(claims.error()))) return out;
  out.claims = *std::move(claims);
  check_ak(q, out);
  check_user_data(q, policy, out);
  check_configuration(policy, out);
  return out;
}

}  // namespace attest
