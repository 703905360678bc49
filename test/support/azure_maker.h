// azure_maker.h: what an Azure confidential VM has in its vTPM, with test keys.
#pragma once
#include <openssl/evp.h>

#include <memory>
#include <string>

#include "evidence/core/bytes.h"

namespace attest::test {

// RsaAk is an RSA-2048 key with the TPMT_PUBLIC of an attestation key, as the paravisor makes them.
struct RsaAk {
  std::shared_ptr<EVP_PKEY> key;
  Bytes public_area, modulus;
  Bytes name() const;
  // sign is a TPMT_SIGNATURE, RSASSA with SHA-256.
  Bytes sign(View message) const;
};
RsaAk make_rsa_ak();
// modulus_of is the modulus of an RSA key, without leading zeros.
Bytes modulus_of(EVP_PKEY* key);

// hcl_claims names a key as the vTPM's attestation key; hcl_report wraps claims and hardware evidence that binds them: a
// synthetic SEV-SNP report asked for at a privilege level, or the TDREPORT of a TDX guest.
std::string hcl_claims(View modulus, View user_data = {});
Bytes hcl_report(const std::string& claims, unsigned vmpl = 0, bool tdx = false);

}  // namespace attest::test
