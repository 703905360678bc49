// distributor.h: the key that signs Epoch IDs, and the memory of the last one.
#pragma once
#include <filesystem>

#include "evidence/native/epoch.h"

namespace attest::epochd {

// Names inside the state folder.
inline constexpr const char* kKeyFile = "epochd.key";     // private, mode 0600
inline constexpr const char* kPublicFile = "epochd.pem";  // for policies and cmcd.json
inline constexpr const char* kLastFile = "last";          // time and sequence of the last Epoch ID, as text

// make_key writes a fresh key pair into a folder; denied if there is one already.
Status make_key(const std::filesystem::path& folder);

// Distributor signs one Epoch ID after the other. Time and sequence never go back, also across restarts: the last pair is
// on disk before an Epoch ID leaves. A lost memory is no harm as long as the clock is right, since sequences begin at the
// time. One process a folder.
class Distributor {
 public:
  static Result<Distributor> open(const std::filesystem::path& folder);
  // next: stale if the clock lies behind the last Epoch ID; io if the memory cannot be written or random bytes are short.
  Result<Bytes> next(UnixTime now);
  const EpochId& last() const { return last_; }

 private:
  Distributor(std::filesystem::path folder, OwnedPkey key) : folder_(std::move(folder)), key_(std::move(key)) {}
  Status read_last();
  std::filesystem::path folder_;
  OwnedPkey key_;
  EpochId last_;
};

}  // namespace attest::epochd
