// appraise.cc: SGX evidence of a handshake: the enclave's measurement against the signed references.
#include "verifier/dcap/appraise.h"
#include "evidence/core/hex.h"

namespace attest {

bool verify_sgx(const Case& c, const Anchor& any, Verdict& verdict) {
  return verify_dcap(c, AnchorKind::sgx, std::get<SgxAnchor>(any).quote, verdict);
}

// An image is claimed by its references: without one for this enclave anybody's could claim it.
void measure_sgx(const Case&, const Anchor& any, const ClaimedMetadata& metadata, Appraisal& out) {
  const std::string id = "sgx." + std::string(dcap_check::kMeasurements);
  auto quote = parse_quote(std::get<SgxAnchor>(any).quote);
  if (!quote || quote->enclave() == nullptr) return out.verdict.fail(id, "the quote is not of an enclave");
  View measured = quote->enclave()->mr_enclave;
  std::vector<DcapReference> references = dcap_references(metadata, AnchorKind::sgx, HashAlg::sha256);
  out.events++;
  for (const DcapReference& reference : references)
    if (reference.digest != nullptr && equal(reference.digest->view(), measured)) return out.verdict.pass(id);
  out.verdict.mismatch(dcap_mismatch(AnchorKind::sgx, 0, "MRENCLAVE", measured,
                                     references.empty() ? nullptr : &references.front()));
  out.verdict.fail(id,
                   references.empty() ? "the manifests have no reference value for an SGX enclave"
                                      : "MRENCLAVE " + to_hex(measured) + " is not in the signed references",
                   "publish a reference for it if the change was wanted");
}

}  // namespace attest
