// ak_enrolment.h: this machine's attestation key certified by the provisioning server of a CMC fleet.
#pragma once
#include "cmcd-lite/server/engine/engine.h"
#include "evidence/core/time.h"
#include "evidence/tpm/public_area.h"

namespace attest {

struct AkEnrolled {
  Bytes ak_name;
  std::string subject;
  UnixTime not_after = 0;  // of the chain
  CertificateTerm term;    // of the certificate
};

// ek_certificate_url is where the maker of a TPM keeps the certificate of an endorsement key that the TPM does not hold; the
// provisioning server fetches it. Intel does so for keys of RSA; empty for everything else.
std::string ek_certificate_url(std::string_view manufacturer, const PublicArea& ek);

// enroll_ak makes a new attestation key, or takes the one that waits, has the server certify it ("endorse" of "cmc" in
// cmcd.json) and puts it in the place of the present one, which quotes until then and is destroyed then. The key stays as it
// was unless the TPM opens the answer, the certificate is for the new key and leads to "ak_roots" (where there are none, to
// the roots of the server). Waits for the server and the TPM: of the thread of enrolments alone.
Result<AkEnrolled> enroll_ak(Engine& engine, uid_t source, const State& state);

}  // namespace attest
