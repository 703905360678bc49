#include "verifier/logs/ima_keys.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "evidence/core/crypto.h"
#include "evidence/core/error_mark.h"
#include "evidence/x509/certificate.h"

namespace attest {
namespace {

using KeyId = std::array<std::uint8_t, 4>;

KeyId last_four(View bytes) {
  KeyId id{};
  if (bytes.size() >= id.size()) std::copy_n(bytes.end() - 4, 4, id.begin());
  return id;
}

// The hash over the bits of the public key, without the algorithm in front.
Status add_hash_id(ImaKey& key) {
  Bytes spki = spki_der(key.key.get());
  const unsigned char* at = spki.data();
  Owned<X509_PUBKEY, X509_PUBKEY_free> parsed(d2i_X509_PUBKEY(nullptr, &at, static_cast<long>(spki.size())));
  const unsigned char* bits = nullptr;
  int size = 0;
  if (!parsed || X509_PUBKEY_get0_param(nullptr, &bits, &size, nullptr, parsed.get()) != 1 || size <= 0)
    return Error{Errc::malformed, "ima keys: a public key cannot be encoded"};
  key.ids.push_back(last_four(hash_of(HashAlg::sha1, {View(bits, static_cast<std::size_t>(size))}).view()));
  return ok();
}

Result<ImaKey> key_of(X509* certificate) {
  ImaKey key;
  key.key.reset(X509_get_pubkey(certificate));
  if (!key.key) return Error{Errc::malformed, "ima keys: the key of a certificate cannot be read"};
  key.name = subject_text(certificate);
  if (const ASN1_OCTET_STRING* id = X509_get0_subject_key_id(certificate))
    key.ids.push_back(last_four({ASN1_STRING_get0_data(id), static_cast<std::size_t>(ASN1_STRING_length(id))}));
  CHECK_OK(add_hash_id(key));
  return key;
}

Result<std::vector<ImaKey>> from_pem(View file) {
  std::vector<ImaKey> keys;
  OwnedBio bio(BIO_new_mem_buf(file.data(), static_cast<int>(file.size())));
  char* name = nullptr;
  char* header = nullptr;
  unsigned char* data = nullptr;
  long size = 0;
  while (bio && PEM_read_bio(bio.get(), &name, &header, &data, &size) == 1) {
    std::string kind(name);
    Bytes der(data, data + size);
    OPENSSL_free(name);
    OPENSSL_free(header);
    OPENSSL_free(data);
    if (keys.size() == kMaxCertificatesInFile) return Error{Errc::malformed, "ima keys: more than 1024"};
    ImaKey key;
    if (kind == "CERTIFICATE") {
      TRY(OwnedX509 certificate, parse_certificate(der));
      TRY(key, key_of(certificate.get()));
    } else if (kind == "PUBLIC KEY") {
      const unsigned char* at = der.data();
      key.key.reset(d2i_PUBKEY_ex(nullptr, &at, static_cast<long>(der.size()), private_libctx(), nullptr));
      if (!key.key) return Error{Errc::malformed, "ima keys: a public key cannot be read"};
      key.name = "public key";
      CHECK_OK(add_hash_id(key));
    } else {
      return Error{Errc::malformed, "ima keys: a PEM block is neither certificate nor public key"};
    }
    keys.push_back(std::move(key));
  }
  return keys;
}

}  // namespace

Result<std::vector<ImaKey>> parse_ima_keys(View file) {
  ErrorMark mark;
  if (file.size() > (16 << 20)) return Error{Errc::malformed, "ima keys: longer than 16 MiB"};
  std::vector<ImaKey> keys;
  if (as_text(file).find("-----BEGIN") != std::string_view::npos) {
    TRY(keys, from_pem(file));
  } else {
    TRY(OwnedX509 certificate, parse_certificate(file));
    TRY(ImaKey key, key_of(certificate.get()));
    keys.push_back(std::move(key));
  }
  if (keys.empty()) return Error{Errc::malformed, "ima keys: none found"};
  return keys;
}

}  // namespace attest
