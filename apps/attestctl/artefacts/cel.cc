// Kind "cel": logs of the operating system: TCG CEL in JSON, CBOR and TLV, and systemd's tpm2-measure.log.
#include "verifier/logs/cel.h"

#include "apps/attestctl/artefacts/eventlog_facts.h"
#include "apps/attestctl/artefacts/kinds.h"
#include "apps/attestctl/artefacts/pcr_values.h"
#include "evidence/core/hex.h"
#include "evidence/logs/efi/describe.h"
#include "evidence/logs/tcg_event_text.h"

namespace attest::ctl {
namespace {

Facts register_facts(const cel::CelRecord& record) {
  constexpr const char* kKinds[] = {"pcr", "nv_index", "rtmr"};
  return {{kKinds[static_cast<int>(record.kind)], record.reg}};
}

Facts content_facts(const cel::CelRecord& record) {
  Facts out = Facts::object();
  if (record.content_type == "pcclient_std") {
    out["type"] = tcg_event_type_name(record.event_type);
    JsonWriter description;
    description.object();
    efi::describe_event(record.event_type, record.data, description);
    description.end_object();
    out["event"] = decoded(std::move(description));
    return out;
  }
  if (!record.name.empty()) out["name"] = record.name;
  if (!record.text.empty()) out["text"] = record.text;
  if (!record.data.empty()) out["hex"] = to_hex(View(record.data).first(std::min<std::size_t>(record.data.size(), 4096)));
  for (const auto& [name, value] : record.other) out[name] = value;
  return out;
}

Facts summary(const cel::CelLog& log, const CelJudgement& judgement) {
  constexpr const char* kEncodings[] = {"json", "json-sequence", "cbor", "tlv"};
  Facts out = {{"encoding", kEncodings[static_cast<int>(log.encoding)]}, {"event_records", log.records.size()}};
  out["contents"] = Facts::object();
  for (const cel::CelRecord& record : log.records) {
    std::string type = record.content_type.empty() ? "none" : record.content_type;
    out["contents"][type] = out["contents"].value(type, 0) + 1;
  }
  bool confidential = std::ranges::any_of(log.records, [](const auto& r) { return r.kind == cel::Register::rtmr; });
  for (const BankValues& bank : judgement.banks)
    out[(confidential ? "rtmrs_" : "pcrs_") + bank.name] = bank_facts(bank, confidential);
  return out;
}

Result<Facts> inspect(const ArtefactInput& input) {
  TRY(cel::CelLog log, cel::parse_cel(input.file.bytes));
  TRY(CelJudgement judgement, judge_cel(log, {}));
  Facts out = summary(log, judgement);
  out["events"] = Facts::array();
  for (std::size_t i = 0; i < log.records.size(); i++) {
    const cel::CelRecord& record = log.records[i];
    Facts facts = {{"record", i}};
    if (record.number) facts["number"] = *record.number;
    facts.update(register_facts(record));
    for (const cel::CelDigest& digest : record.digests) facts["digests"][bank_name(digest.alg)] = to_hex(digest.value);
    facts["content_type"] = record.content_type;
    facts["measured"] = judgement.bindings[i] == Binding::bound;
    facts["content"] = content_facts(record);
    out["events"].push_back(std::move(facts));
  }
  return out;
}

Result<ArtefactAppraisal> appraise(const ArtefactInput& input) {
  TRY(cel::CelLog log, cel::parse_cel(input.file.bytes));
  CelOptions options;
  if (const Bytes* pcrs = input.companion("pcrs")) {
    TRY(options.pcrs, read_pcr_values(*pcrs));
  }
  if (const Bytes* firmware = input.companion("eventlog")) {
    TRY(TcgEventLog before, parse_tcg_event_log(*firmware, TcgLogEnd::padded));
    TRY(options.firmware, replay_banks(before));
    options.startup_locality = before.startup_locality.value_or(0);
  }
  TRY(CelJudgement judgement, judge_cel(log, options));
  ArtefactAppraisal out;
  out.facts = summary(log, judgement);
  out.checks = std::move(judgement.checks.checks);
  return out;
}

}  // namespace

ArtefactKind cel_kind() {
  return {"cel", "canonical event log (JSON, CBOR, TLV) or systemd's tpm2-measure.log (--with pcrs=FILE, eventlog=FILE)",
          cel::looks_like_cel, inspect, appraise};
}

}  // namespace attest::ctl
