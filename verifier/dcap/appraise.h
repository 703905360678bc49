// appraise.h: what the appraisers of TDX and SGX have in common: a quote of a handshake, judged as one by
// itself.
#pragma once
#include "verifier/appraisers.h"
#include "verifier/dcap/checks.h"
#include "verifier/dcap/demands.h"

namespace attest {

// judge_handshake_quote judges signatures, platform and body of a quote that must be over `report_data` (64 bytes), and writes
// every check into the verdict. Unset unless all of it passed.
std::optional<PckExtension> judge_handshake_quote(const Case& c, AnchorKind kind, View quote, const Bytes& report_data,
                                                  Verdict& verdict);

// verify_dcap judges signatures, platform, body and whose machine it is, and writes every check into the
// verdict. false unless all of it passed.
bool verify_dcap(const Case& c, AnchorKind kind, View quote, Verdict& verdict);

// tell writes findings into a verdict.
void tell_findings(const std::vector<Finding>& findings, Verdict& verdict);

// DcapReference is one reference value that a manifest has for a TEE.
struct DcapReference {
  const MetadataItem* item = nullptr;
  std::uint32_t entry = 0;
  const ReferenceValue* value = nullptr;
  const Digest* digest = nullptr;  // in the TEE's hash
};
std::vector<DcapReference> dcap_references(const ClaimedMetadata& metadata, AnchorKind kind, HashAlg alg);

// dcap_mismatch describes a measured value; nearest may be null.
Mismatch dcap_mismatch(AnchorKind kind, std::uint32_t reg, std::string name, View measured,
                       const DcapReference* nearest);

}  // namespace attest
