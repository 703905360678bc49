// predict.h: what a machine will measure at its next boot, from what it measured at the last one and the new files.
#pragma once
#include <map>
#include <optional>

#include "verifier/logs/boot_chain.h"

namespace attest {

// BootFile is a new file of the boot. Where the file it replaces is at hand its events are those with its hash; otherwise they
// are found by what the log says of them. A kernel may be a unified kernel image: then the log must be of a boot of one. The views
// are lent for the length of the call.
struct BootFile {
  enum class Role : std::uint8_t { kernel, initrd, boot_loader, named };
  Role role = Role::named;
  std::string name;  // what the log calls it, or its last component; for a boot loader and a named file
  View content;
  std::optional<View> old;
};

// BootText is a change in what boot loaders and kernels measure as text. For the kernel's command line an empty `old` stands for
// what the log shows, without the kernel's name in front; where the log has no more than a hash of it, it must be given.
struct BootText {
  std::string old, now;
  bool command_line = false;
};

// BootVariable is a variable of the firmware: its new content, or signature lists that are added to what it holds now, as the
// firmware adds them (entries it has already are left out).
struct BootVariable {
  std::string name;  // "db"
  View content;
  bool append = false;
};

struct BootChanges {
  std::vector<BootFile> files;
  std::vector<BootText> texts;
  std::vector<BootVariable> variables;
};

// PredictedEvent: an event that will be another, will be missing, or will come in behind the one named, in its register and of its
// type (a section that a unified image did not have).
struct PredictedEvent {
  enum class Change : std::uint8_t { replaced, added, removed };
  std::size_t event = 0;  // position in the log
  std::vector<std::pair<std::uint16_t, Digest>> digests;  // by TPM_ALG_ID, in every bank the event has and we can compute
  Change change = Change::replaced;
  std::string text;  // what an added event is of
};

struct Prediction {
  std::vector<PredictedEvent> events;  // those that will be different, in log order
  std::vector<BankValues> before, after;
  std::map<std::uint32_t, std::string> unsaid;  // registers that will change, and why it cannot be said to what; `after` is wrong there
  std::optional<std::uint32_t> sections;        // the register of a unified image's sections, where one changes
};

// predict: mismatch, naming the change, where the log shows nothing that it would change, or where the log does not prove what
// it shows; what parse_unified_image says of a unified kernel image. Everything else is taken to stay as it is: the order of
// events, who signed what, the firmware's settings, the profile of a unified image, what lies beside it (credentials, extensions).
Result<Prediction> predict(const TcgEventLog& log, const BootChanges& changes);

// PhaseValues: a register once the system has reached a phase of its boot, in every bank.
struct PhaseValues {
  std::string phases;  // "enter-initrd:leave-initrd"
  std::vector<std::pair<std::string, Digest>> values;  // by bank
};
// boot_phases extends register `reg` of the banks by each phase ("enter-initrd:leave-initrd:sysinit:ready") as systemd does when the
// system reaches it. denied for an empty phase.
Result<std::vector<PhaseValues>> boot_phases(const std::vector<BankValues>& banks, std::uint32_t reg, std::string_view phases);

// signature_update is the content of a variable file as it comes: signature lists, with the header of an authenticated update or
// the attributes that efivarfs puts in front taken away. malformed if no signature lists are left.
Result<View> signature_update(View file);

}  // namespace attest
