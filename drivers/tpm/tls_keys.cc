#include "drivers/tpm/tls_keys.h"

#include "drivers/secret_file.h"
#include "drivers/tpm/sign.h"
#include "drivers/tpm/templates.h"
#include "evidence/native/key_reference.h"
#include "evidence/tpm/certified_key.h"

namespace attest {
namespace {

constexpr const char* kSuffix = ".tpm";
constexpr const char* kCertified = ".certified";
constexpr std::size_t kMaxFile = 16 << 10;
constexpr TPM2_HANDLE kStorageKey = 0x81000001;

// is_storage_key: a restricted decryption key that an empty authorisation value may use.
bool is_storage_key(const TPMT_PUBLIC& area) {
  constexpr TPMA_OBJECT kNeeded =
      TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_DECRYPT | TPMA_OBJECT_USERWITHAUTH | TPMA_OBJECT_FIXEDTPM;
  return (area.objectAttributes & kNeeded) == kNeeded &&
         (area.objectAttributes & TPMA_OBJECT_SIGN_ENCRYPT) == 0;
}

Result<TpmHandle> open_parent(TpmContext& context, TPM2_HANDLE parent) {
  if (parent == TPM2_RH_OWNER) return create_primary(context, ESYS_TR_RH_OWNER, storage_template());
  if (parent == TPM2_RH_ENDORSEMENT)
    return create_primary(context, ESYS_TR_RH_ENDORSEMENT, storage_template());
  if (parent >> 24 != TPM2_HT_PERSISTENT)
    return Error{Errc::unsupported, "tpm key: its parent is neither persistent nor a hierarchy"};
  auto opened = open_persistent(context, parent);
  if (!opened && opened.error().code == Errc::mismatch)
    return Error{Errc::mismatch,
                 opened.error().what + ": the parent of this TLS key is gone; remedy: make the key anew"};
  return opened;
}

// choose_parent prefers the storage key that set-up left in the TPM: it is there at once.
Result<TPM2_HANDLE> choose_parent(TpmContext& context) {
  auto opened = open_persistent(context, kStorageKey);
  if (!opened && opened.error().code != Errc::mismatch) return std::move(opened).error();
  if (!opened) return TPM2_HANDLE{TPM2_RH_OWNER};
  TRY(TPM2B_PUBLIC area, read_public(context, *opened));
  return is_storage_key(area.publicArea) ? kStorageKey : TPM2_HANDLE{TPM2_RH_OWNER};
}

}  // namespace

Result<TpmKeyStore::Key> TpmKeyStore::make_key(std::string name, KeyFile file) {
  TRY(Bytes bytes, public_bytes(file.key.pub));
  TRY(PublicArea area, parse_public(bytes));
  TRY(Bytes spki, area.spki_der());
  KeyInfo info{std::move(name), area.algorithm(), std::move(spki), true};
  if (auto fit = check_tls_key(area); !fit) info.unfit = fit.error().what;
  return Key{std::move(info), std::move(file), std::move(area), false, std::nullopt};
}

Result<std::unique_ptr<TpmKeyStore>> TpmKeyStore::open(std::shared_ptr<TpmDevice> device) {
  std::unique_ptr<TpmKeyStore> store(new TpmKeyStore(std::move(device)));
  CHECK_OK(store->read_folder());
  return store;
}

Status TpmKeyStore::read_folder() {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder(), error)) {
    if (entry.path().extension() != kSuffix) continue;
    std::string name = entry.path().stem();
    if (!valid_key_name(name)) continue;
    TRY(Secret pem, read_secret_file(entry.path(), kMaxFile));
    auto file = parse_key_file(as_text(pem.reveal()));
    if (!file) return Error{file.error().code, entry.path().string() + ": " + file.error().what};
    auto key = make_key(name, *std::move(file));
    if (!key) return Error{key.error().code, entry.path().string() + ": " + key.error().what};
    keys_.emplace(name, *std::move(key));
  }
  return ok();
}

Result<KeyFile> TpmKeyStore::create_in_tpm(std::string_view algorithm) {
  TRY(TPM2B_PUBLIC wanted, tls_template(algorithm));
  TpmContext& context = *device_->context;
  return context.attempt([&]() -> Result<KeyFile> {
    device_->loaded.make_room();
    TRY(TPM2_HANDLE handle, choose_parent(context));
    TRY(TpmHandle parent, open_parent(context, handle));
    TRY(WrappedKey key, create_child(context, parent, wanted, {}));
    return KeyFile{handle, key};
  });
}

std::filesystem::path TpmKeyStore::path(std::string_view name, const char* suffix) const {
  return folder() / (std::string(name) + suffix);
}

// new_key makes one signature before anybody relies on the key: some TPMs make salts that TLS peers refuse.
Result<TpmKeyStore::Key> TpmKeyStore::new_key(std::string name, std::string_view algorithm) {
  TRY(KeyFile file, create_in_tpm(algorithm));
  TRY(Key key, make_key(std::move(name), std::move(file)));
  std::uint16_t scheme = algorithm == "ec-p256" ? 0x0403 : algorithm == "ec-p384" ? 0x0503 : 0x0804;
  device_->loaded.forget(key.info.name);
  auto trial = sign_with(key, scheme, as_view("attest/1 trial"));
  if (trial) return key;
  device_->loaded.forget(key.info.name);
  return std::move(trial).error();
}

Result<const KeyInfo*> TpmKeyStore::store(Key key) {
  TRY(std::string pem, encode_key_file(key.file));
  CHECK_OK(write_secret_file(path(key.info.name, kSuffix), as_view(pem)));
  std::string name = key.info.name;
  return &keys_.insert_or_assign(std::move(name), std::move(key)).first->second.info;
}

Result<KeyInfo> TpmKeyStore::create(std::string_view name, std::string_view algorithm) {
  if (!valid_key_name(name) || !replaced_by(name).empty())
    return Error{Errc::denied, "key: \"" + std::string(name) + "\" is no key name"};
  if (keys_.contains(name))
    return Error{Errc::denied, "key: there is a key " + std::string(name) + " already"};
  TRY(Key key, new_key(std::string(name), algorithm));
  TRY(const KeyInfo* info, store(std::move(key)));
  return *info;
}

std::vector<KeyInfo> TpmKeyStore::list() const {
  std::vector<KeyInfo> out;
  for (const auto& [name, key] : keys_) out.push_back(key.info);
  return out;
}

std::optional<KeyInfo> TpmKeyStore::find(std::string_view name) const {
  auto it = keys_.find(name);
  if (it == keys_.end()) return std::nullopt;
  return it->second.info;
}

Result<ESYS_TR> TpmKeyStore::load(const Key& key) {
  ESYS_TR loaded = device_->loaded.find(key.info.name);
  if (loaded != ESYS_TR_NONE) return loaded;
  device_->loaded.make_room();
  TRY(TpmHandle parent, open_parent(*device_->context, key.file.parent));
  auto handle = load_child(*device_->context, parent, key.file.key);
  if (!handle && handle.error().code == Errc::mismatch && keys_.contains(key.info.name))
    return Error{Errc::mismatch, "key.lost: TLS key \"" + key.info.name +
                                     "\" was made before the TPM was cleared, or in another TPM; remedy: attestctl key renew " +
                                     key.info.name + ", and a certificate for the new key"};
  if (!handle) return handle.error();
  return device_->loaded.keep(key.info.name, *std::move(handle));
}

Result<Bytes> TpmKeyStore::sign_with(Key& key, std::uint16_t scheme_id, View content) {
  TRY(TlsScheme scheme, tls_scheme(scheme_id, key.info.algorithm));
  TpmContext& context = *device_->context;
  TRY(Bytes signature, context.attempt([&]() -> Result<Bytes> {
    TRY(ESYS_TR handle, load(key));
    return tpm_sign(context, handle, scheme, content);
  }));
  if (key.salt_checked || scheme.curve != nullptr) return signature;
  if (!verify_tls_signature(key.area.key.get(), scheme, content, signature))
    return Error{
        Errc::unsupported,
        "tpm key: this TPM makes RSA-PSS salts of a length that TLS 1.3 refuses; remedy: use an EC key"};
  key.salt_checked = true;
  return signature;
}

Result<TpmKeyStore::Key*> TpmKeyStore::any_key(std::string_view name) {
  if (auto it = keys_.find(name); it != keys_.end()) return &it->second;
  for (Key& key : borrowed_)
    if (key.info.name == name) return &key;
  return Error{Errc::mismatch, "key: there is no key " + std::string(name) + " in the TPM"};
}

Result<Bytes> TpmKeyStore::sign(std::string_view name, std::uint16_t scheme, View content) {
  TRY(Key * key, any_key(name));
  return sign_with(*key, scheme, content);
}

Result<Bytes> TpmKeyStore::sign_digest(std::string_view name, const DigestScheme& scheme, View digest) {
  TRY(Key * key, any_key(name));
  TpmContext& context = *device_->context;
  return context.attempt([&]() -> Result<Bytes> {
    TRY(ESYS_TR handle, load(*key));
    return tpm_sign_digest(context, handle, key->info.algorithm.starts_with("rsa"), scheme, digest);
  });
}

Status TpmKeyStore::remove(std::string_view name) {
  auto it = keys_.find(name);
  if (it == keys_.end())
    return Error{Errc::mismatch, "key: there is no key " + std::string(name) + " in the TPM"};
  std::error_code error;
  std::filesystem::remove(path(name, kSuffix), error);
  if (error) return Error{Errc::io, "key: " + it->first + ": " + error.message()};
  std::filesystem::remove(path(name, kCertified), error);  // worthless now; what stays would be made anew
  device_->loaded.forget(it->first);
  keys_.erase(it);
  return ok();
}

}  // namespace attest
