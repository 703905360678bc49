#include "verifier/appraisers.h"

namespace attest {
namespace {

constexpr Appraiser kAppraisers[] = {
    {AnchorKind::tpm, verify_tpm, measure_tpm},
    {AnchorKind::sw, verify_sw, measure_sw},
    {AnchorKind::snp, verify_snp, measure_snp},
    {AnchorKind::tdx, verify_tdx, measure_tdx},
    {AnchorKind::sgx, verify_sgx, measure_sgx},
    {AnchorKind::azure, verify_azure, measure_azure},
};

}  // namespace

std::span<const Appraiser> appraisers() { return kAppraisers; }

const Appraiser* find_appraiser(AnchorKind kind) {
  for (const Appraiser& appraiser : kAppraisers)
    if (appraiser.kind == kind) return &appraiser;
  return nullptr;
}

}  // namespace attest
