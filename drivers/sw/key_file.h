// key_file.h: private keys of software in PEM files that the daemon's user alone may read.
#pragma once
#include <filesystem>

#include "drivers/tls_scheme.h"
#include "evidence/core/owned.h"

namespace attest {

// make_sw_key generates "ec-p256", "ec-p384", "rsa-2048" or "rsa-3072"; unsupported for other names.
Result<OwnedPkey> make_sw_key(std::string_view algorithm);
// key_algorithm names the algorithm of a key; unsupported for any other than those four.
Result<std::string> key_algorithm(const EVP_PKEY* key);
// read_sw_key and write_sw_key: PKCS#8 PEM without a passphrase, mode 0600; read fails with mismatch when
// there is no such file, denied when others can read it.
Result<OwnedPkey> read_sw_key(const std::filesystem::path& path);
Status write_sw_key(const std::filesystem::path& path, const EVP_PKEY* key);
// sw_sign signs content under a TLS scheme: ECDSA in DER, RSA-PSS with a salt as long as the hash.
Result<Bytes> sw_sign(EVP_PKEY* key, const TlsScheme& scheme, View content);
// public_der is the SubjectPublicKeyInfo.
Result<Bytes> public_der(const EVP_PKEY* key);

}  // namespace attest
