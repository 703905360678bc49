// predict.h: what a machine will measure at its next boot, from what it measured at the last one and the new files.
#pragma once
#include <optional>

#include "verifier/logs/boot_chain.h"

namespace attest {

// BootFile is a new file of the boot. Where the file it replaces is at hand its events are those with its hash; otherwise they
// are found by what the log says of them. The views are lent for the length of the call.
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

struct PredictedEvent {
  std::size_t event = 0;  // position in the log
  std::vector<std::pair<std::uint16_t, Digest>> digests;  // by TPM_ALG_ID, in every bank the event has and we can compute
};

struct Prediction {
  std::vector<PredictedEvent> events;  // those that will be different, in log order
  std::vector<BankValues> before, after;
};

// predict: mismatch, naming the change, where the log shows nothing that it would change, or where the log does not prove what
// it shows; unsupported for unified kernel images, whose sections are measured one by one. Everything else is taken to stay as
// it is: the order of events, who signed what, the firmware's settings.
Result<Prediction> predict(const TcgEventLog& log, const BootChanges& changes);

// signature_update is the content of a variable file as it comes: signature lists, with the header of an authenticated update or
// the attributes that efivarfs puts in front taken away. malformed if no signature lists are left.
Result<View> signature_update(View file);

}  // namespace attest
