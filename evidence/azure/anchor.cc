#include "evidence/azure/anchor.h"

#include <algorithm>

namespace attest {

Result<Bytes> hcl_ak_spki(const HclClaims& claims) {
  const HclKey* key = claims.key(kHclAkName);
  if (key == nullptr) return Error{Errc::mismatch, "the claims name no attestation key (HCLAkPub)"};
  if (std::ranges::find(key->operations, "sign") == key->operations.end())
    return Error{Errc::denied, "the claims do not let the attestation key sign"};
  return hcl_key_spki(*key);
}

Result<Bytes> azure_identity(View hcl) {
  TRY(HclReport report, parse_hcl_report(hcl));
  TRY(HclClaims claims, parse_hcl_claims(report.claims));
  TRY(Bytes spki, hcl_ak_spki(claims));
  return to_bytes(sha256(View(spki)).view());
}

Result<Bytes> bare_hcl(View bytes) {
  constexpr std::size_t kHeads = 32 + 20;  // of the report and of its runtime data
  TRY(HclReport report, parse_hcl_report(bytes));
  return to_bytes(bytes.first(kHeads + kHclHardwareBytes + report.claims.size()));
}

}  // namespace attest
