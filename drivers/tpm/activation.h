// activation.h: the proof that the attestation key sits beside an endorsement key.
#pragma once
#include "drivers/driver.h"
#include "drivers/tpm/device.h"
#include "drivers/tpm/next_key.h"
#include "drivers/tpm/templates.h"

namespace attest {

// TpmEnroller works with the first endorsement key whose certificate lies in NV and is for the key the TPM
// makes from the profile's template: RSA-2048, P-256, then the high range. Without any certificate it is the
// RSA-2048 key.
class TpmEnroller : public Enroller {
 public:
  explicit TpmEnroller(std::shared_ptr<TpmDevice> device) : device_(std::move(device)) {}
  Result<EnrollRequest> request(bool new_ak) override;
  Result<Secret> activate(View credential_blob, View secret) override;
  Status store_chain(std::string_view pem) override;
  Result<CreationProof> prove_creation() override;  // creation.cc, as is sign_request
  Result<Bytes> sign_request(View content) override;

 private:
  struct Endorsement {
    const EkTemplate* row;
    Bytes area;         // TPMT_PUBLIC
    Bytes certificate;  // empty: none
  };
  Result<NextKey> told_key();
  Result<CreationProof> prove_once();
  Result<Endorsement> choose();
  Result<TpmHandle> open_key(const EkTemplate& row);
  Result<Endorsement> examine(const EkTemplate& row, Bytes certificate);
  std::vector<Bytes> other_certificates(const EkTemplate& chosen);
  Result<Secret> activate_once(const TPM2B_ID_OBJECT& blob, const TPM2B_ENCRYPTED_SECRET& secret, bool next);

  Status follow(std::string_view pem);

  std::shared_ptr<TpmDevice> device_;
};

}  // namespace attest
