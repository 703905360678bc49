// jws_alg.h: the signature algorithms of RFC 7518 we know. Private to evidence/metadata.
#pragma once
#include "evidence/core/bytes.h"
#include "evidence/core/owned.h"
#include "evidence/metadata/jws.h"

namespace attest {

// JwsAlg is a row of the table of algorithms.
struct JwsAlg {
  std::string_view name;
  std::string_view group;  // EC group of the key; empty: RSA, or Ed25519 without a digest
  const char* digest;      // nullptr: Ed25519, which hashes by itself
  bool pss;
  std::size_t coordinate;  // bytes of r and of s
  bool edwards() const { return digest == nullptr; }
  // in_jws: CMC's verifiers take it in JWS. EdDSA they take in COSE alone.
  bool in_jws() const { return !edwards(); }
};

// find_jws_alg by its name; nullptr if we do not know it ("none", HS256, …).
const JwsAlg* find_jws_alg(std::string_view name);
// jws_alg_for is the algorithm a key signs JWS with; nullptr if it has none.
const JwsAlg* jws_alg_for(const EVP_PKEY* key);
// fits: the key is of the kind the algorithm is defined for.
bool fits(const JwsAlg& alg, const EVP_PKEY* key);

// check_signature judges signature over the concatenation of parts; untrusted if it is not by this key, or if
// the key does not fit the algorithm.
Status check_signature(const JwsAlg& alg, EVP_PKEY* key, std::initializer_list<View> parts, View signature);
// Suited is the algorithm as a signature's format means it for this key.
using Suited = JwsAlg (*)(const JwsAlg& named, const EVP_PKEY* key);
inline JwsAlg as_named(const JwsAlg& named, const EVP_PKEY*) { return named; }
// examine_signature judges one signature over parts, and the chain of who made it.
SignatureOutcome examine_signature(const JwsAlg& alg, std::vector<Bytes> chain, std::initializer_list<View> parts,
                                   View signature, const ChainJudge& judge, Suited suited = as_named);
// make_signature signs; io if OpenSSL refuses.
Result<Bytes> make_signature(const JwsAlg& alg, EVP_PKEY* key, std::initializer_list<View> parts);

}  // namespace attest
