// endorsement.h: is the endorsement key of an enrolment request that of a genuine TPM?
#pragma once
#include "evidence/core/time.h"
#include "evidence/tpm/public_area.h"

namespace attest::ctl {

// Endorsement is what the authority has to go by.
struct Endorsement {
  PublicArea key;
  std::vector<Bytes> certificates;  // DER as the TPM's NV holds them; padding behind them is allowed
};

struct EndorsementPolicy {
  std::vector<std::string> roots;     // PEM files: TPM makers' roots, intermediates may stand among them
  std::vector<std::string> accepted;  // SHA-256 of the SPKI, hex: keys accepted without a certificate
};

// judge_endorsement returns in words why the key is accepted; untrusted with the remedy if it is not.
Result<std::string> judge_endorsement(const Endorsement& endorsement, const EndorsementPolicy& policy,
                                      UnixTime now);

}  // namespace attest::ctl
