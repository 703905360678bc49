// templates.h: the public areas we ask a TPM to make keys from.
#pragma once
#include <tss2/tss2_tpm2_types.h>

#include <string_view>

#include "evidence/core/result.h"

namespace attest {

// attestation_template: restricted signing, noDA, authorisation by value; "ec-p256" (ECDSA with SHA-256),
// "ec-p384" (SHA-384), "rsa-2048" and "rsa-3072" (RSASSA with SHA-256). unsupported for other names.
Result<TPM2B_PUBLIC> attestation_template(std::string_view algorithm);
// tls_template: unrestricted signing without a fixed scheme, never decrypting, noDA; the same names.
Result<TPM2B_PUBLIC> tls_template(std::string_view algorithm);
// storage_template is the P-256 storage primary that TSS2 key files mean by "the owner hierarchy's primary".
TPM2B_PUBLIC storage_template();

// EkTemplate is one endorsement key of the TCG EK Credential Profile: where its certificate lies, where it
// may be stored ready-made, and how it is made.
struct EkTemplate {
  const char* name;         // "rsa-2048"
  TPM2_HANDLE certificate;  // NV index
  TPM2_HANDLE persistent;   // customary handle
  bool auth_by_policy;      // low range: PolicySecret(endorsement); high range: empty authorisation value
  TPM2B_PUBLIC (*make)();
};
// ek_templates lends the table: L-1, L-2, then the high range (P-256, P-384, RSA-2048, RSA-3072).
struct EkTable {
  const EkTemplate* rows;
  std::size_t count;
  const EkTemplate* begin() const { return rows; }
  const EkTemplate* end() const { return rows + count; }
};
EkTable ek_templates();

}  // namespace attest
