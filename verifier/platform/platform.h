// platform.h: judging a platform certificate with what was given beside it.
#pragma once
#include "evidence/platform/inventory.h"
#include "evidence/platform/platform_certificate.h"
#include "verifier/x509/path.h"

namespace attest {

// PlatformPolicy loosens or tightens what is accepted.
struct PlatformPolicy {
  bool allow_sha1 = false;
  bool strict = false;         // RFC 5755: an issuer that is a CA as well is refused, not only told
  bool issuer_by_key = false;  // whoever's key verifies is the issuer, whatever name the certificate gives it
  bool extra_components = false;    // the machine may hold more than is listed
  std::vector<std::string> demand;  // checks that must have passed: "platform.holder"
};

// PlatformQuestion is a base certificate with its deltas in order, or a delta alone. nullptr: not given; what
// it would prove is then a warning.
struct PlatformQuestion {
  const PlatformCertificate* certificate = nullptr;
  const PlatformCertificate* base = nullptr;  // of a delta that is judged alone
  std::vector<const PlatformCertificate*> deltas;
  const std::vector<Bytes>* anchors = nullptr;
  const std::vector<Bytes>* intermediates = nullptr;
  View ek_certificate_der;  // whose key the TPM has proven to hold
  const Inventory* inventory = nullptr;
  UnixTime at = 0;
  PlatformPolicy policy;
};

struct PlatformFindings : Findings {
  std::string signed_by;              // subject of the issuer whose key verified; empty: none
  std::vector<Component> components;  // with all deltas applied
};

Result<PlatformFindings> judge_platform(const PlatformQuestion& question);

// apply_delta changes a component list as a delta says: added ones must be new, modified and removed ones
// there. mismatch with the first that does not fit.
Status apply_delta(const PlatformClaims& delta, std::vector<Component>& components);

// component_text names a component: "00040003 Intel(R) Corporation / Core i5 / X2398392".
std::string component_text(const Component& component);

// judge_components compares the list with the inventory, both ways.
void judge_components(const std::vector<Component>& listed, const Inventory& inventory, bool extra_allowed,
                      Findings& out);
void judge_identity(const PlatformClaims& claims, const Inventory& inventory, Findings& out);

// verify_der_signature checks a signature under an AlgorithmIdentifier: RSA PKCS#1, RSASSA-PSS, ECDSA.
// untrusted if it does not verify, unsupported for other algorithms.
Status verify_der_signature(View message, View algorithm_der, View signature, EVP_PKEY* key);

}  // namespace attest
