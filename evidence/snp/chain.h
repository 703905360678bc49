// chain.h: whose key signed a report: from a VCEK or VLEK up to AMD's root for that line of processors.
#pragma once
#include <span>

#include "evidence/core/hash.h"
#include "evidence/core/verified.h"
#include "evidence/snp/certificate.h"

namespace attest {

// SnpKey is a VCEK or VLEK whose chain was verified.
struct SnpKey {
  SnpKeyCertificate certificate;
  Bytes der;
  std::string chain;      // "ARK->ASK->VCEK"
  Digest root;            // SHA-256 of the ARK
  UnixTime not_after = 0;  // the earliest end of validity in the chain
  bool revocation_checked = false;  // a current CRL of the ARK covered the ASK or ASVK
};

// amd_certificates lends the certificates built in (conf/amd-roots), DER: ASK, ARK and ASVK of each product.
std::span<const Bytes> amd_certificates();

// SnpTrust is what the owner of a verifier trusts: roots (ARKs), authorities between them and the keys (ASKs, ASVKs; trusted
// for nothing, they only save carrying them in evidence) and CRLs. Immutable, safe to use from several threads.
class SnpTrust {
 public:
  static constexpr std::size_t kMaxCertificates = 64;
  // make sorts certificates (DER) by their subject: ARKs become roots, ASKs and ASVKs intermediates. denied without an ARK,
  // untrusted for any other certificate, malformed for what does not parse.
  static Result<SnpTrust> make(std::span<const Bytes> certificates, const std::vector<Bytes>& crls = {});
  // built_in is AMD's own certificates.
  static Result<SnpTrust> built_in(const std::vector<Bytes>& crls = {});

  // verify judges the chain of one key at the moment `when`; `others` are certificates that came beside it (ASK or ASVK, an
  // ARK among them is passed over: roots are only ours). A chain has exactly three certificates of one product: ARK, ASK, VCEK
  // or ARK, ASVK, VLEK. Where a CRL of the ARK is held, the ASK or ASVK must not be on it and it must be current;
  // require_crl refuses where none is. stale outside a validity, untrusted, malformed or unsupported otherwise.
  Result<Verified<SnpKey>> verify(View key_der, const std::vector<Bytes>& others, UnixTime when,
                                  bool require_crl = false) const;

 private:
  using OwnedStore = Owned<X509_STORE, X509_STORE_free>;
  SnpTrust(OwnedStore store, std::vector<Bytes> authorities, bool crls)
      : store_(std::move(store)), authorities_(std::move(authorities)), crls_(crls) {}
  OwnedStore store_;
  std::vector<Bytes> authorities_;
  bool crls_;
};

// AmdCertificateFacts is a bundle of authorities looked at by itself: one ARK with the ASK and ASVK it certifies.
struct AmdCertificateFacts {
  SnpProduct product = SnpProduct::unknown;
  bool ark_self_signed = false;
  std::optional<bool> ask_by_ark, asvk_by_ark;  // unset where there is none
  Digest ark_sha256;
  UnixTime ark_not_before = 0, ark_not_after = 0;
};
// inspect_amd_certificates checks the signatures inside a bundle (DER, any order). untrusted for a certificate that is none of
// ARK, ASK, ASVK, mismatch for several products or no single ARK. Whether the ARK is to be trusted is not asked.
Result<AmdCertificateFacts> inspect_amd_certificates(const std::vector<Bytes>& bundle);

}  // namespace attest
