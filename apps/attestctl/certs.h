// certs.h: the keys and certificates that attestctl makes, in our own library context.
#pragma once
#include <optional>

#include "evidence/core/bytes.h"
#include "evidence/core/owned.h"
#include "evidence/core/secret.h"

namespace attest::ctl {

// new_key makes a key: "ec-p256", "ec-p384" or "rsa-3072"; unsupported otherwise.
Result<OwnedPkey> new_key(std::string_view algorithm);
// read_passphrase reads a file of one line; denied where it is empty or longer than 1,024 bytes. "" is no file: nullopt.
Result<std::optional<Secret>> read_passphrase(const std::string& path);
// key_pem writes PKCS#8, encrypted where passphrase_file names a file.
Result<Secret> key_pem(const EVP_PKEY* key, const std::string& passphrase_file = "");
// read_key reads a PEM file; malformed if there is no private key, or one behind a passphrase and no file of it is named.
Result<OwnedPkey> read_key(const std::string& path, const std::string& passphrase_file = "");
// parse_spki reads a DER SubjectPublicKeyInfo that fills its bytes.
Result<OwnedPkey> parse_spki(View der);

// CertProfile says what a certificate is for.
struct CertProfile {
  std::string common_name;
  std::int64_t days = 3650;
  bool ca = false;
  std::string extended_key_usage;              // OID or OpenSSL's short name; empty: none
  std::vector<std::string> dns_names;          // subjectAltName
  std::string key_usage = "digitalSignature";  // of certificates that are no CA
};

// issue makes a certificate for `subject`, signed by issuer_key; without issuer_cert it is self-signed. DER.
Result<Bytes> issue(const CertProfile& profile, EVP_PKEY* subject, const X509* issuer_cert,
                    EVP_PKEY* issuer_key);

// spki_sha256_hex of a key: how people pin keys.
std::string spki_sha256_hex(const EVP_PKEY* key);

}  // namespace attest::ctl
