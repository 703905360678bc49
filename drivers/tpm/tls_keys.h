// tls_keys.h: TLS keys that live in the TPM.
#pragma once
#include <list>
#include <map>

#include "drivers/driver.h"
#include "drivers/tpm/device.h"
#include "drivers/tpm/key_file.h"

namespace attest {

// TpmKeyStore keeps wrapped signing keys in state_dir/keys/NAME.tpm (TSS2 PRIVATE KEY, mode 0600) and loads
// them when they sign; NAME.certified beside it holds the attestation key's statement about it. Their parent is the storage key under 0x81000001 if there is a fit one when the key is
// made, else the owner hierarchy's default primary, made anew for each load.
class TpmKeyStore : public KeyStore {
 public:
  // open reads the key files; a file that cannot be used is an error that names it.
  static Result<std::unique_ptr<TpmKeyStore>> open(std::shared_ptr<TpmDevice> device);
  Result<KeyInfo> create(std::string_view name, std::string_view algorithm) override;
  std::vector<KeyInfo> list() const override;
  std::optional<KeyInfo> find(std::string_view name) const override;
  Result<Bytes> sign(std::string_view name, std::uint16_t scheme, View content) override;
  Result<Bytes> sign_digest(std::string_view name, const DigestScheme& scheme, View digest) override;
  Status remove(std::string_view name) override;
  Result<KeyInfo> renew(std::string_view name) override;
  Result<CertifiedKey> certify(std::string_view name) override;
  // borrow keeps the files of the last kMaxBorrowed keys in memory.
  Result<KeyInfo> borrow(View key_file) override;
  static constexpr std::size_t kMaxBorrowed = 64;

 private:
  struct Key {
    KeyInfo info;
    KeyFile file;
    PublicArea area;
    bool salt_checked = false;  // RSA: the TPM makes PSS salts as long as the hash
    std::optional<Result<CertifiedKey>> certified;  // not asked yet, made, or refused for good
  };
  explicit TpmKeyStore(std::shared_ptr<TpmDevice> device) : device_(std::move(device)) {}
  std::filesystem::path folder() const { return device_->config.state_dir / "keys"; }
  Status read_folder();
  static Result<Key> make_key(std::string name, KeyFile file);
  std::filesystem::path path(std::string_view name, const char* suffix) const;
  Result<KeyFile> create_in_tpm(std::string_view algorithm);
  Result<Key> new_key(std::string name, std::string_view algorithm);
  Result<const KeyInfo*> store(Key key);
  Result<Key*> any_key(std::string_view name);
  Result<CertifiedKey> certify_now(Key& key);
  void forget_certifications();
  Result<ESYS_TR> load(const Key& key);
  Result<Bytes> sign_with(Key& key, std::uint16_t scheme, View content);

  std::shared_ptr<TpmDevice> device_;
  std::map<std::string, Key, std::less<>> keys_;
  std::list<Key> borrowed_;  // used last in front
  Bytes certified_by_;       // name of the attestation key that `certified` of all keys is by
};

}  // namespace attest
