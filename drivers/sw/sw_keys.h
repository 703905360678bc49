// sw_keys.h: TLS keys in files.
#pragma once
#include <map>

#include "drivers/driver.h"
#include "drivers/sw/key_file.h"

namespace attest {

// SwKeyStore keeps keys in FOLDER/NAME.pem (PKCS#8, mode 0600) and in memory.
class SwKeyStore : public KeyStore {
 public:
  // open reads every key file; a file that cannot be used is an error that names it. The folder may be
  // absent.
  static Result<std::unique_ptr<SwKeyStore>> open(std::filesystem::path folder);
  Result<KeyInfo> create(std::string_view name, std::string_view algorithm) override;
  std::vector<KeyInfo> list() const override;
  std::optional<KeyInfo> find(std::string_view name) const override;
  Result<Bytes> sign(std::string_view name, std::uint16_t scheme, View content) override;
  Status remove(std::string_view name) override;
  Result<KeyInfo> renew(std::string_view name) override;

 private:
  struct Key {
    KeyInfo info;
    OwnedPkey key;
  };
  explicit SwKeyStore(std::filesystem::path folder) : folder_(std::move(folder)) {}
  Status read_folder();
  static Result<Key> make_key(std::string name, OwnedPkey key);
  std::filesystem::path path(std::string_view name) const { return folder_ / (std::string(name) + ".pem"); }

  std::filesystem::path folder_;
  std::map<std::string, Key, std::less<>> keys_;
};

}  // namespace attest
