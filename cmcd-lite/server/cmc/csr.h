// csr.h: certificate requests for keys that sign elsewhere.
#pragma once
#include <functional>

#include "evidence/cmc/api.h"
#include "evidence/core/owned.h"

namespace attest {

// SignDigest signs a digest: RSA with PKCS#1 v1.5, ECDSA in DER.
using SignDigest = std::function<Result<Bytes>(HashAlg hash, View digest)>;
// SignContent signs what hashes to the digest: for keys that see the content themselves.
using SignContent = std::function<Result<Bytes>(HashAlg hash, View content)>;

// check_names: a common name and alternative names that a certificate may carry: host names of [A-Za-z0-9.*-], numeric
// addresses, a common name of at most 64 printable characters. malformed otherwise.
Status check_names(const cmc::KeyConfig& config);

// names_of is what a certificate names, to ask for another one of the same names; type and alg stay empty. malformed for names
// that check_names refuses, and for alternative names of other kinds.
Result<cmc::KeyConfig> names_of(const X509* certificate);

// make_csr writes a PKCS#10 request (DER) for a key (SPKI in DER) with the names of config, signed through `sign` with the
// hash that fits the key.
Result<Bytes> make_csr(View spki_der, const cmc::KeyConfig& config, const SignDigest& sign);
Result<Bytes> make_csr_over(View spki_der, const cmc::KeyConfig& config, const SignContent& sign);

}  // namespace attest
