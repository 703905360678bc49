#include "cmcd-lite/server/cmc/report_maker.h"

#include "cmcd-lite/server/cmc/tpm_collateral.h"
#include "evidence/tpm/attest.h"

namespace attest {
namespace {

constexpr int kTries = 5;

bool has_form(AnchorKind kind) { return kind == AnchorKind::tpm || kind == AnchorKind::snp; }

// quoted_registers is the digest of the registers in a quote; empty for evidence without registers.
Result<Digest> quoted_registers(const Anchor& anchor) {
  const auto* tpm = std::get_if<TpmAnchor>(&anchor);
  if (tpm == nullptr) return Digest::filled(HashAlg::sha256, 0);
  TRY(Attest statement, parse_attest(tpm->attest));
  if (statement.quote() == nullptr) return Error{Errc::mismatch, "cmc report: the TPM's statement is no quote"};
  return Digest::of(statement.quote()->pcr_digest);
}

cmc::EvidenceItem evidence_of(const Anchor& anchor) {
  cmc::EvidenceItem item;
  if (const auto* tpm = std::get_if<TpmAnchor>(&anchor)) {
    item.type = cmc::kTpmEvidence;
    item.evidence = tpm->attest;
    item.signature = tpm->signature;
  } else if (const auto* snp = std::get_if<SnpAnchor>(&anchor)) {
    item.type = cmc::kSnpEvidence;
    item.evidence = snp->report;
  }
  return item;
}

void add_metadata(const Fleet& fleet, const std::vector<std::string>& cached, cmc::ReportContext& context) {
  for (const SignedItem& item : fleet.items) {
    context.digests.push_back(item.digest);
    if (std::ranges::find(cached, item.digest) == cached.end()) context.metadata[item.digest] = item.bytes;
  }
}

}  // namespace

Status ReportMaker::refresh(const OpenedDriver& opened, const Anchor& quoted, Known& known) {
  if (const auto* snp = std::get_if<SnpAnchor>(&quoted)) {
    known.collateral = {};
    known.collateral.type = cmc::kSnpEvidence;
    known.collateral.certs = snp->certificates;
  } else if (const auto* tpm = std::get_if<TpmAnchor>(&quoted)) {
    if (tpm->ak_chain.empty())
      return Error{Errc::denied, "key.uncertified: the attestation key has no certificate, which CMC's reports need "
                                 "(attestctl enroll)"};
    TRY(const MeasuredLog* log, opened.driver->log(quoted));
    known.collateral = tpm_collateral(*tpm, opened.driver->pcrs().value_or(PcrSelection()), log);
  }
  TRY(known.pcr_digest, quoted_registers(quoted));
  return ok();
}

// quote_all fills in the evidences; false when a quote is of other registers than are known, which are known after it.
Result<bool> ReportMaker::quote_all(std::span<const OpenedDriver*> drivers, const Digest& nonce, cmc::Report& report) {
  bool same = true;
  report.evidences.clear();
  for (std::size_t i = 0; i < drivers.size(); i++) {
    TRY(Anchor anchor, drivers[i]->driver->quote(nonce));
    TRY(Digest registers, quoted_registers(anchor));
    bool renewed = false;  // the key's certificates are part of the context, too
    if (const auto* tpm = std::get_if<TpmAnchor>(&anchor)) renewed = tpm->ak_chain != known_[i].collateral.certs;
    if (registers != known_[i].pcr_digest || renewed) {
      CHECK_OK(refresh(*drivers[i], anchor, known_[i]));
      same = false;
    }
    report.evidences.push_back(evidence_of(anchor));
  }
  return same;
}

Result<Bytes> ReportMaker::make(const ReportWish& wish, std::span<const OpenedDriver> drivers, const Fleet& fleet) {
  std::vector<const OpenedDriver*> used;
  for (const OpenedDriver& opened : drivers)
    if (has_form(opened.driver->kind())) used.push_back(&opened);
  if (used.empty()) return Error{Errc::unsupported, "cmc report: no TPM and no SEV-SNP guest; the software driver has no form in it"};
  known_.resize(used.size());
  cmc::Report report;
  report.encoding = wish.encoding;
  report.version = cmc::kReportVersion;
  report.type = cmc::kReportType;
  report.name = fleet.name;
  report.context.type = "Context";
  report.context.alg = cmc::hash_name(fleet.config.hash);
  report.context.nonce = wish.nonce;
  add_metadata(fleet, wish.cached, report.context);
  for (int i = 0; i < kTries; i++) {
    report.context.collateral.clear();
    for (const Known& known : known_) report.context.collateral.push_back(known.collateral);
    Bytes context = cmc::encode_context(report.context, wish.encoding);
    Digest nonce = hash_of(fleet.config.hash, {cmc::hashed_context(context, wish.encoding)});
    TRY(bool explained, quote_all(used, nonce, report));
    if (explained) return cmc::encode_report(report, context);
  }
  return Error{Errc::mismatch, "cmc report: the machine measures faster than it can be quoted"};
}

}  // namespace attest
