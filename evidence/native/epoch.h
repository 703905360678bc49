// epoch.h: Epoch IDs (RFC 9334, 10.3): what a distributor signs every few seconds, so that nobody can have
// quoted it before.
#pragma once
#include "evidence/core/time.h"
#include "evidence/core/verified.h"
#include "evidence/native/p256.h"

namespace attest {

// EpochId is one epoch. The random bytes are why it cannot be quoted in advance; the time, compared with the
// verifier's own clock, is why it cannot be used for long.
struct EpochId {
  UnixTime time = 0;           // when it was made, seconds
  std::uint64_t sequence = 0;  // rises with every Epoch ID of a distributor
  std::array<std::uint8_t, 32> random{};
};

// SignedEpochId is an encoded EpochId and the distributor's signature over "attest/1 epoch-id" || epoch.
struct SignedEpochId {
  Bytes epoch;      // CBOR {0: 1, 1: time, 2: sequence, 3: random}
  Bytes signature;  // ECDSA P-256, SHA-256, DER
};

// sign_epoch: malformed for a time before 1970, io if OpenSSL fails.
Result<SignedEpochId> sign_epoch(const EpochId& epoch, EVP_PKEY* distributor);
// verify_epoch checks the signature by the distributor's key first, then reads. untrusted or malformed.
Result<Verified<EpochId>> verify_epoch(const SignedEpochId& epoch, EVP_PKEY* distributor);
// epoch_digest is H(Epoch ID) of a report context: SHA-256 of the encoded EpochId, without its signature.
inline Digest epoch_digest(const SignedEpochId& epoch) { return sha256(View(epoch.epoch)); }

// The form in which a signed Epoch ID lies in a file and comes over HTTPS: CBOR [epoch, signature]. Strict
// and bounded.
inline constexpr std::size_t kMaxEpochBytes = 256;
Result<Bytes> encode_signed_epoch(const SignedEpochId& epoch);
Result<SignedEpochId> decode_signed_epoch(View bytes);

// read_distributor_key reads the public key of a distributor from PEM ("PUBLIC KEY", P-256); malformed
// otherwise.
Result<Bytes> read_distributor_key(View pem);

}  // namespace attest
