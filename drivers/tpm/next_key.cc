#include "drivers/tpm/next_key.h"

#include <cstdio>

#include "drivers/secret_file.h"
#include "drivers/tpm/marshal.h"
#include "drivers/tpm/templates.h"
#include "evidence/core/file.h"
#include "evidence/native/message.h"

namespace attest {
namespace {

namespace fs = std::filesystem;
constexpr std::size_t kMaxKey = 16 << 10;
constexpr std::size_t kMaxChain = kMaxCerts * kMaxCertBytes * 2;

fs::path file_of(const TpmDriverConfig& config, const char* suffix) {
  char name[48];
  std::snprintf(name, sizeof name, "ak-%08x.next%s", config.ak_handle, suffix);
  return config.state_dir / name;
}

bool there(const fs::path& path) {
  std::error_code error;
  return fs::exists(path, error);
}

Status write_key(const TpmDriverConfig& config, const WrappedKey& key) {
  Tss2Key file;
  file.parent = TPM2_RH_ENDORSEMENT;
  file.empty_auth = false;
  TRY(file.pub, marshalled(key.pub, Tss2_MU_TPM2B_PUBLIC_Marshal));
  TRY(file.priv, marshalled(key.priv, Tss2_MU_TPM2B_PRIVATE_Marshal));
  TRY(std::string pem, tss2_key_pem(file));
  return write_secret_file(file_of(config, ""), as_view(pem));
}

Status write_creation(const TpmDriverConfig& config, const Creation& creation) {
  TRY(Bytes ticket, marshalled(creation.ticket, Tss2_MU_TPMT_TK_CREATION_Marshal));
  Writer out;
  out.lv16(creation.data);
  out.lv16({creation.hash.buffer, creation.hash.size});
  out.lv16(ticket);
  TRY(Bytes bytes, std::move(out).finish("creation of the next attestation key"));
  return write_secret_file(file_of(config, ".creation"), bytes);
}

// under_handle: the key that lies under the configured handle is this one. mismatch: there is none.
Result<bool> under_handle(TpmContext& context, const TpmDriverConfig& config, const PublicArea& key) {
  TRY(TpmHandle found, open_persistent(context, config.ak_handle));
  TRY(TPM2B_PUBLIC area, read_public(context, found));
  TRY(Bytes bytes, public_bytes(area));
  return bytes == key.encoded;
}

Status place(TpmContext& context, const TpmDriverConfig& config, const NextKey& next) {
  auto placed = under_handle(context, config, next.area());
  if (placed && *placed) return ok();
  if (!placed && placed.error().code != Errc::mismatch) return std::move(placed).error();
  TRY(TpmHandle key, next.load(context));  // before the old one goes
  if (placed) CHECK_OK(evict_key(context, config.ak_handle));
  return persist_key(context, key, config.ak_handle);
}

}  // namespace

Result<NextKey> NextKey::find(const TpmDriverConfig& config) {
  TRY(Secret pem, read_secret_file(file_of(config, ""), kMaxKey));
  TRY(Tss2Key file, parse_tss2_key_pem(as_text(pem.reveal())));
  TRY(PublicArea area, parse_tpm2b_public(file.pub));
  WrappedKey key;
  TRY(key.pub, unmarshalled(file.pub, Tss2_MU_TPM2B_PUBLIC_Unmarshal, "next attestation key"));
  TRY(key.priv, unmarshalled(file.priv, Tss2_MU_TPM2B_PRIVATE_Unmarshal, "next attestation key"));
  fs::path auth_file = file_of(config, ".auth");
  TRY(Secret auth, read_ak_auth(there(auth_file) ? auth_file : ak_auth_path(config)));  // moved by take_over
  return NextKey(key, std::move(area), std::move(auth));
}

Result<Creation> NextKey::creation(const TpmDriverConfig& config) {
  TRY(Secret file, read_secret_file(file_of(config, ".creation"), kMaxKey));
  Reader in(file.reveal());
  Creation out;
  out.data = to_bytes(in.take16be());
  View hash = in.take16be(), ticket = in.take16be();
  CHECK_OK(in.done("creation of the next attestation key"));
  TRY(out.hash, sized<TPM2B_DIGEST>(hash, "creation of the next attestation key"));
  TRY(out.ticket, unmarshalled(ticket, Tss2_MU_TPMT_TK_CREATION_Unmarshal, "creation of the next attestation key"));
  return out;
}

Status NextKey::forget(const TpmDriverConfig& config) {
  if (there(file_of(config, ".pem")))
    return Error{Errc::denied, "tpm: a certified attestation key is about to take over; remedy: restart the daemon"};
  std::error_code error;
  fs::remove(file_of(config, ""), error);
  if (error) return Error{Errc::io, "tpm: " + file_of(config, "").string() + ": " + error.message()};
  return ok();
}

// The authorisation value and what the TPM says of the making are stored before the key: a crash between leaves no key that
// nobody can open.
Result<NextKey> NextKey::make(TpmContext& context, const TpmDriverConfig& config) {
  auto waiting = find(config);
  if (waiting || waiting.error().code != Errc::mismatch) return waiting;
  TRY(TPM2B_PUBLIC wanted, attestation_template(config.ak_algorithm));
  TRY(Secret auth, make_ak_auth(file_of(config, ".auth")));
  TRY(TpmHandle parent, create_primary(context, ESYS_TR_RH_ENDORSEMENT, storage_template()));
  TRY(CreatedKey created, create_told(context, parent, wanted, auth.reveal()));
  CHECK_OK(write_creation(config, created.creation));
  CHECK_OK(write_key(config, created.key));
  return find(config);
}

Result<TpmHandle> NextKey::load(TpmContext& context) const {
  TRY(TpmHandle parent, create_primary(context, ESYS_TR_RH_ENDORSEMENT, storage_template()));
  TRY(TpmHandle key, load_child(context, parent, key_));
  CHECK_OK(authorise_key(context, key.get(), auth_.reveal()));
  return key;
}

Status NextKey::certify(const TpmDriverConfig& config, std::string_view chain_pem) {
  return write_secret_file(file_of(config, ".pem"), as_view(chain_pem));
}

Status NextKey::take_over(TpmContext& context, const TpmDriverConfig& config) {
  fs::path chain_file = file_of(config, ".pem");
  if (!there(chain_file)) return ok();
  if (there(file_of(config, ""))) {
    TRY(NextKey next, find(config));
    CHECK_OK(context.attempt([&] { return place(context, config, next); }));
  }
  std::error_code error;
  if (there(file_of(config, ".auth"))) fs::rename(file_of(config, ".auth"), ak_auth_path(config), error);
  if (error) return Error{Errc::io, "tpm: " + ak_auth_path(config).string() + ": " + error.message()};
  TRY(Secret chain, read_secret_file(chain_file, kMaxChain));
  CHECK_OK(write_file_atomic(config.ak_chain, chain.reveal(), 0644));
  fs::remove(file_of(config, ""), error);
  fs::remove(file_of(config, ".creation"), error);
  fs::remove(chain_file, error);  // last: until then the change is not over
  if (error) return Error{Errc::io, "tpm: " + chain_file.string() + ": " + error.message()};
  return ok();
}

}  // namespace attest
