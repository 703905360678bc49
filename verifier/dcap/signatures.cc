// signatures.cc: from a trusted root to the quote's signature. Stops at the first failure.
#include "evidence/core/hex.h"
#include "verifier/dcap/quote.h"

namespace attest {
namespace {

constexpr std::string_view kPckName = "Intel SGX PCK Certificate";

// find_pck chooses the leaf: the certificate with Intel's SGX extension.
Result<const DcapCertificate*> find_pck(const std::vector<DcapCertificate>& certificates) {
  const DcapCertificate* found = nullptr;
  for (const DcapCertificate& certificate : certificates) {
    if (!certificate.pck) continue;
    if (found != nullptr) return Error{Errc::malformed, "certificate chain: two PCK certificates"};
    found = &certificate;
  }
  if (found == nullptr) return Error{Errc::untrusted, "the quote names no PCK certificate"};
  if (found->is_ca || found->subject_cn.find(kPckName) == std::string::npos)
    return Error{Errc::untrusted, "certificate \"" + found->subject_cn + "\": not a PCK certificate"};
  return found;
}

Status check_chain(Issuers issuers, UnixTime when, QuoteJudgement& out) {
  TRY(out.pck, find_pck(out.certificates));
  CHECK_OK(check_profile(*out.pck));
  for (const DcapCertificate& certificate : out.certificates)
    if (certificate.is_ca && equal(certificate.subject, out.pck->issuer))
      CHECK_OK(issuers.admit(certificate));
  TRY(out.pck_issuer, issuers.signer(*out.pck));
  if (out.pck_issuer->root)
    return Error{Errc::untrusted, "PCK certificate: issued by a root, not by a PCK CA"};
  out.pck_chain_valid = true;
  Validity validity = out.pck_issuer->validity.meet({out.pck->not_before, out.pck->not_after});
  if (validity.holds(when)) return ok();
  return Error{Errc::stale, "PCK certificate chain: valid from " + format_rfc3339(validity.from) + " to " +
                                format_rfc3339(validity.until) + ", not at " + format_rfc3339(when)};
}

Status check_qe_signature(const Quote& quote, QuoteJudgement& out) {
  TRY(P256PublicKey key, P256PublicKey::make(out.pck->point));
  Status verified = key.verify_raw(quote.qe_report_bytes, quote.qe_report_signature, "QE report");
  out.qe_report_signature_valid = static_cast<bool>(verified);
  return verified;
}

// check_binding: the QE report vouches for this attestation key: SHA-256 of key and authentication data, then
// zeros.
Status check_binding(const Quote& quote, QuoteJudgement& out) {
  Digest expected = sha256({quote.attestation_key, quote.qe_authentication_data});
  View data = quote.qe_report.report_data;
  bool zeros = std::ranges::all_of(data.subspan(32), [](std::uint8_t b) { return b == 0; });
  out.qe_report_binds_key = !expected.empty() && zeros && equal(data.first(32), expected.view());
  if (*out.qe_report_binds_key) return ok();
  return Error{Errc::untrusted, "the QE report vouches for another attestation key: " + short_hex(data) +
                                    ", expected " + short_hex(expected.view())};
}

Status check_quote_signature(const Quote& quote, QuoteJudgement& out) {
  TRY(P256PublicKey key, P256PublicKey::make(quote.attestation_key));
  Status verified = key.verify_raw(quote.signed_part, quote.signature, "quote");
  out.quote_signature_valid = static_cast<bool>(verified);
  return verified;
}

}  // namespace

Result<std::vector<DcapCertificate>> certificates_of(const Quote& quote) {
  constexpr std::uint16_t kPckLeaf = 4, kPckChain = 5;
  if (quote.certification.type != kPckLeaf && quote.certification.type != kPckChain)
    return std::vector<DcapCertificate>{};
  return parse_dcap_chain(quote.certification.data);
}

bool judge_signatures(const Quote& quote, const Issuers& issuers, std::vector<DcapCertificate> certificates,
                      UnixTime when, QuoteJudgement& out, NamedChecks& checks) {
  out.quote = &quote;
  auto own = certificates_of(quote);
  if (!own) return checks.settle(dcap_check::kPckChain, std::move(own).error());
  for (DcapCertificate& certificate : certificates)
    if (std::ranges::find(*own, certificate.der, &DcapCertificate::der) == own->end())
      own->push_back(std::move(certificate));
  out.certificates = *std::move(own);
  out.pck_chain_valid = false;
  if (!checks.settle(dcap_check::kPckChain, check_chain(issuers, when, out))) return false;
  if (!checks.settle(dcap_check::kQeReportSignature, check_qe_signature(quote, out))) return false;
  if (!checks.settle(dcap_check::kQeReportData, check_binding(quote, out))) return false;
  if (!checks.settle(dcap_check::kQuoteSignature, check_quote_signature(quote, out))) return false;
  if (!std::ranges::all_of(quote.trailing, [](std::uint8_t b) { return b == 0; }))
    checks.warn(dcap_check::kTrailing,
                std::to_string(quote.trailing.size()) + " bytes behind the quote; nothing vouches for them");
  return true;
}

}  // namespace attest
