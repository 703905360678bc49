// remote_key.h: a private key that lives in the daemon.
#pragma once
#include <openssl/evp.h>

#include <memory>

#include "evidence/core/owned.h"
#include "evidence/native/key_reference.h"
#include "provider/daemon.h"

namespace attest {

enum class KeyKind { ec_p256, ec_p384, rsa };

// RemoteKey is a name, a socket and the public half. Immutable and shared by every EVP_PKEY and signature
// context that refers to it; thread safe.
class RemoteKey {
 public:
  // make checks the SPKI: P-256, P-384, or RSA of 2048 or 3072 bits, in the one DER form OpenSSL itself
  // writes; the daemon is not asked. pool is the module's; a reference that names another socket gets a pool
  // of its own with the same deadlines and the same daemon uid. Errors begin "key.reference: ".
  static Result<std::shared_ptr<const RemoteKey>> make(const KeyReference& reference, const DaemonPool& pool);
  // from_file takes a key that lives in a TSS2 key file (DER): the daemon's TPM opens it for each signature. The
  // same types; errors begin "key.reference: ".
  static Result<std::shared_ptr<const RemoteKey>> from_file(View der, const DaemonPool& pool);

  KeyKind kind() const { return kind_; }
  // type_name is OpenSSL's: "EC" or "RSA".
  const char* type_name() const { return kind_ == KeyKind::rsa ? "RSA" : "EC"; }
  // public_key lends the public half, an EVP_PKEY of private_libctx().
  EVP_PKEY* public_key() const { return public_.get(); }
  // signature_size is the most a signature can have.
  std::size_t signature_size() const;
  // key_file lends the DER of a TSS2 key file; empty for keys of the daemon.
  View key_file() const { return key_file_; }
  // sign asks the daemon: content is the whole CertificateVerify content, scheme a TLS SignatureScheme. The
  // daemon refuses if its key of this name is another one by now.
  Result<Bytes> sign(std::uint16_t scheme, View content) const;

 private:
  RemoteKey(const KeyReference& reference, KeyKind kind, OwnedPkey key, DaemonPool pool);
  static Result<std::shared_ptr<RemoteKey>> checked(const KeyReference& reference, const DaemonPool& pool);
  KeyReference reference_;
  Bytes key_file_;
  KeyKind kind_;
  OwnedPkey public_;
  DaemonPool pool_;
};

// KeyRef is what OpenSSL holds as key data and what our key references ("object references") point at.
using KeyRef = std::shared_ptr<const RemoteKey>;

}  // namespace attest
