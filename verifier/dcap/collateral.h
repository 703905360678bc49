// collateral.h: collateral whose signatures were checked once, to be used for many quotes.
#pragma once
#include "evidence/dcap/collateral.h"
#include "evidence/dcap/quote.h"
#include "verifier/dcap/issuers.h"

namespace attest {

// Signer is what matters of the certificate that signed a document of the provisioning service.
struct Signer {
  Bytes serial, issuer;
  Validity validity;  // of the whole chain above the document
  bool intel = false;
};

// Checked is one document and what came of its signature; signer is null where it does not verify.
template <class T>
struct Checked {
  T document;
  Status signature = ok();
  std::shared_ptr<const Signer> signer;
};

// CheckedCollateral keeps everything, good and bad: who judges picks what fits a quote and fails on what is
// bad. Immutable; may be shared between threads. No clock: validity is judged when it is used.
struct CheckedCollateral {
  std::vector<Checked<SignedJson<TcbInfo>>> tcb_infos;
  std::vector<Checked<SignedJson<EnclaveIdentity>>> identities;
  std::vector<Checked<DcapCrl>> crls;
  Issuers issuers;  // the roots and the PCK CAs that came with the bundle

  // make verifies every document against the roots. `more` are further issuer certificates (those of a
  // quote). denied without a usable root.
  static Result<CheckedCollateral> make(DcapCollateral collateral, const Issuers& roots,
                                        const std::vector<DcapCertificate>& more = {});
  // The document for this platform: the newest whose TEE and FMSPC fit, else any of this TEE; nullptr if
  // there is none.
  const Checked<SignedJson<TcbInfo>>* tcb_info(TeeType tee, const std::array<std::uint8_t, 6>& fmspc) const;
  const Checked<SignedJson<EnclaveIdentity>>* identity(TeeType tee) const;
  // crl is the newest list of an issuer (name as DER), preferring genuine ones; nullptr if there is none.
  const Checked<DcapCrl>* crl(View issuer) const;
};

}  // namespace attest
