// tpm_machine.h: a daemon over a software TPM into which a recorded boot was replayed.
#pragma once
#include "test/support/machine_daemon.h"
#include "test/support/measured_machine.h"

namespace attest::test {

// TpmMachine's daemon is configured, not started. Check good() first.
struct TpmMachine {
  // ima_entries: how many of the recorded files were measured so far.
  TpmMachine(const Authority& authority, const std::string& boot, std::size_t ima_entries = MeasuredMachine::kAll);
  bool good() const { return measured != nullptr; }
  // describe signs what the machine measured as manifest `name` and claims it under image-of-NAME.
  void describe(const Authority& authority, const std::string& name);
  void hold(const std::vector<std::string>& signed_items, const std::string& name);
  std::string ak_name() const;
  std::unique_ptr<Swtpm> tpm;
  std::unique_ptr<MeasuredMachine> measured;
  MachineDaemon daemon;
  std::vector<std::string> items;
};

// start_both starts a machine that proves itself and one that judges, and waits for the first one's TPM; false after a failed
// expectation.
bool start_both(TpmMachine& prover, MachineDaemon& verifier);

}  // namespace attest::test
