// signature.h: the signatures of files that travel in the list (security.ima and security.evm, versions 2 and 3).
#pragma once
#include <optional>
#include <string>

#include "evidence/core/hash.h"

namespace attest::ima {

// What a signature's first byte says it is over.
enum class SignatureKind : std::uint8_t { file = 3, evm = 5, verity = 6 };

// FileSignature is a struct signature_v2_hdr; it lends from the entry.
struct FileSignature {
  SignatureKind kind = SignatureKind::file;
  std::uint8_t version = 2;        // 2: over the digest itself; 3: over a struct ima_file_id
  std::uint8_t hash = 0;           // the kernel's number of the hash
  std::array<std::uint8_t, 4> key_id{};  // last bytes of the subject key identifier
  View value;
};

// parse_file_signature: malformed for other kinds and versions, and lengths that do not fit.
Result<FileSignature> parse_file_signature(View bytes);

// kernel_hash maps the kernel's number of a hash (2 sha1, 4 sha256, 5 sha384, 6 sha512); nullopt for others.
std::optional<HashAlg> kernel_hash(std::uint8_t number);

}  // namespace attest::ima
