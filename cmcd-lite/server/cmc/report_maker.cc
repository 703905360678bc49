#include "cmcd-lite/server/cmc/report_maker.h"

#include "cmcd-lite/server/cmc/hardware_collateral.h"
#include "cmcd-lite/server/cmc/tpm_collateral.h"
#include "evidence/azure/hcl.h"
#include "evidence/tpm/attest.h"

namespace attest {
namespace {

constexpr int kTries = 5;

bool has_form(AnchorKind kind) {
  return kind != AnchorKind::sw;
}

// quoted_registers is the digest of the registers in a quote.
Result<Digest> quoted_registers(const TpmAnchor& tpm) {
  TRY(Attest statement, parse_attest(tpm.attest));
  if (statement.quote() == nullptr) return Error{Errc::mismatch, "cmc report: the TPM's statement is no quote"};
  return Digest::of(statement.quote()->pcr_digest);
}

cmc::EvidenceItem evidence_of(const Anchor& anchor) {
  cmc::EvidenceItem item;
  auto set = [&item](std::string_view type, const Bytes& evidence) {
    item.type = type;
    item.evidence = evidence;
  };
  if (const auto* tpm = std::get_if<TpmAnchor>(&anchor)) {
    set(cmc::kTpmEvidence, tpm->attest);
    item.signature = tpm->signature;
  } else if (const auto* snp = std::get_if<SnpAnchor>(&anchor)) {
    set(cmc::kSnpEvidence, snp->report);
  } else if (const auto* tdx = std::get_if<TdxAnchor>(&anchor)) {
    set(cmc::kTdxEvidence, tdx->quote);
  } else if (const auto* sgx = std::get_if<SgxAnchor>(&anchor)) {
    set(cmc::kSgxEvidence, sgx->quote);
  } else if (const auto* azure = std::get_if<AzureAnchor>(&anchor)) {
    View report = azure->hcl;  // checked when it was fetched
    constexpr std::size_t kHead = 32;
    if (azure->td_quote.empty())
      set(cmc::kAzureSnpEvidence, to_bytes(report.subspan(kHead, kHclHardwareBytes)));
    else
      set(cmc::kAzureTdxEvidence, azure->td_quote);
    item.add_data = to_bytes(report.subspan(kHead + kHclHardwareBytes));
  }
  return item;
}

// call_vtpm: beside claims of Azure's a TPM's evidence has another name, and one certificate.
void call_vtpm(cmc::Report& report) {
  auto named = [](const auto& one) { return one.type == cmc::kAzureSnpEvidence || one.type == cmc::kAzureTdxEvidence; };
  if (std::ranges::none_of(report.context.collateral, named)) return;
  for (cmc::Collateral& collateral : report.context.collateral) {
    if (collateral.type != cmc::kTpmEvidence) continue;
    collateral.type = cmc::kAzureVtpmEvidence;
    collateral.certs.resize(std::min<std::size_t>(collateral.certs.size(), 1));
  }
}

void add_items(const std::vector<SignedItem>& items, const std::vector<std::string>& cached, cmc::ReportContext& context) {
  for (const SignedItem& item : items) {
    context.digests.push_back(item.digest);
    if (std::ranges::find(cached, item.digest) == cached.end()) context.metadata[item.digest] = item.bytes;
  }
}

// add_metadata: revocation answers are those that were fetched by now; nobody waits for a server.
void add_metadata(const Fleet& fleet, const std::vector<std::string>& cached, cmc::ReportContext& context) {
  add_items(fleet.items, cached, context);
  if (fleet.staples) add_items(*fleet.staples->items(), cached, context);
}

}  // namespace

// refresh_tpm: false if the quote is of the registers that are known, by a key whose certificates are.
Result<bool> ReportMaker::refresh_tpm(const OpenedDriver& opened, const Anchor& quoted, Known& known) {
  const TpmAnchor& tpm = std::get<TpmAnchor>(quoted);
  TRY(Digest registers, quoted_registers(tpm));
  if (registers == known.pcr_digest && tpm.ak_chain == known.collateral.certs) return false;
  if (tpm.ak_chain.empty())
    return Error{Errc::denied, "key.uncertified: the attestation key has no certificate, which CMC's reports need "
                               "(attestctl enroll)"};
  TRY(const MeasuredLog* log, opened.driver->log(quoted));
  known.collateral = tpm_collateral(tpm, opened.driver->pcrs().value_or(PcrSelection()), log);
  if (opened.containers) {
    TRY(cmc::Artifact started, opened.containers->artifact());
    CHECK_OK(tell_containers(started, known.collateral));
  }
  known.pcr_digest = registers;
  return true;
}

// refresh learns what explains a quote; false if that is known.
Result<bool> ReportMaker::refresh(const OpenedDriver& opened, const Anchor& quoted, const Fleet& fleet, Known& known) {
  if (std::holds_alternative<TpmAnchor>(quoted)) return refresh_tpm(opened, quoted, known);
  TRY(cmc::Collateral fresh, hardware_collateral(quoted, fleet.intel));
  if (fresh == known.collateral) return false;
  known.collateral = std::move(fresh);
  return true;
}

Status ReportDraft::fetch() {
  for (Missing& missing : missing_) {
    TRY(missing.anchor, missing.finish(std::move(missing.anchor)));
  }
  return ok();
}

// begin fills in what no quote changes.
void ReportMaker::begin(ReportDraft& draft, const Fleet& fleet) {
  cmc::Report& report = draft.report_;
  report.encoding = draft.wish_.encoding;
  report.version = cmc::kReportVersion;
  report.type = cmc::kReportType;
  report.name = fleet.name;
  report.context.type = "Context";
  report.context.alg = cmc::hash_name(fleet.config.hash);
  report.context.nonce = draft.wish_.nonce;
  add_metadata(fleet, draft.wish_.cached, report.context);
}

// bind puts what is known into the context, and the context into the nonce of the quotes.
void ReportMaker::bind(ReportDraft& draft, const Fleet& fleet) {
  cmc::ReportContext& context = draft.report_.context;
  context.collateral.clear();
  for (const Known& known : known_) context.collateral.push_back(known.collateral);
  if (draft.started_) context.collateral.push_back(*draft.started_);
  call_vtpm(draft.report_);
  draft.context_ = cmc::encode_context(context, draft.report_.encoding);
  draft.nonce_ = hash_of(fleet.config.hash, {cmc::hashed_context(draft.context_, draft.report_.encoding)});
}

// quote_all fills in the evidences, but for those that are missing; false when a quote is of another state than is known, which
// is known after it.
Result<bool> ReportMaker::quote_all(ReportDraft& draft, const Drivers& drivers, const Fleet& fleet) {
  bool same = true;
  cmc::Report& report = draft.report_;
  report.evidences.clear();
  draft.missing_.clear();
  for (std::size_t i = 0; i < drivers.size(); i++) {
    TRY(Anchor anchor, drivers[i]->driver->fresh_quote(draft.nonce_));
    report.evidences.push_back(evidence_of(anchor));
    if (Finisher finisher = drivers[i]->driver->finisher()) {
      draft.missing_.push_back({i, std::move(anchor), std::move(finisher)});
      continue;
    }
    TRY(bool renewed, refresh(*drivers[i], anchor, fleet, known_[i]));
    same = same && !renewed;
    bool vtpm = report.evidences.back().type == cmc::kTpmEvidence && report.context.collateral.at(i).type == cmc::kAzureVtpmEvidence;
    if (vtpm) report.evidences.back().type = cmc::kAzureVtpmEvidence;
  }
  return same;
}

// take_fetched puts what was fetched in its place; false when the context says something else of it.
Result<bool> ReportMaker::take_fetched(ReportDraft& draft, const Fleet& fleet) {
  bool same = true;
  for (const ReportDraft::Missing& missing : draft.missing_) {
    TRY(cmc::Collateral fresh, hardware_collateral(missing.anchor, fleet.intel));
    same = same && fresh == draft.report_.context.collateral.at(missing.driver);
    known_.at(missing.driver).collateral = std::move(fresh);
    draft.report_.evidences.at(missing.driver) = evidence_of(missing.anchor);
  }
  draft.missing_.clear();
  return same;
}

Result<Bytes> ReportMaker::finish(ReportDraft& draft) {
  if (draft.started_) {
    TRY(cmc::EvidenceItem statement, containers_->statement(draft.nonce_.view(), *draft.started_));
    draft.report_.evidences.push_back(std::move(statement));
  }
  return cmc::encode_report(draft.report_, draft.context_);
}

Result<std::optional<Bytes>> ReportMaker::step(ReportDraft& draft, std::span<const OpenedDriver> opened, const Fleet& fleet) {
  Drivers drivers;
  for (const OpenedDriver& one : opened)
    if (has_form(one.driver->kind())) drivers.push_back(&one);
  if (drivers.empty() && containers_ == nullptr)
    return Error{Errc::unsupported, "cmc report: no TPM and no confidential hardware; of software's it has statements about "
                                    "containers alone (\"containers\" of \"cmc\" in cmcd.json)"};
  known_.resize(drivers.size());
  bool explained = false;
  if (draft.tries_ == 0) {
    begin(draft, fleet);
  } else if (draft.report_.evidences.size() == drivers.size()) {  // the same devices as at the step before
    TRY(explained, take_fetched(draft, fleet));
  }
  if (!explained && draft.tries_ == 0 && containers_ != nullptr) {
    TRY(draft.started_, containers_->collateral());
  }
  while (!explained) {
    if (draft.tries_++ == kTries) return Error{Errc::mismatch, "cmc report: the machine measures faster than it can be quoted"};
    bind(draft, fleet);
    TRY(explained, quote_all(draft, drivers, fleet));
    if (explained && !draft.missing_.empty()) return std::optional<Bytes>();
  }
  TRY(Bytes report, finish(draft));
  return std::optional<Bytes>(std::move(report));
}

Result<Bytes> ReportMaker::make(const ReportWish& wish, std::span<const OpenedDriver> drivers, const Fleet& fleet) {
  ReportDraft draft(wish);
  for (;;) {
    TRY(std::optional<Bytes> report, step(draft, drivers, fleet));
    if (report) return *std::move(report);
    CHECK_OK(draft.fetch());
  }
}

}  // namespace attest
