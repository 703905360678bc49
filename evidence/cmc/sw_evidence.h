// sw_evidence.h: the statement of CMC's software driver: a JWS over nonce and the sum of the containers.
#pragma once
#include "evidence/cmc/report.h"
#include "evidence/core/owned.h"

namespace attest::cmc {

// container_sum is h0 = 32 zero bytes, h = SHA-256(h || event), over the events in order.
Digest container_sum(const std::vector<Component>& events);

// make_sw_evidence signs with an EC key on P-256: flattened JSON, protected header {"alg":"ES256"} alone, payload {nonce,
// sha256}; without events there is no sum.
Result<Bytes> make_sw_evidence(EVP_PKEY* key, View nonce, const std::vector<Component>& events);

// make_sw_collateral: the key that verifies (PEM) and the log.
Result<Collateral> make_sw_collateral(EVP_PKEY* key, const Artifact& log);

}  // namespace attest::cmc
