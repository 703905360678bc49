// ima_keys.h: keys that sign files, and whether an entry's signature is one of theirs.
#pragma once
#include "evidence/core/owned.h"
#include "evidence/logs/ima/signature.h"
#include "evidence/logs/ima_list.h"

namespace attest {

// ImaKey is one key of a keyring; the kernel finds it by the last four bytes of its identifier.
struct ImaKey {
  OwnedPkey key;
  std::vector<std::array<std::uint8_t, 4>> ids;  // by subject key identifier, and by the key's hash
  std::string name;                              // the certificate's subject, or "public key"
};

// parse_ima_keys reads PEM (certificates and public keys, any number) or one DER certificate. malformed if there
// is none, or one that cannot be read.
Result<std::vector<ImaKey>> parse_ima_keys(View file);

// SignatureState of an entry. bad: a key of that identifier is at hand and did not sign this (the signature is of
// another file, or the file was changed); unsupported: a hash or kind that is not judged.
enum class SignatureState : std::uint8_t { none, good, unknown_key, bad, unsupported, malformed };

// check_ima_signature judges the file's signature of an entry (fields sig, evmsig and modsig).
SignatureState check_ima_signature(const ImaEntry& entry, const std::vector<ImaKey>& keys);

}  // namespace attest
