// event_log.h: a firmware log judged by itself: against PCR values, and against rules on what it must show.
#pragma once
#include <map>

#include "verifier/logs/boot_chain.h"
#include "verifier/logs/checks.h"

namespace attest {

// PcrValues: by TPM_ALG_ID and register.
using PcrValues = std::map<std::uint16_t, std::map<std::uint32_t, Bytes>>;

// EventLogRules is what a policy demands of a log. What is not demanded is found and reported as a warning where
// it is unusual.
struct EventLogRules {
  std::optional<bool> secure_boot;         // proven on, or proven off
  bool separators = false;                 // all of PCR 0 to 7 have one, and no error
  bool data = false;                       // every promised hash of the data holds
  bool exit_boot_services = false;         // called with success, and the firmware's PCRs silent afterwards
  bool no_debug = false, dma_protection = false;
  bool authorities_in_db = false;          // every image's authority is in the measured databases
  std::vector<Bytes> images;               // digests of the applications that may run; empty: any
  std::vector<Bytes> authorities;          // SHA-256 of certificates (or hashes) that may let images run
  std::vector<Bytes> dbx;                  // entries that the dbx must have
  std::vector<Bytes> files;                // digests of what boot loaders may read; empty: any
};

struct EventLogJudgement {
  EventFindings findings;
  SecureBoot secure_boot;
  BootChain chain;
  std::vector<BankValues> banks;
  std::uint16_t bank = 0;  // the bank of the chain's digests: the strongest that can be computed
  Findings checks;
};

struct EventLogOptions {
  EventLogRules rules;
  PcrValues pcrs;              // values the log must replay to; empty: none are at hand
  bool confidential = false;   // CCEL: registers are 1 to 4, Secure Boot is in 1
};

// judge_event_log: every check that applies is in the result, passed, warned or failed. unsupported if no bank
// of the log can be computed. The result lends from the log.
Result<EventLogJudgement> judge_event_log(const TcgEventLog& log, const EventLogOptions& options);

}  // namespace attest
