// tls_key.h: does the TLS key of the handshake live in the TPM that quoted?
#pragma once
#include "evidence/tpm/public_area.h"
#include "verifier/case.h"

namespace attest {

// verify_tls_key judges a certified TLS key that came with the evidence, by the attestation key that quoted; false,
// noted, if it is not what it says. Evidence without one passes: whether one is due is check_tls_key_due's question.
bool verify_tls_key(const Case& c, const PublicArea& ak, Verdict& verdict);
// check_tls_key_due notes whether the rule demands a certified TLS key and none came.
void check_tls_key_due(const Case& c, Verdict& verdict);

}  // namespace attest
