// jws.h: signed JSON (RFC 7515 in its JSON serialisations), as metadata items use it.
#pragma once
#include <functional>
#include <span>

#include "evidence/x509/chain.h"

namespace attest {

constexpr std::size_t kMaxMetadataBytes = 16 << 20;  // of one signed item
constexpr std::size_t kMaxSigners = 8;

// SignedContent is what every signer of an item signed.
struct SignedContent {
  Bytes payload;
  std::vector<std::string>
      signers;  // subject CN of each signer's certificate, in order; the subject where it has no CN
};

// verify_jws checks a flattened or general JSON serialisation: members payload, protected, signature (or
// signatures) and no others, protected header {alg, x5c} and no others, alg one of RS256, RS512, PS256,
// ES256, ES384, ES512 that fits the key of the leaf, x5c chaining to a root of the store in the role
// metadata_signer at `when`. Every signature must verify. malformed, unsupported, stale or untrusted
// otherwise; the text names the signature.
Result<Verified<SignedContent>> verify_jws(View item, const TrustStore& roots, UnixTime when);

// SignatureOutcome is what became of one signature of an item: each error unset where that part is good.
struct SignatureOutcome {
  std::vector<Bytes> chain;              // DER, leaf first, as it came
  std::optional<Error> signature_error;  // of the signature itself, checked with the leaf's key
  std::optional<Error> chain_error;      // of the chain, in the role metadata_signer
  Digest root;                           // SHA-256 of the root the chain ended in; empty if it ended in none
  UnixTime not_after = 0;                // the chain is good before it (ChainFacts)
};

// Examined is an item with everything that can be said about its signatures: for reports that show each of them. The
// payload is trusted only if trusted() says so.
struct Examined {
  Examined() = default;
  Examined(Examined&&) = default;
  Examined& operator=(Examined&&) = default;
  Bytes decoded;  // the payload of a JWS, which is base64url in the item
  View payload;   // lent by `decoded`, or by the item itself
  std::vector<SignatureOutcome> signatures;
  bool trusted() const {
    bool good = !signatures.empty();
    for (const SignatureOutcome& s : signatures) good = good && !s.signature_error && !s.chain_error;
    return good;
  }
};

// ChainJudge verifies the chain of a signer in the role metadata_signer, or knows what came of it before.
using ChainJudge = std::function<Result<ChainFact>(const std::vector<Bytes>& chain)>;
// signers_of judges by a store at a moment; the store is lent.
ChainJudge signers_of(const TrustStore& roots, UnixTime when);

// examine_jws looks at every signature and goes on after a bad one; malformed if the item is no JWS at all. It takes what
// CMC takes: headers and members that nothing needs are passed over (never `crit`); RSA-PSS is not among its algorithms.
Result<Examined> examine_jws(View item, const ChainJudge& judge);
Result<Examined> examine_jws(View item, const TrustStore& roots, UnixTime when);

// JwsSigner signs with a private key and shows its chain (DER, leaf first). The key is lent.
struct JwsSigner {
  EVP_PKEY* key = nullptr;
  std::vector<Bytes> chain;
};
// sign_jws signs payload as it is: flattened for one signer, general for several. The algorithm follows from
// the key: P-256 ES256, P-384 ES384, P-521 ES512, RSA of 4,096 bits RS512, smaller RSA RS256. unsupported for
// other keys, mismatch if a leaf does not certify its key.
Result<std::string> sign_jws(View payload, std::span<const JwsSigner> signers);

// unverified_payload reads the payload without judging who signed it, to show it to people. malformed as
// verify_jws.
Result<Bytes> unverified_payload(View item);

}  // namespace attest
