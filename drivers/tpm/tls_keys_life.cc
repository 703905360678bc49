// renew, certify and borrow: what becomes of a TLS key after it was made.
#include "drivers/secret_file.h"
#include "drivers/replaced_name.h"
#include "drivers/tpm/certify.h"
#include "drivers/tpm/tls_keys.h"
#include "evidence/core/hex.h"
#include "evidence/native/key_reference.h"

namespace attest {

// The old key's file gets its new name first: after a crash between the two steps it still serves, as the key
// that `name` replaced.
Result<KeyInfo> TpmKeyStore::renew(std::string_view name) {
  auto it = keys_.find(name);
  if (it == keys_.end() || !replaced_by(name).empty())
    return Error{Errc::mismatch, "key: there is no key " + std::string(name) + " in the TPM to renew"};
  TRY(std::string old_name, name_of_replaced(keys_, name, it->second.info.spki_der));
  TRY(Key fresh, new_key(std::string(name), it->second.info.algorithm));
  std::error_code error;
  std::filesystem::rename(path(name, ".tpm"), path(old_name, ".tpm"), error);
  if (error) return Error{Errc::io, "key: " + std::string(name) + ": " + error.message()};
  std::filesystem::rename(path(name, ".certified"), path(old_name, ".certified"), error);  // may be absent
  Key old = std::move(it->second);
  old.info.name = old_name;
  keys_.erase(it);
  keys_.insert_or_assign(old_name, std::move(old));
  TRY(const KeyInfo* info, store(std::move(fresh)));
  return *info;
}

Result<CertifiedKey> TpmKeyStore::certify_now(Key& key) {
  CHECK_OK(check_tls_key(key.area));
  Digest spki = sha256(key.info.spki_der);
  bool borrowed = !keys_.contains(key.info.name);
  auto kept = path(key.info.name, ".certified");
  if (!borrowed)
    if (auto read = read_certification(kept, key.area, device_->key.area(), spki)) return read;
  TRY(CertifiedKey made, device_->context->attempt([&]() -> Result<CertifiedKey> {
    TRY(ESYS_TR handle, load(key));
    return tpm_certify(*device_->context, device_->key, handle, key.area, spki);
  }));
  if (!borrowed) static_cast<void>(write_certification(kept, made));  // what is not kept is made anew
  return made;
}

// forget_certifications: an attestation key that was renewed certifies anew.
void TpmKeyStore::forget_certifications() {
  for (auto& [name, key] : keys_) key.certified.reset();
  for (Key& key : borrowed_) key.certified.reset();
  certified_by_ = device_->key.name();
}

Result<CertifiedKey> TpmKeyStore::certify(std::string_view name) {
  if (certified_by_ != device_->key.name()) forget_certifications();
  TRY(Key * key, any_key(name));
  if (key->certified) return *key->certified;
  auto made = certify_now(*key);
  if (made || made.error().code != Errc::io) key->certified = made;
  return made;
}

// The name is made from the file: a colon is in no name of the store's own keys.
Result<KeyInfo> TpmKeyStore::borrow(View key_file) {
  std::string name = "tss2:" + to_hex(sha256(key_file).view());
  for (auto it = borrowed_.begin(); it != borrowed_.end(); ++it) {
    if (it->info.name != name) continue;
    borrowed_.splice(borrowed_.begin(), borrowed_, it);
    return borrowed_.front().info;
  }
  TRY(Tss2Key parsed, parse_tss2_key(key_file));
  TRY(KeyFile file, to_key_file(parsed));
  TRY(Key key, make_key(std::move(name), std::move(file)));
  borrowed_.push_front(std::move(key));
  if (borrowed_.size() > kMaxBorrowed) {
    device_->loaded.forget(borrowed_.back().info.name);
    borrowed_.pop_back();
  }
  return borrowed_.front().info;
}

}  // namespace attest
