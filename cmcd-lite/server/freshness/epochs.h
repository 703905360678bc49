// epochs.h: the Epoch IDs that reach this machine, and the newest ones it has ever seen.
#pragma once
#include <sys/types.h>

#include <filesystem>
#include <functional>
#include <map>
#include <mutex>

#include "evidence/native/epoch.h"
#include "verifier/quoted_key.h"

namespace attest {

// EpochSource is a file that somebody keeps filled with the newest Epoch ID of one distributor.
struct EpochSource {
  std::filesystem::path file;
  Distributor distributor;
};

// CurrentEpoch is what this machine may quote with.
struct CurrentEpoch {
  SignedEpochId id;
  EpochSeen seen;
};

// Epochs reads the files and remembers the newest Epoch ID of every distributor, its own and those that came
// with evidence, also across restarts. Thread safe.
class Epochs {
 public:
  static constexpr UnixTime kMaxAhead =
      300;  // seconds that a time may lie ahead of our clock and still be remembered

  Epochs() = default;
  // open reads what was remembered; a file that cannot be read is a note and an empty memory.
  void open(const std::filesystem::path& memory, const std::function<void(const std::string&)>& log);
  // poll reads the files that have changed; true if a new Epoch ID is there. One that is not newer than the
  // newest of its distributor, or not signed by it, is passed over and noted in problems().
  bool poll(const std::vector<EpochSource>& sources, UnixTime now);
  // current is the newest Epoch ID of a source; nullopt before there is one.
  std::optional<CurrentEpoch> current(const Digest& distributor) const;
  // note takes over an Epoch ID that came with evidence and whose signature was verified.
  void note(const EpochSeen& epoch, UnixTime now);
  std::vector<EpochSeen> seen() const;
  // problems: what is wrong with the sources, a text each.
  std::vector<std::string> problems() const;

 private:
  struct File {
    dev_t device = 0;
    ino_t inode = 0;
    timespec changed{};
    std::string problem;
  };
  Status read_source(const EpochSource& source, UnixTime now, bool& fresh);
  bool remember(const EpochSeen& epoch, UnixTime now);
  void save(UnixTime now);
  mutable std::mutex mutex_;
  std::map<std::string, File> files_;
  std::map<std::string, CurrentEpoch> current_;  // by the distributor's name as text
  std::map<std::string, EpochSeen> seen_;
  std::filesystem::path memory_;
  UnixTime saved_ = 0;
};

}  // namespace attest
