// private_key.h: private keys as files hold them.
#pragma once
#include "evidence/core/bytes.h"
#include "evidence/core/owned.h"
#include "evidence/core/secret.h"

namespace attest {

// parse_private_key reads PEM into the private library context. Where it is encrypted and no passphrase is given nobody is
// asked for one. malformed otherwise, denied with a passphrase that does not open it; name stands for the file in errors.
Result<OwnedPkey> parse_private_key(View pem, std::string_view name, const Secret* passphrase = nullptr);
// private_key_pem writes PKCS#8; with a passphrase (not empty) encrypted: PBES2, PBKDF2 with SHA-256, AES-256-CBC.
Result<Secret> private_key_pem(const EVP_PKEY* key, const Secret* passphrase = nullptr);

}  // namespace attest
