// path.h: certificate paths for devices: hardware roots of many vendors, of which some certificates bend the
// rules.
#pragma once
#include <optional>

#include "evidence/core/time.h"
#include "evidence/x509/certificate.h"
#include "verifier/finding.h"

namespace attest {

// PathQuestion is a leaf and where to look for its issuers. Anchors are trusted as they stand, self-signed or
// not.
struct PathQuestion {
  View leaf_der;
  const std::vector<Bytes>* intermediates = nullptr;  // may be nullptr
  const std::vector<Bytes>* anchors = nullptr;
};

// CertificatePath is what was found from the leaf upward: every signature in it was checked with the next
// one's key.
struct CertificatePath {
  static constexpr std::size_t kMaxLength = 10;
  std::vector<OwnedX509> certificates;     // leaf first
  std::optional<std::size_t> anchor;       // the lowest one that is an anchor
  bool complete = false;                   // ends in a self-signed certificate
  std::string broken;                      // the sentence why a signature did not verify; empty if all did
  UnixTime not_before = 0, not_after = 0;  // in which all of them are valid
};

// find_path fails for a leaf or anchor that cannot be parsed; whatever else is wrong stands in the path.
Result<CertificatePath> find_path(const PathQuestion& question);

// PathChecks names the checks, so that each kind has its own ids.
struct PathChecks {
  std::string_view signature;   // every signature verifies with its issuer's key
  std::string_view chain;       // a trust anchor is reached
  std::string_view time;        // all valid at the time given, up to the anchor
  std::string_view issuers;     // issuers are CAs, path lengths are kept, nothing critical is not understood
  std::string_view algorithms;  // no MD5, RSA of 2048 bits or more; SHA-1 is a warning
};

// judge_path adds one finding a check; true if none failed.
bool judge_path(const CertificatePath& path, UnixTime at, const PathChecks& checks, Findings& out);

}  // namespace attest
