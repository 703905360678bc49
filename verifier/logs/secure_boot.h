// secure_boot.h: what a log proves about Secure Boot: the variable, the keys, and who let which image run.
#pragma once
#include <optional>

#include "verifier/logs/binding.h"

namespace attest {

// SecureBoot is believed only where the data of the events is bound to their digests. Views lend from the log.
struct SecureBoot {
  enum class State : std::uint8_t { unknown, off, on };
  State state = State::unknown;
  std::optional<bool> variable;  // the variable as the log says it, proven or not
  bool contradictory = false;    // measured twice with different values
  struct Database {
    std::string name;            // "PK", "KEK", "db", "dbx", "MokListRT", …
    std::size_t event = 0;
    bool proven = false;
    bool readable = true;
    std::size_t certificates = 0, hashes = 0;
    View content;
  };
  std::vector<Database> databases;
  struct Authority {
    std::size_t event = 0;
    std::string variable;  // "db", "MokList", "Shim", "SbatLevel"
    bool proven = false;
    View entry;       // certificate or hash; empty for what is none (SbatLevel)
    bool in_db = false;  // found in a database measured before
  };
  std::vector<Authority> authorities;
  bool debug_mode = false;      // the firmware says that it was debugged
  bool dma_unprotected = false;  // the firmware says that devices had access to memory
  bool setup_mode = false, audit_mode = false;

  const Database* database(std::string_view name) const;
};

// EventFindings is what was found out about each record: one element for each.
struct EventFindings {
  std::vector<Binding> bindings;
  std::vector<bool> ends_firmware;
};
Result<EventFindings> find_bindings(const TcgEventLog& log);

// find_secure_boot walks the records in order. reg is the register Secure Boot is measured to: PCR 7, or 1
// (RTMR 0) in logs of confidential computing. Variables count only ahead of the first separator of that
// register: what comes later may be anyone's.
SecureBoot find_secure_boot(const TcgEventLog& log, const EventFindings& findings, std::uint32_t reg = 7);

}  // namespace attest
