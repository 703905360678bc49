// anchor.h: how the claims of an Azure confidential VM stand in the native profile.
#pragma once
#include "evidence/azure/hcl.h"

namespace attest {

inline constexpr std::string_view kHclAkName = "HCLAkPub";

// hcl_ak_spki is the attestation key of the vTPM that claims name, as DER; mismatch if they name none, denied if they do not
// let it sign.
Result<Bytes> hcl_ak_spki(const HclClaims& claims);

// azure_identity is how the machine is named in a report context: SHA-256 over the SPKI of that key.
Result<Bytes> azure_identity(View hcl);

// bare_hcl cuts what stands behind the claims: the NV index is longer than the report.
Result<Bytes> bare_hcl(View bytes);

}  // namespace attest
