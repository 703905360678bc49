// rights.h: what a local user may ask of the daemon.
#pragma once
#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "evidence/core/hash.h"
#include "evidence/native/binder.h"

namespace attest {

// Right is one thing a caller may do; rights of an entry are their sum.
enum class Right : unsigned {
  attest = 1,   // evidence over a handshake with one of its keys
  judge = 2,    // begin and judge
  sign = 4,     // CertificateVerify with one of its keys
  raw = 8,      // evidence over a nonce of its own choice
  control = 16  // status in full, keys, enrolment, reload
};

// KeyRule names a key: by a certificate, by its name in the daemon, by the SHA-256 of its
// SubjectPublicKeyInfo, the machine's client key, or any key that no other caller lists.
struct KeyRule {
  enum class Kind { certificate, name, spki, machine, any };
  Kind kind = Kind::any;
  std::string text;   // path or key name
  Digest spki;        // certificate (once read) and spki
  std::string where;  // file:line
};

// CallerRule is one entry of "callers".
struct CallerRule {
  std::string name;
  bool any_uid = false;
  std::optional<uid_t> uid;
  std::optional<gid_t> gid;
  std::string service;      // service label its evidence carries
  std::vector<Role> roles;  // sides it may prove
  std::vector<KeyRule> keys;
  unsigned rights = 0;  // sum of Right
  bool has(Right right) const { return (rights & static_cast<unsigned>(right)) != 0; }
};

constexpr const char* right_name(Right right) {
  switch (right) {
    case Right::attest:
      return "attest";
    case Right::judge:
      return "judge";
    case Right::sign:
      return "sign";
    case Right::raw:
      return "raw";
    case Right::control:
      return "control";
  }
  return "?";
}
inline constexpr Right kAllRights[] = {Right::attest, Right::judge, Right::sign, Right::raw, Right::control};

}  // namespace attest
