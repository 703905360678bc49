// Kinds "eventlog" and "ccel": the firmware's logs, of machines with a TPM and of confidential virtual machines.
#include "apps/attestctl/artefacts/eventlog_facts.h"
#include "apps/attestctl/artefacts/kinds.h"
#include "apps/attestctl/artefacts/pcr_values.h"

namespace attest::ctl {
namespace {

constexpr std::uint32_t kLastCcRegister = 4;  // RTMR 3

Result<TcgEventLog> read(View bytes) { return parse_tcg_event_log(bytes, TcgLogEnd::padded); }

// The first record alone: the head of the SHA-1 format whose event is of the first kinds and fits.
bool begins_like_a_log(View bytes) {
  Reader in(bytes);
  std::uint32_t pcr = in.u32le(), type = in.u32le();
  in.take(20);
  std::uint32_t size = in.u32le();
  return in.good() && pcr < 24 && (type <= 0x13 || (type >= 0x80000000 && type <= 0x800000ff)) && size <= in.left();
}

bool looks_like_ccel(View bytes) {
  if (!begins_like_a_log(bytes)) return false;
  auto log = read(bytes);
  return log && is_confidential(*log);
}

bool looks_like_eventlog(View bytes) { return begins_like_a_log(bytes); }

Facts summary(const TcgEventLog& log, const EventLogJudgement& judgement, std::size_t size, bool confidential) {
  Facts out;
  bool agile = log.format == TcgLogFormat::crypto_agile;
  out["format"] = confidential ? "CCEL" : agile ? "crypto-agile" : "tpm12-sha1";
  out["bank_algs"] = Facts::array();
  for (const auto& algorithm : log.algorithms) out["bank_algs"].push_back(bank_name(algorithm.id));
  out["event_records"] = log.events.size();
  if (confidential) out["padded_size"] = size;
  if (log.padding_bytes > 0) out["padding_bytes"] = log.padding_bytes;
  out["startup_locality"] = nullptr;
  if (log.startup_locality) out["startup_locality"] = *log.startup_locality;
  out.update(judgement_facts(judgement));
  for (const BankValues& bank : judgement.banks)
    out[(confidential ? "rtmrs_" : "pcrs_") + bank.name] = bank_facts(bank, confidential);
  return out;
}

Result<Facts> inspect_as(const ArtefactInput& input, bool confidential) {
  TRY(TcgEventLog log, read(input.file.bytes));
  TRY(EventLogJudgement judgement, judge_event_log(log, {{}, {}, confidential}));
  Facts out = summary(log, judgement, input.file.bytes.size(), confidential);
  out["events"] = event_facts(log, judgement.findings);
  return out;
}

Result<ArtefactAppraisal> appraise_as(const ArtefactInput& input, bool confidential) {
  TRY(TcgEventLog log, read(input.file.bytes));
  EventLogOptions options;
  options.confidential = confidential;
  TRY(options.rules, read_event_log_rules(input.policy));
  if (const Bytes* pcrs = input.companion("pcrs")) {
    TRY(options.pcrs, read_pcr_values(*pcrs));
  }
  TRY(EventLogJudgement judgement, judge_event_log(log, options));
  ArtefactAppraisal out;
  out.checks = judgement.checks.checks;
  out.facts = summary(log, judgement, input.file.bytes.size(), confidential);
  return out;
}

Result<Facts> inspect_eventlog(const ArtefactInput& input) { return inspect_as(input, false); }
Result<Facts> inspect_ccel(const ArtefactInput& input) { return inspect_as(input, true); }
Result<ArtefactAppraisal> appraise_eventlog(const ArtefactInput& input) { return appraise_as(input, false); }
Result<ArtefactAppraisal> appraise_ccel(const ArtefactInput& input) { return appraise_as(input, true); }

}  // namespace

bool is_confidential(const TcgEventLog& log) {
  if (log.algorithms.size() != 1 || log.algorithms[0].id != static_cast<std::uint16_t>(HashAlg::sha384)) return false;
  bool extended = false;
  for (const TcgEvent& event : log.events) {
    if (!event.extends()) continue;
    if (event.pcr == 0 || event.pcr > kLastCcRegister) return false;
    extended = true;
  }
  return extended;
}

ArtefactKind eventlog_kind() {
  return {"eventlog", "TCG event log of firmware, SHA-1 or crypto-agile (--with pcrs=FILE)", looks_like_eventlog,
          inspect_eventlog, appraise_eventlog};
}
ArtefactKind ccel_kind() {
  return {"ccel", "event log of a confidential virtual machine (--with pcrs=FILE)", looks_like_ccel, inspect_ccel,
          appraise_ccel};
}

}  // namespace attest::ctl
