// next_key.h: the attestation key that is to follow the present one.
#pragma once
#include "drivers/tpm/attestation_key.h"
#include "drivers/tpm/key_file.h"

namespace attest {

// NextKey is made while the present key goes on quoting, and takes its handle once an issuer has certified it.
// Until then it is a wrapped key in state_dir/ak-HANDLE.next, with its authorisation value, what the TPM says of its making
// and, once certified, its certificates beside it.
class NextKey {
 public:
  // find reads the key that waits; mismatch if none does. make makes one, or returns the one that waits.
  static Result<NextKey> find(const TpmDriverConfig& config);
  static Result<NextKey> make(TpmContext& context, const TpmDriverConfig& config);
  // creation is what the TPM said when it made the key that waits; mismatch for a key whose making was not kept. forget
  // has another one made by the next make; denied while a certified key is due.
  static Result<Creation> creation(const TpmDriverConfig& config);
  static Status forget(const TpmDriverConfig& config);
  const PublicArea& area() const { return area_; }
  // load lends it, authorised, to be activated beside an endorsement key.
  Result<TpmHandle> load(TpmContext& context) const;

  // certify keeps its certificates: from now on it is due to take over.
  static Status certify(const TpmDriverConfig& config, std::string_view chain_pem);
  // take_over moves a key that is due under the handle, in place of the old one, which is destroyed. Does nothing
  // where none is due. Every step may be the last before a crash: the next call goes on.
  static Status take_over(TpmContext& context, const TpmDriverConfig& config);

 private:
  NextKey(WrappedKey key, PublicArea area, Secret auth)
      : key_(key), area_(std::move(area)), auth_(std::move(auth)) {}
  WrappedKey key_;
  PublicArea area_;
  Secret auth_;
};

}  // namespace attest
