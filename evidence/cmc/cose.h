// cose.h: signed CBOR (RFC 9052, COSE_Sign), as CMC's metadata items use it.
#pragma once
#include "evidence/metadata/jws.h"

namespace attest::cmc {

// is_cose: the item begins like a COSE_Sign with its tag, 98.
bool is_cose(View item);

// examine_cose looks at every signature of a COSE_Sign: embedded payload, empty protected body header, per signature a
// protected header {1: alg} and an unprotected header {33: x5chain}, the chain a list or a single byte string (RFC
// 9360). Algorithms: ES256, ES384, ES512, PS256, PS384, PS512, EdDSA (Ed25519), fitting the leaf's key. malformed if it is no such item,
// or if a chain is empty.
Result<Examined> examine_cose(View item, const ChainJudge& judge);
Result<Examined> examine_cose(View item, const TrustStore& roots, UnixTime when);

// sign_cose signs payload with each signer, algorithm by its key: ES256, ES384, ES512, EdDSA, for RSA PS256.
Result<Bytes> sign_cose(View payload, std::span<const JwsSigner> signers);

// unverified_cose_payload reads the payload without judging who signed it.
Result<Bytes> unverified_cose_payload(View item);

}  // namespace attest::cmc
