// item.h: one piece of signed metadata, whichever of its two forms it has: JWS around JSON, COSE_Sign around CBOR.
#pragma once
#include "evidence/metadata/jws.h"

namespace attest::cmc {

// examine_item looks at every signature, as examine_jws and examine_cose do.
Result<Examined> examine_item(View item, const TrustStore& roots, UnixTime when);

// unverified_item_payload reads the payload without judging who signed it.
Result<Bytes> unverified_item_payload(View item);

// sign_item signs a payload as it is: JSON becomes a JWS, CBOR a COSE_Sign. mismatch if a leaf does not certify its key.
Result<Bytes> sign_item(View payload, std::span<const JwsSigner> signers);

// json_payload is the payload in JSON: as it came where it is JSON, encoded again where it is CBOR.
Result<Bytes> json_payload(View payload);

}  // namespace attest::cmc
