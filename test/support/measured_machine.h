// measured_machine.h: a recorded boot replayed into a software TPM, with the logs that belong to it.
#pragma once
#include "test/support/swtpm.h"

namespace attest::test {

// MeasuredMachine keeps a copy of a recorded event log and IMA list in the TPM's folder and extends what they
// say into the TPM, so that a quote of it equals the recorded machine's. It reads the recordings with a
// reader of its own: what the code under test believes about logs is checked against it.
class MeasuredMachine {
 public:
  static constexpr std::size_t kAll = ~std::size_t{0};
  // replay plays fixture boots/NAME ("tis", "crb", "secureboot") with its first ima_entries entries; nullptr
  // after a failed expectation. The TPM must be fresh and outlive the machine.
  static std::unique_ptr<MeasuredMachine> replay(Swtpm& tpm, const std::string& name,
                                                 std::size_t ima_entries = kAll);
  std::string event_log() const { return tpm_.dir() / "event_log"; }
  std::string ima_list() const { return tpm_.dir() / "ima_list"; }
  // recorded_pcr is the recorded machine's value after its whole IMA list; empty if the recording has none.
  Digest recorded_pcr(HashAlg bank, unsigned pcr) const;
  // grow replays the next n recorded entries: into the list first, then into the TPM, as the kernel does it.
  bool grow(std::size_t n);
  // measure_file measures one file more (ima-ng); measure_event one firmware event more (EV_IPL).
  bool measure_file(std::string_view path, std::string_view content = "changed");
  bool measure_event(std::uint32_t pcr, std::string_view data);
  // extend_unlogged extends a PCR and logs nothing.
  bool extend_unlogged(std::uint32_t pcr);
  // list_violation adds an entry whose file changed while it was measured.
  bool list_violation(std::string_view path);
  // play_again extends everything the logs hold into a TPM that was reset.
  bool play_again();

 private:
  explicit MeasuredMachine(Swtpm& tpm) : tpm_(tpm) {}
  bool add_entry(View template_hash, View template_data);
  Swtpm& tpm_;
  Bytes recorded_ima_;
  std::size_t played_ = 0;  // bytes of recorded_ima_
  std::string pcrs_yaml_;
};

}  // namespace attest::test
