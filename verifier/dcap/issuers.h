// issuers.h: who may sign in Intel's hierarchy: a pinned root, the two PCK CAs below it, nothing deeper.
#pragma once
#include <memory>

#include "evidence/dcap/certificate.h"
#include "evidence/dcap/p256.h"

namespace attest {

// Validity is a span of time in which something counts; meet is what two have in common.
struct Validity {
  UnixTime from = 0, until = 0;
  bool holds(UnixTime when) const { return from <= when && when <= until; }
  Validity meet(const Validity& other) const {
    return {std::max(from, other.from), std::min(until, other.until)};
  }
};

// Issuer is a CA certificate whose place in the hierarchy was verified.
struct Issuer {
  Bytes der, subject, serial, issuer;
  P256PublicKey key;
  Validity validity;  // of it and of the root above
  bool root = false;
  bool intel = false;  // leads to Intel's own root
  bool crl_sign = false;
};

// intel_root is the certificate of conf/intel-roots, DER.
const Bytes& intel_root();

// Issuers is a set of trusted issuers, safe to copy and to share between threads. Time is not judged here:
// callers look at `validity`.
class Issuers {
 public:
  // make trusts exactly these roots (DER; certificates of another profile among them are passed over), or
  // Intel's when there are none. denied if nothing usable is left.
  static Result<Issuers> make(const std::vector<Bytes>& roots);
  // admit adds an intermediate CA that a root signed; one that is known already costs nothing. untrusted
  // otherwise.
  Status admit(const DcapCertificate& ca);
  // signer finds who signed a certificate or a CRL; untrusted if nobody of the set did.
  Result<std::shared_ptr<const Issuer>> signer(const DcapCertificate& certificate) const;
  Result<std::shared_ptr<const Issuer>> signer(const DcapCrl& crl) const;
  const std::vector<std::shared_ptr<const Issuer>>& all() const { return issuers_; }

 private:
  Result<std::shared_ptr<const Issuer>> find(View name, View tbs, View signature, bool crl,
                                             const std::string& what) const;
  std::vector<std::shared_ptr<const Issuer>> issuers_;
};

// check_profile refuses what no certificate of the hierarchy has: critical extensions nobody understands.
Status check_profile(const DcapCertificate& certificate);

}  // namespace attest
