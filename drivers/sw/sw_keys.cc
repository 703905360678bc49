#include "drivers/sw/sw_keys.h"

#include "drivers/replaced_name.h"
#include "evidence/native/key_reference.h"

namespace attest {
namespace {

Error no_key(std::string_view name) {
  return {Errc::mismatch, "key: there is no software key " + std::string(name)};
}

}  // namespace

Result<SwKeyStore::Key> SwKeyStore::make_key(std::string name, OwnedPkey key) {
  TRY(std::string algorithm, key_algorithm(key.get()));
  TRY(Bytes spki, public_der(key.get()));
  return Key{{std::move(name), std::move(algorithm), std::move(spki), false}, std::move(key)};
}

Result<std::unique_ptr<SwKeyStore>> SwKeyStore::open(std::filesystem::path folder) {
  std::unique_ptr<SwKeyStore> store(new SwKeyStore(std::move(folder)));
  CHECK_OK(store->read_folder());
  return store;
}

Status SwKeyStore::read_folder() {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder_, error)) {
    std::string name = entry.path().stem();
    if (entry.path().extension() != ".pem" || !valid_key_name(name)) continue;
    TRY(OwnedPkey pkey, read_sw_key(entry.path()));
    auto key = make_key(name, std::move(pkey));
    if (!key) return Error{key.error().code, entry.path().string() + ": " + key.error().what};
    keys_.emplace(name, *std::move(key));
  }
  return ok();
}

Result<KeyInfo> SwKeyStore::create(std::string_view name, std::string_view algorithm) {
  if (!valid_key_name(name) || !replaced_by(name).empty())
    return Error{Errc::denied, "key: \"" + std::string(name) + "\" is no key name"};
  if (keys_.contains(name))
    return Error{Errc::denied, "key: there is a key " + std::string(name) + " already"};
  TRY(OwnedPkey pkey, make_sw_key(algorithm));
  TRY(Key key, make_key(std::string(name), std::move(pkey)));
  CHECK_OK(write_sw_key(path(name), key.key.get()));
  return keys_.emplace(name, std::move(key)).first->second.info;
}

std::vector<KeyInfo> SwKeyStore::list() const {
  std::vector<KeyInfo> out;
  for (const auto& [name, key] : keys_) out.push_back(key.info);
  return out;
}

std::optional<KeyInfo> SwKeyStore::find(std::string_view name) const {
  auto it = keys_.find(name);
  if (it == keys_.end()) return std::nullopt;
  return it->second.info;
}

Result<Bytes> SwKeyStore::sign(std::string_view name, std::uint16_t scheme_id, View content) {
  auto it = keys_.find(name);
  if (it == keys_.end()) return no_key(name);
  TRY(TlsScheme scheme, tls_scheme(scheme_id, it->second.info.algorithm));
  return sw_sign(it->second.key.get(), scheme, content);
}

// The old key's file gets its new name first: after a crash between the two steps it still serves.
Result<KeyInfo> SwKeyStore::renew(std::string_view name) {
  auto it = keys_.find(name);
  if (it == keys_.end() || !replaced_by(name).empty()) return no_key(name);
  TRY(std::string old_name, name_of_replaced(keys_, name, it->second.info.spki_der));
  TRY(OwnedPkey pkey, make_sw_key(it->second.info.algorithm));
  TRY(Key fresh, make_key(std::string(name), std::move(pkey)));
  std::error_code error;
  std::filesystem::rename(path(name), path(old_name), error);
  if (error) return Error{Errc::io, "key: " + std::string(name) + ": " + error.message()};
  Key old = std::move(it->second);
  old.info.name = old_name;
  keys_.erase(it);
  keys_.insert_or_assign(old_name, std::move(old));
  CHECK_OK(write_sw_key(path(name), fresh.key.get()));
  return keys_.insert_or_assign(std::string(name), std::move(fresh)).first->second.info;
}

Status SwKeyStore::remove(std::string_view name) {
  auto it = keys_.find(name);
  if (it == keys_.end()) return no_key(name);
  std::error_code error;
  std::filesystem::remove(path(name), error);
  if (error) return Error{Errc::io, "key: " + it->first + ": " + error.message()};
  keys_.erase(it);
  return ok();
}

}  // namespace attest
