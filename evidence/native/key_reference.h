// key_reference.h: the file that stands for a private key held by the daemon (docs/PROTOCOL.md).
//   -----BEGIN ATTEST KEY REFERENCE-----
//   base64(DER SEQUENCE { UTF8String "attest-key-1", UTF8String name, UTF8String socket or "", OCTET STRING
//   SPKI })
// It holds no secret: whoever may talk to the daemon as the right uid may sign, nobody else.
#pragma once
#include "evidence/core/bytes.h"

namespace attest {

inline constexpr std::string_view kKeyReferenceLabel = "ATTEST KEY REFERENCE";
inline constexpr std::size_t kMaxKeyName = 128;
inline constexpr std::size_t kMaxSocketPath = 107;      // sun_path of a Unix socket
inline constexpr std::size_t kMaxReferenceSpki = 1024;  // an RSA-4096 key has 550 bytes
inline constexpr std::size_t kMaxKeyReference = 2048;   // DER

struct KeyReference {
  std::string name;
  std::string socket;  // "": the socket of the module's own parameters
  Bytes spki_der;      // SubjectPublicKeyInfo; its inside is the reader's to check
};

// valid_key_name: 1 to 128 characters of [A-Za-z0-9._-], not beginning with a dot (names are file names,
// too).
bool valid_key_name(std::string_view name);

// A key that was renewed serves on under another name until it is revoked: replaced_key_name is NAME.old-XXXXXXXX
// after the SHA-256 of its SPKI. replaced_by gives NAME back, "" for a name that is not of this form.
inline constexpr std::size_t kMaxReplaced = 8;  // a name
std::string replaced_key_name(std::string_view name, View spki_der);
std::string_view replaced_by(std::string_view name);

// encode_key_reference gives the DER body; denied for a bad name, socket path or SPKI size.
Result<Bytes> encode_key_reference(const KeyReference& reference);
// parse_key_reference takes strict DER: minimal lengths, nothing trailing. Errors begin "key.reference: ".
Result<KeyReference> parse_key_reference(View der);

// key_reference_pem gives the PEM text, 64 columns, ending in a newline.
Result<std::string> key_reference_pem(const KeyReference& reference);
// parse_key_reference_pem takes exactly one PEM block with nothing but white space around it.
Result<KeyReference> parse_key_reference_pem(std::string_view text);

}  // namespace attest
