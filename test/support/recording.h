// recording.h: a recorded measured boot of test/fixtures/boots.
#pragma once
#include <map>

#include "evidence/core/hash.h"
#include "evidence/logs/measured_log.h"

namespace attest::test {

// The three recorded machines; "early" reads the snapshot taken while IMA still grew.
inline constexpr const char* kBoots[] = {"crb", "tis", "secureboot"};

// Recording holds one snapshot; the key is named by "ecc" or "rsa".
struct Recording {
  std::string folder;
  Bytes event_log, ima, nonce;
  std::map<std::pair<HashAlg, int>, Digest> pcrs;   // read by tpm2_pcrread after the quote
  Bytes attest(const std::string& key) const;       // TPMS_ATTEST
  Bytes signature(const std::string& key) const;    // TPMT_SIGNATURE
  Bytes public_area(const std::string& key) const;  // TPM2B_PUBLIC
  Bytes name(const std::string& key) const;
  Bytes file(const std::string& name) const;  // of this snapshot
};
// recording aborts the test program if a file is missing: the fixtures are part of the tree.
Recording recording(const std::string& boot, bool early = false);

// must_read is a fixture's content; ends the program where it is absent.
Bytes must_read(const std::string& path);
// must returns the value of a Result and ends the program with its text if there is none.
template <class T>
T must(Result<T> result);

// Twins of an accepted input.
Bytes flipped(View bytes, std::size_t at, std::uint8_t mask = 1);
Bytes truncated(View bytes, std::size_t by = 1);
Bytes trailed(View bytes, std::uint8_t value = 0x41);

[[noreturn]] void give_up(const std::string& why);

template <class T>
T must(Result<T> result) {
  if (!result) give_up(result.error().what);
  return *std::move(result);
}

}  // namespace attest::test
