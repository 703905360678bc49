#include "drivers/tpm/attestation_key.h"

#include <cstdio>

#include "drivers/secret_file.h"
#include "drivers/tpm/next_key.h"
#include "drivers/tpm/objects.h"
#include "drivers/tpm/templates.h"
#include "evidence/core/hex.h"
#include "evidence/tpm/tpm_ids.h"

namespace attest {
namespace {

constexpr std::size_t kAuthBytes = 32;

std::string handle_text(TPM2_HANDLE handle) {
  char text[16];
  std::snprintf(text, sizeof text, "0x%08x", handle);
  return text;
}

// refused says why a key that lies under our handle is not used, and what to do.
Error refused(TPM2_HANDLE handle, const std::string& why) {
  return {Errc::denied, "tpm: attestation key " + handle_text(handle) + ": " + why +
                            "; remedy: remove it (tpm2_evictcontrol -C o -c " + handle_text(handle) +
                            ") so that a new one is made, or configure another ak_handle"};
}

Error refused_platform(TPM2_HANDLE handle, const std::string& why) {
  return {Errc::denied, "tpm: attestation key " + handle_text(handle) + " of the platform: " + why};
}

// try_quote signs a quote of nothing with the authorisation value given: does it open the key?
Result<bool> opens(TpmContext& context, ESYS_TR tr, View auth) {
  CHECK_OK(authorise_key(context, tr, auth));
  TPM2B_DATA nothing{};
  TPMT_SIG_SCHEME scheme{};
  scheme.scheme = TPM2_ALG_NULL;
  TPML_PCR_SELECTION no_pcrs{};
  TPM2B_ATTEST* quoted = nullptr;
  TPMT_SIGNATURE* signature = nullptr;
  TSS2_RC rc = Esys_Quote(context.get(), tr, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, &nothing, &scheme,
                          &no_pcrs, &quoted, &signature);
  Esys<void> a(quoted), b(signature);
  if (rc == TSS2_RC_SUCCESS) return true;
  if (is_auth_failure(rc)) return false;
  return context.failure(rc, "try the attestation key");
}

Status check_area(const PublicArea& area, const TpmDriverConfig& config) {
  TPM2_HANDLE handle = config.ak_handle;
  if (auto fit = check_attestation_key(area); !fit) return refused(handle, fit.error().what);
  if (!area.has(tpm::kNoDa)) return refused(handle, "it lacks noDA: crashes and wrong guesses lock the TPM");
  if (!area.has(tpm::kUserWithAuth) || !area.auth_policy.empty())
    return refused(handle, "it is authorised by a policy, not by our value alone");
  if (config.ak_algorithm != area.algorithm())
    return refused(handle,
                   std::string("it is ") + area.algorithm() + ", configured is " + config.ak_algorithm);
  return ok();
}

// check_auth returns our authorisation value for a key that is there already.
Result<Secret> check_auth(TpmContext& context, const TpmHandle& key, const TpmDriverConfig& config) {
  TRY(bool open_to_all, opens(context, key.get(), {}));
  if (open_to_all)
    return refused(config.ak_handle,
                   "its authorisation value is empty: everybody who can open the TPM can quote with it");
  auto auth = read_ak_auth(ak_auth_path(config));
  if (!auth && auth.error().code == Errc::mismatch)
    return refused(config.ak_handle, "its authorisation value is not known (" + auth.error().what + ")");
  if (!auth) return std::move(auth).error();
  TRY(bool ours, opens(context, key.get(), auth->reveal()));
  if (!ours)
    return refused(config.ak_handle, ak_auth_path(config).string() + " does not hold its authorisation value");
  return auth;
}

// platform_key takes a key that the platform made as it is: who may open the TPM may quote with it, and nobody can change that.
Result<Secret> platform_auth(TpmContext& context, const TpmHandle& key, const PublicArea& area, const TpmDriverConfig& config) {
  if (auto fit = check_attestation_key(area); !fit) return refused_platform(config.ak_handle, fit.error().what);
  if (config.ak_algorithm != area.algorithm())
    return refused_platform(config.ak_handle, std::string("it is ") + area.algorithm() + ", configured is " + config.ak_algorithm);
  TRY(bool open_to_us, opens(context, key.get(), {}));
  if (!open_to_us) return refused_platform(config.ak_handle, "it has an authorisation value");
  return Secret();
}

// make_key stores the authorisation value before the key: a crash between the two leaves no key nobody can
// open.
Status make_key(TpmContext& context, const TpmDriverConfig& config) {
  TRY(TPM2B_PUBLIC wanted, attestation_template(config.ak_algorithm));
  TRY(Secret auth, make_ak_auth(ak_auth_path(config)));
  TRY(TpmHandle parent, create_primary(context, ESYS_TR_RH_ENDORSEMENT, storage_template()));
  TRY(WrappedKey wrapped, create_child(context, parent, wanted, auth.reveal()));
  TRY(TpmHandle key, load_child(context, parent, wrapped));
  parent.reset();
  return persist_key(context, key, config.ak_handle);
}

Result<PublicArea> area_of(TpmContext& context, const TpmHandle& key) {
  TRY(TPM2B_PUBLIC area, read_public(context, key));
  TRY(Bytes bytes, public_bytes(area));
  return parse_public(bytes);
}

}  // namespace

std::filesystem::path ak_auth_path(const TpmDriverConfig& config) {
  char name[32];
  std::snprintf(name, sizeof name, "ak-%08x.auth", config.ak_handle);
  return config.state_dir / name;
}

// The authorisation value stands in the file as hexadecimal text, as tpm2-tools take it with "hex:".
Result<Secret> read_ak_auth(const std::filesystem::path& path) {
  TRY(Secret text, read_secret_file(path, 256));
  std::string_view hex = as_text(text.reveal());
  while (hex.ends_with('\n')) hex.remove_suffix(1);
  auto bytes = from_hex(hex, 64);
  if (!bytes || bytes->size() < 16)
    return Error{Errc::malformed, path.string() + ": not 32 to 128 hexadecimal digits"};
  Secret auth = Secret::copy_of(*bytes);
  OPENSSL_cleanse(bytes->data(), bytes->size());
  return auth;
}

Result<Secret> make_ak_auth(const std::filesystem::path& path) {
  TRY(Secret auth, random_secret(kAuthBytes));
  std::string hex = to_hex(auth.reveal()) + "\n";
  Status written = write_secret_file(path, as_view(hex));
  OPENSSL_cleanse(hex.data(), hex.size());
  if (!written) return std::move(written).error();
  return auth;
}

Status authorise_key(TpmContext& context, ESYS_TR tr, View auth) {
  TPM2B_AUTH value{};
  value.size = static_cast<UINT16>(auth.size());
  std::copy(auth.begin(), auth.end(), value.buffer);
  TSS2_RC rc = Esys_TR_SetAuth(context.get(), tr, &value);
  OPENSSL_cleanse(&value, sizeof value);
  if (rc != TSS2_RC_SUCCESS) return context.failure(rc, "authorise the attestation key");
  return ok();
}

Status persist_key(TpmContext& context, const TpmHandle& key, TPM2_HANDLE handle) {
  ESYS_TR tr = ESYS_TR_NONE;
  TSS2_RC rc = Esys_EvictControl(context.get(), ESYS_TR_RH_OWNER, key.get(), ESYS_TR_PASSWORD, ESYS_TR_NONE,
                                 ESYS_TR_NONE, handle, &tr);
  if (rc != TSS2_RC_SUCCESS)
    return hierarchy_error(context, rc, ESYS_TR_RH_OWNER, "store the attestation key");
  TpmHandle stored(context, tr, TpmHandle::Kind::forgotten);
  return ok();
}

Status evict_key(TpmContext& context, TPM2_HANDLE handle) {
  ESYS_TR tr = ESYS_TR_NONE, none = ESYS_TR_NONE;
  TSS2_RC rc = Esys_TR_FromTPMPublic(context.get(), handle, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &tr);
  if (rc != TSS2_RC_SUCCESS) return context.failure(rc, "open the old attestation key");
  rc = Esys_EvictControl(context.get(), ESYS_TR_RH_OWNER, tr, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE,
                         handle, &none);
  static_cast<void>(Esys_TR_Close(context.get(), &tr));  // some versions of ESYS did, others keep the old name
  if (rc != TSS2_RC_SUCCESS)
    return hierarchy_error(context, rc, ESYS_TR_RH_OWNER, "destroy the old attestation key");
  return ok();
}

Result<AttestationKey> AttestationKey::open(TpmContext& context, const TpmDriverConfig& config) {
  if (config.ak_handle >> 24 != TPM2_HT_PERSISTENT)
    return Error{Errc::denied,
                 "tpm: ak_handle " + handle_text(config.ak_handle) + " is not persistent (0x81……)"};
  if (!config.platform_ak) CHECK_OK(NextKey::take_over(context, config));
  auto key = open_persistent(context, config.ak_handle);
  bool replaces = false;
  if (!key && key.error().code == Errc::mismatch && !config.platform_ak) {
    std::error_code ignored;
    replaces = std::filesystem::exists(ak_auth_path(config), ignored);
    CHECK_OK(make_key(context, config));
    key = open_persistent(context, config.ak_handle);
  }
  if (!key) return std::move(key).error();
  auto area = area_of(context, *key);
  if (!area && area.error().code != Errc::io) return refused(config.ak_handle, area.error().what);
  if (!area) return std::move(area).error();
  if (config.platform_ak) {
    TRY(Secret none, platform_auth(context, *key, *area, config));
    return AttestationKey(context, config.ak_handle, *std::move(area), std::move(none));
  }
  CHECK_OK(check_area(*area, config));
  TRY(Secret auth, check_auth(context, *key, config));
  AttestationKey opened(context, config.ak_handle, *std::move(area), std::move(auth));
  opened.replaced_ = replaces;
  return opened;
}

Result<ESYS_TR> AttestationKey::handle() {
  if (handle_.usable()) return handle_.get();
  auto key = open_persistent(*context_, persistent_);
  if (!key && key.error().code == Errc::mismatch)
    return Error{Errc::io, "tpm: attestation key " + handle_text(persistent_) + " is gone (was the TPM cleared?)"};
  if (!key) return key.error();
  TRY(PublicArea area, area_of(*context_, *key));
  if (area.name() != name_)
    return Error{Errc::io, "tpm: another key lies under " + handle_text(persistent_) + " now"};
  CHECK_OK(authorise_key(*context_, key->get(), auth_.reveal()));
  handle_ = *std::move(key);
  return handle_.get();
}

}  // namespace attest
