// attestation_key.h: the persistent key that signs quotes.
#pragma once
#include "drivers/config.h"
#include "drivers/tpm/context.h"
#include "evidence/core/secret.h"
#include "evidence/tpm/public_area.h"

namespace attest {

// AttestationKey is a restricted signing key under a persistent handle. Its random authorisation value lies
// in state_dir/ak-HANDLE.auth, mode 0600: without it everybody who can open the TPM could quote with this
// key.
class AttestationKey {
 public:
  // open lets a key that is due take over (NextKey), finds the key under config.ak_handle, or makes it: child of a storage primary in the endorsement
  // hierarchy, where the TPM shows its true reset count, and fit to be activated beside any endorsement key.
  // A key that is there already is checked: attributes, algorithm, that our authorisation value opens it and
  // that an empty one does not. denied with the remedy otherwise.
  static Result<AttestationKey> open(TpmContext& context, const TpmDriverConfig& config);
  const PublicArea& area() const { return area_; }
  const Bytes& name() const { return name_; }
  // replaced: open made this key although there had been one.
  bool replaced() const { return replaced_; }
  // handle lends the key, authorised, opened anew after the context was. io when it is gone, or another key
  // lies there: then open() tells what to do.
  Result<ESYS_TR> handle();
  // release gives the handle back, so that another key may take its place (ESYS keeps a name for each).
  void release() { handle_.reset(); }

 private:
  AttestationKey(TpmContext& context, TPM2_HANDLE persistent, PublicArea area, Secret auth)
      : context_(&context),
        persistent_(persistent),
        area_(std::move(area)),
        name_(area_.name()),
        auth_(std::move(auth)) {}
  TpmContext* context_;
  TPM2_HANDLE persistent_;
  PublicArea area_;
  Bytes name_;
  Secret auth_;
  bool replaced_ = false;
  TpmHandle handle_;
};

// The parts an attestation key is made of. Its authorisation value stands in a file as hexadecimal text, as
// tpm2-tools take it with "hex:".
std::filesystem::path ak_auth_path(const TpmDriverConfig& config);
Result<Secret> read_ak_auth(const std::filesystem::path& path);
Result<Secret> make_ak_auth(const std::filesystem::path& path);
Status authorise_key(TpmContext& context, ESYS_TR key, View auth);
// persist_key moves a loaded key under a persistent handle; evict_key destroys what lies there.
Status persist_key(TpmContext& context, const TpmHandle& key, TPM2_HANDLE handle);
Status evict_key(TpmContext& context, TPM2_HANDLE handle);

}  // namespace attest
