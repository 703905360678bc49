// device.h: one TPM as its driver, its key store and its enroller share it.
#pragma once
#include <memory>

#include "drivers/config.h"
#include "drivers/container/container_log.h"
#include "drivers/tpm/attestation_key.h"
#include "drivers/tpm/loaded_keys.h"

namespace attest {

// TpmDevice owns the connection, the attestation key and what is loaded. One thread.
struct TpmDevice {
  TpmDevice(TpmDriverConfig c, std::unique_ptr<TpmContext> opened, AttestationKey ak)
      : config(std::move(c)), context(std::move(opened)), key(std::move(ak)) {}
  TpmDriverConfig config;
  std::unique_ptr<TpmContext> context;
  AttestationKey key;
  LoadedKeys loaded;            // TLS keys, until somebody needs the room
  std::vector<Bytes> ak_chain;  // DER, AK certificate first; empty: the AK is pinned by name
  bool orphaned_chain = false;  // the file of certificates is for an attestation key that is gone
  std::unique_ptr<ContainerLog> containers;  // null: none are measured into this TPM
};

// key_notice: what an administrator should know of the attestation key; "" for nothing.
std::string key_notice(const TpmDevice& device);
// read_ak_chain parses PEM certificates of the AK; mismatch when the first is not for `key`.
Result<std::vector<Bytes>> read_ak_chain(View pem, const PublicArea& key, std::string_view name);

}  // namespace attest
