// tls_keys.h: TLS keys that live in the TPM.
#pragma once
#include <map>

#include "drivers/driver.h"
#include "drivers/tpm/device.h"
#include "drivers/tpm/key_file.h"

namespace attest {

// TpmKeyStore keeps wrapped signing keys in state_dir/keys/NAME.tpm (TSS2 PRIVATE KEY, mode 0600) and loads
// them when they sign. Their parent is the storage key under 0x81000001 if there is a fit one when the key is
// made, else the owner hierarchy's default primary, made anew for each load.
class TpmKeyStore : public KeyStore {
 public:
  // open reads the key files; a file that cannot be used is an error that names it.
  static Result<std::unique_ptr<TpmKeyStore>> open(std::shared_ptr<TpmDevice> device);
  Result<KeyInfo> create(std::string_view name, std::string_view algorithm) override;
  std::vector<KeyInfo> list() const override;
  std::optional<KeyInfo> find(std::string_view name) const override;
  Result<Bytes> sign(std::string_view name, std::uint16_t scheme, View content) override;
  Status remove(std::string_view name) override;

 private:
  struct Key {
    KeyInfo info;
    KeyFile file;
    PublicArea area;
    bool salt_checked = false;  // RSA: the TPM makes PSS salts as long as the hash
  };
  explicit TpmKeyStore(std::shared_ptr<TpmDevice> device) : device_(std::move(device)) {}
  std::filesystem::path folder() const { return device_->config.state_dir / "keys"; }
  Status read_folder();
  static Result<Key> make_key(std::string name, KeyFile file);
  Result<KeyFile> create_in_tpm(std::string_view algorithm);
  Result<ESYS_TR> load(const Key& key);
  Result<Bytes> sign_with(Key& key, std::uint16_t scheme, View content);

  std::shared_ptr<TpmDevice> device_;
  std::map<std::string, Key, std::less<>> keys_;
};

}  // namespace attest
