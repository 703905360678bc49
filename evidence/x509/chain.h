// chain.h: who a key belongs to: certificate chains judged for one role against the roots of that role.
#pragma once
#include <memory>
#include <unordered_map>

#include "evidence/core/hash.h"
#include "evidence/core/time.h"
#include "evidence/core/verified.h"
#include "evidence/x509/certificate.h"

namespace attest {

// ChainRole says what a leaf certificate is for. A root trusted for one role is never asked about another:
// callers keep one TrustStore a role, and the leaf has to name its role:
//   metadata_signer   EKU codeSigning, or no EKU extension at all; never a TLS or AK usage beside it
//   attestation_key   EKU tcg-kp-AIKCertificate (2.23.133.8.3), no TLS usage, no DNS name or IP address
//   endorsement_key   EKU tcg-kp-EKCertificate (2.23.133.8.1), or no EKU extension at all
//   fleet_attestation_key  the attestation keys CMC's server certifies: any EKU but codeSigning and an endorsement
//                     key's, TLS usages among them; no DNS name or IP address, which its TLS certificates have
enum class ChainRole : std::uint8_t { metadata_signer, attestation_key, endorsement_key, fleet_attestation_key };

// ChainFacts is what a verified chain says of its leaf.
struct ChainFacts {
  OwnedPkey key;
  Bytes leaf_der;
  std::string subject;      // as people read it, printable ASCII
  std::string common_name;  // may be empty
  Digest root;              // SHA-256 of the root certificate the chain ended in
  UnixTime not_after = 0;   // the earliest end of validity in the chain and of the CRLs of its issuers; good before it
};

// ChainFact is what a chain that verified says, for those who remember it.
using ChainFact = std::shared_ptr<const Verified<ChainFacts>>;

// TrustStore holds the roots and CRLs of one role. Immutable and safe to use from several threads at once.
class TrustStore {
 public:
  static constexpr std::size_t kMaxChain = 4;  // leaf and intermediates; a root may be among them
  static constexpr std::size_t kMaxRoots = 1024;
  // make parses roots and CRLs (DER). malformed if one does not parse; denied without any root. If there are
  // CRLs, every leaf must be covered by one that is current; intermediates are checked where a CRL of their
  // issuer is given.
  static Result<TrustStore> make(const std::vector<Bytes>& roots, const std::vector<Bytes>& crls = {});
  // verify judges chain (DER, leaf first, then intermediates) at the moment `when`. Nothing but our roots
  // counts: no default paths, no partial chains. Keys: RSA of 2,048 to 4,096 bits, ECDSA on P-256, P-384,
  // P-521, of metadata_signer Ed25519 too; SHA-1 and MD5 signatures are refused. stale if a certificate or CRL is outside its validity,
  // untrusted or malformed otherwise; the text names subject, depth and reason.
  Result<Verified<ChainFacts>> verify(const std::vector<Bytes>& chain, ChainRole role, UnixTime when) const;

 private:
  using OwnedStore = Owned<X509_STORE, X509_STORE_free>;
  using Roots = std::unordered_map<Digest, OwnedX509, DigestHash>;
  struct Parsed;
  TrustStore(OwnedStore store, Roots roots, bool crls) : store_(std::move(store)), roots_(std::move(roots)), crls_(crls) {}
  Result<Parsed> parse(const std::vector<Bytes>& chain, ChainRole role) const;
  Result<OwnedX509> certificate_of(View der) const;
  OwnedStore store_;
  Roots roots_;  // by the SHA-256 of their DER: chains bring them along, and reading a certificate takes as long as a signature
  bool crls_;
};

// verify_chain is TrustStore::make and verify in one, for a single chain.
Result<Verified<ChainFacts>> verify_chain(const std::vector<Bytes>& chain, const std::vector<Bytes>& roots,
                                          const std::vector<Bytes>& crls, ChainRole role, UnixTime when);

}  // namespace attest
