// eventlog_facts.h: a firmware log and what was found in it, as JSON.
#pragma once
#include "apps/attestctl/artefacts/artefact.h"
#include "evidence/json/writer.h"
#include "verifier/logs/event_log.h"

namespace attest::ctl {

// decoded turns what a decoder wrote into facts.
Facts decoded(JsonWriter&& written);
// event_facts: every record, its data decoded by the type it claims.
Facts event_facts(const TcgEventLog& log, const EventFindings& findings);
// bank_facts: registers and values; in logs of confidential computing named rtmr0 to rtmr3.
Facts bank_facts(const BankValues& bank, bool confidential);
// judgement_facts: Secure Boot, databases, authorities, what ran.
Facts judgement_facts(const EventLogJudgement& judgement);
// read_event_log_rules reads --policy (docs/EVIDENCE.md); malformed for members it does not know.
Result<EventLogRules> read_event_log_rules(const Json& policy);

// is_confidential: a log of confidential computing has one bank, sha384, and names registers 1 to 4: nothing extends PCR 0, which
// on a machine with a TPM holds the first measurement of all.
bool is_confidential(const TcgEventLog& log);

}  // namespace attest::ctl
