#include "verifier/snp/judge.h"

#include "evidence/core/hex.h"
#include "verifier/snp/checks.h"

namespace attest {
namespace {

bool zero(View bytes) {
  return std::ranges::all_of(bytes, [](std::uint8_t b) { return b == 0; });
}

void check_chain(const SnpCase& q, bool require_crl, SnpFindings& out) {
  auto key = q.trust != nullptr ? q.trust->verify(q.key_der, q.others, q.when)
                                : Result<Verified<SnpKey>>(Error{Errc::untrusted, "no root of AMD's is trusted"});
  out.chain_valid = static_cast<bool>(key);
  out.settle(snp_check::kChain, key ? ok() : Status(key.error()));
  if (!key) return;
  if ((*key)->revocation_checked)
    out.pass(snp_check::kRevocation);
  else if (require_crl)
    out.fail(snp_check::kRevocation, "no current CRL of its ARK is held, the policy demands one");
  out.key = *std::move(key);
}

void check_signature(const SnpCase& q, SnpFindings& out) {
  Status good = check_snp_signature(q.report, out.certificate->key.get());
  out.signature_valid = static_cast<bool>(good);
  out.settle(snp_check::kSignature, good);
  bool vcek = out.certificate->role == SnpCertificateRole::vcek;
  std::uint8_t due = static_cast<std::uint8_t>(vcek ? SnpSigningKey::vcek : SnpSigningKey::vlek);
  out.compare(snp_check::kSigningKey, signing_key_name(due), signing_key_name(out.report->signing_key),
              "the report names another kind of key than the certificate's");
  if (!out.key) return;
  if (auto verified = verify_snp_report(q.report, *out.key)) out.verified = *std::move(verified);
}

// check_product: version 2 does not say what processor it comes from; then the certificate alone does.
void check_product(SnpFindings& out) {
  out.product = out.certificate ? out.certificate->product : out.report->product();
  if (!out.certificate || !out.report->cpuid) return;
  SnpProduct said = out.report->product();
  out.compare(snp_check::kProduct, snp_product_name(out.product), snp_product_name(said),
              "the report comes from another processor than its key's certificate is for");
}

void check_tcb(SnpFindings& out) {
  const SnpReport& r = *out.report;
  SnpTcb reported = decode_tcb(r.reported_tcb, out.product);
  if (out.certificate) {
    out.tcb_matches = reported == out.certificate->tcb && !reserved_in_tcb(r.reported_tcb, out.product);
    *out.tcb_matches ? out.pass(snp_check::kTcbCertificate, tcb_text(reported, out.product))
                     : out.fail(snp_check::kTcbCertificate, "the TCB the report claims is not the one its key was derived for",
                                tcb_text(out.certificate->tcb, out.product), tcb_text(reported, out.product));
  }
  SnpTcb current = decode_tcb(r.current_tcb, out.product);
  bool ordered = current.at_least(reported) && current.at_least(decode_tcb(r.committed_tcb, out.product));
  ordered ? out.pass(snp_check::kTcbOrder)
          : out.fail(snp_check::kTcbOrder, "the reported or committed TCB is beyond the running one",
                     "at most " + tcb_text(current, out.product), tcb_text(reported, out.product));
}

// check_chip: a VLEK stands for a provider, not for a chip; a host may mask the chip's name, and the key then stands for it.
void check_chip(SnpFindings& out) {
  if (!out.certificate || out.certificate->role != SnpCertificateRole::vcek) return;
  const auto& chip = out.report->chip_id;
  if (zero(chip)) return out.warn(snp_check::kChip, "the host masks the chip id; the certificate names it", to_hex(out.certificate->hwid));
  std::size_t size = out.certificate->hwid.size();
  View id(chip);
  out.chip_matches = equal(id.first(size), out.certificate->hwid) && zero(id.subspan(size));
  *out.chip_matches ? out.pass(snp_check::kChip, to_hex(id))
                    : out.fail(snp_check::kChip, "the report comes from another chip than its certificate",
                               to_hex(out.certificate->hwid), to_hex(id));
}

void check_report_data(const SnpCase& q, SnpFindings& out) {
  if (!q.report_data) return;
  if (q.report_data->size() > kSnpReportDataBytes)
    return out.fail(snp_check::kNonce, "a nonce of more than 64 bytes cannot be in a report");
  Bytes due = *q.report_data;
  due.resize(kSnpReportDataBytes);
  out.compare(snp_check::kNonce, to_hex(due), to_hex(out.report->report_data), "the report was made for another nonce");
}

void check_certificate(const SnpCase& q, bool require_crl, SnpFindings& out) {
  if (q.key_der.empty()) return out.fail(snp_check::kCertificate, "no certificate of the signing key is at hand");
  auto certificate = parse_snp_key_certificate(q.key_der);
  if (!out.settle(snp_check::kCertificate, certificate ? ok() : Status(certificate.error()))) return;
  out.certificate = *std::move(certificate);
  check_chain(q, require_crl, out);
  check_signature(q, out);
}

}  // namespace

SnpFindings judge_snp_integrity(const SnpCase& q, bool require_crl) {
  SnpFindings out;
  auto report = parse_snp_report(q.report);
  if (!out.settle(snp_check::kReport, report ? ok() : Status(report.error()))) return out;
  out.report = *std::move(report);
  check_certificate(q, require_crl, out);
  check_product(out);
  check_tcb(out);
  check_chip(out);
  check_report_data(q, out);
  if (out.report->unknown_fields)
    out.warn(snp_check::kReserved, "the report has fields that its version does not define; nothing judges them");
  return out;
}

SnpFindings judge_snp(const SnpCase& question, const SnpPolicy& policy) {
  SnpFindings out = judge_snp_integrity(question, policy.require_crl);
  if (out.verified && out.key) judge_snp_policy(**out.verified, (*out.key)->certificate, policy, out);
  return out;
}

}  // namespace attest
