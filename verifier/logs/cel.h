// cel.h: a log of the operating system (TCG CEL, systemd) judged by itself or behind the firmware's.
#pragma once
#include "evidence/logs/cel/cel.h"
#include "verifier/logs/checks.h"
#include "verifier/logs/event_log.h"

namespace attest {

struct CelOptions {
  PcrValues pcrs;                    // values to replay to; RTMR n is register n + 1
  std::vector<BankValues> firmware;  // what the firmware's log left in the registers (PCR 11 of unified kernel images)
  std::uint8_t startup_locality = 0;
};

struct CelJudgement {
  std::vector<Binding> bindings;  // of the contents
  std::vector<BankValues> banks;  // registers that the log extends; NV indexes are left out
  Findings checks;
};

// judge_cel: io if hashing fails.
Result<CelJudgement> judge_cel(const cel::CelLog& log, const CelOptions& options);

}  // namespace attest
