// Kinds "tdx" and "sgx": Intel's quotes, judged with Intel's collateral.
#include "apps/attestctl/artefacts/dcap_facts.h"
#include "apps/attestctl/artefacts/dcap_input.h"
#include "apps/attestctl/artefacts/kinds.h"
#include "evidence/dcap/ccel.h"
#include "evidence/dcap/dstack.h"
#include "verifier/dcap/binding.h"

namespace attest::ctl {
namespace {

// DcapCase holds what a judgement lends from.
struct DcapCase {
  UnwrappedQuote wrapped;
  Quote quote;
  DcapPolicy policy;
  std::optional<CheckedCollateral> collateral;
  std::vector<std::string> problems;
  QuoteJudgement judgement;
};

bool looks_like(View bytes, TeeType tee) {
  auto wrapped = unwrap_quote(bytes);
  if (!wrapped || !looks_like_quote(wrapped->quote)) return false;
  Reader in(wrapped->quote);
  in.u32le();
  return in.u32le() == static_cast<std::uint32_t>(tee);
}

Status open(const ArtefactInput& input, TeeType tee, DcapCase& out) {
  TRY(out.wrapped, unwrap_quote(input.file.bytes));
  TRY(out.quote, parse_quote(out.wrapped.quote));
  if (out.quote.tee == tee) return ok();
  return Error{Errc::mismatch,
               std::string("quote: of ") + (tee == TeeType::tdx ? "SGX, not of TDX" : "TDX, not of SGX")};
}

// companion_certificates are those given beside a quote that carries none.
Result<std::vector<DcapCertificate>> companion_certificates(const ArtefactInput& input) {
  std::vector<DcapCertificate> out;
  for (const char* role : {"pck", "chain"}) {
    const Bytes* bytes = input.companion(role);
    if (bytes == nullptr) continue;
    TRY(auto some, parse_dcap_chain(*bytes));
    for (DcapCertificate& certificate : some) out.push_back(std::move(certificate));
  }
  return out;
}

Status load_collateral(const ArtefactInput& input, const Issuers& issuers, DcapCase& c) {
  if (input.collateral.empty()) return ok();
  TRY(DcapCollateral collateral, read_collateral_folder(input.collateral, c.problems));
  if (collateral.empty()) return ok();
  auto own =
      certificates_of(c.quote);  // the PCK CA in the quote may be all there is to check the PCK CRL with
  if (!own) own = std::vector<DcapCertificate>{};
  TRY(c.collateral, CheckedCollateral::make(std::move(collateral), issuers, *own));
  return ok();
}

void judge_collateral(const ArtefactInput& input, DcapCase& c, NamedChecks& checks) {
  for (const std::string& problem : c.problems) checks.warn(dcap_check::kCollateral, problem);
  if (c.collateral) return judge_platform(*c.collateral, c.policy.tcb, input.at, c.judgement, checks);
  constexpr const char* kNone =
      "no collateral: nobody knows the state of the platform's TCB, nor whether its PCK is revoked";
  if (c.policy.tcb.collateral_required)
    checks.fail(dcap_check::kCollateral, kNone);
  else
    checks.warn(dcap_check::kCollateral, kNone);
}

// rtmrs_of replays an event log: dstack's JSON, or the area that ACPI's CCEL names.
Result<std::array<Digest, 4>> rtmrs_of(View log) {
  std::string_view text = as_text(log);
  if (text.starts_with('[')) {
    TRY(auto events, parse_dstack_log(text));
    return replay_rtmrs(events);
  }
  TRY(auto events, parse_ccel(log));
  return replay_ccel(events);
}

Status judge_log(const ArtefactInput& input, const TdReport& td, NamedChecks& checks) {
  const Bytes* log = input.companion("eventlog");
  if (log == nullptr) return ok();
  TRY(auto rtmrs, rtmrs_of(*log));
  judge_rtmrs(td, rtmrs, checks);
  return ok();
}

Status judge(const ArtefactInput& input, DcapCase& c, NamedChecks& checks) {
  TRY(c.policy, read_dcap_policy(input.policy));
  TRY(Issuers issuers, Issuers::make(input.roots_der));
  TRY(auto certificates, companion_certificates(input));
  CHECK_OK(load_collateral(input, issuers, c));
  if (!judge_signatures(c.quote, issuers, std::move(certificates), input.at, c.judgement, checks))
    return ok();
  judge_collateral(input, c, checks);
  if (!c.wrapped.certificate.empty())
    judge_certificate_key(c.wrapped.certificate, c.quote.report_data(), checks);
  if (const TdReport* td = c.quote.td()) {
    judge_td(*td, c.policy.tdx, input.nonce, checks);
    return judge_log(input, *td, checks);
  }
  judge_enclave(*c.quote.enclave(), c.policy.sgx, input.nonce, checks);
  return ok();
}

Result<Facts> inspect(const ArtefactInput& input, TeeType tee) {
  DcapCase c;
  CHECK_OK(open(input, tee, c));
  Facts out;
  if (!c.wrapped.wrapping.empty()) out["wrapping"] = c.wrapped.wrapping;
  out.update(quote_facts(c.quote));
  if (!c.quote.trailing.empty()) out["trailing"] = hexdump(c.quote.trailing, 256);
  return out;
}

Result<ArtefactAppraisal> appraise(const ArtefactInput& input, TeeType tee) {
  DcapCase c;
  CHECK_OK(open(input, tee, c));
  NamedChecks checks(tee == TeeType::tdx ? "tdx" : "sgx");
  CHECK_OK(judge(input, c, checks));
  ArtefactAppraisal out;
  out.facts = quote_facts(c.quote);
  out.facts.update(judgement_facts(c.judgement));
  out.checks.insert(out.checks.end(), checks.list().begin(), checks.list().end());
  return out;
}

}  // namespace

ArtefactKind tdx_kind() {
  return {"tdx", "a TDX quote (versions 4 and 5)", [](View bytes) { return looks_like(bytes, TeeType::tdx); },
          [](const ArtefactInput& input) { return inspect(input, TeeType::tdx); },
          [](const ArtefactInput& input) { return appraise(input, TeeType::tdx); }};
}

ArtefactKind sgx_kind() {
  return {"sgx", "an SGX quote (versions 3 to 5), bare, in an Open Enclave report or in a certificate",
          [](View bytes) { return looks_like(bytes, TeeType::sgx); },
          [](const ArtefactInput& input) { return inspect(input, TeeType::sgx); },
          [](const ArtefactInput& input) { return appraise(input, TeeType::sgx); }};
}

}  // namespace attest::ctl
