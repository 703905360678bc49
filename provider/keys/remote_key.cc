#include "provider/keys/remote_key.h"

#include <openssl/err.h>

#include <optional>

#include "evidence/core/crypto.h"
#include "evidence/tpm/tss2_key.h"

namespace attest {
namespace {

Error bad(std::string why) { return {Errc::malformed, "key.reference: " + std::move(why)}; }

// Quiet drops what OpenSSL says while we only try something.
struct Quiet {
  Quiet() { ERR_set_mark(); }
  ~Quiet() { ERR_pop_to_mark(); }
  Quiet(const Quiet&) = delete;
  Quiet& operator=(const Quiet&) = delete;
};

Result<OwnedPkey> decode_spki(View spki) {
  Quiet quiet;
  const std::uint8_t* at = spki.data();
  OwnedPkey key(d2i_PUBKEY_ex(nullptr, &at, static_cast<long>(spki.size()), private_libctx(), nullptr));
  if (!key) return bad("the public key cannot be read");
  std::uint8_t* again = nullptr;
  int size = i2d_PUBKEY(key.get(), &again);
  Owned<std::uint8_t, [](std::uint8_t* p) { OPENSSL_free(p); }> held(again);
  if (size <= 0 || !equal(spki, {again, static_cast<std::size_t>(size)}))
    return bad("the public key is not in its one DER form, or bytes follow it");
  return key;
}

std::optional<KeyKind> kind_of(const EVP_PKEY* key) {
  int bits = EVP_PKEY_get_bits(key);
  if (EVP_PKEY_is_a(key, "RSA") && (bits == 2048 || bits == 3072)) return KeyKind::rsa;
  char group[64] = "";
  if (!EVP_PKEY_is_a(key, "EC") || EVP_PKEY_get_group_name(key, group, sizeof group, nullptr) != 1)
    return std::nullopt;
  std::string_view name = group;
  if (name == "prime256v1") return KeyKind::ec_p256;
  if (name == "secp384r1") return KeyKind::ec_p384;
  return std::nullopt;
}

DaemonPool pool_for(const std::string& socket, const DaemonPool& pool) {
  if (socket.empty() || socket == pool.options().socket) return pool;
  ClientOptions options = pool.options();
  options.socket = socket;
  return DaemonPool(std::move(options));
}

}  // namespace

RemoteKey::RemoteKey(const KeyReference& reference, KeyKind kind, OwnedPkey key, DaemonPool pool)
    : reference_(reference), kind_(kind), public_(std::move(key)), pool_(std::move(pool)) {}

Result<std::shared_ptr<RemoteKey>> RemoteKey::checked(const KeyReference& reference, const DaemonPool& pool) {
  if (private_libctx() == nullptr) return Error{Errc::io, "internal: no library context of our own"};
  TRY(OwnedPkey key, decode_spki(reference.spki_der));
  auto kind = kind_of(key.get());
  if (!kind) return bad("keys are EC P-256, EC P-384, RSA-2048 or RSA-3072; this one is none of them");
  return std::shared_ptr<RemoteKey>(
      new RemoteKey(reference, *kind, std::move(key), pool_for(reference.socket, pool)));
}

Result<KeyRef> RemoteKey::make(const KeyReference& reference, const DaemonPool& pool) {
  TRY(std::shared_ptr<RemoteKey> key, checked(reference, pool));
  return KeyRef(std::move(key));
}

Result<KeyRef> RemoteKey::from_file(View der, const DaemonPool& pool) {
  auto file = parse_tss2_key(der);
  auto area = file ? tss2_public(*file) : Result<PublicArea>(file.error());
  auto spki = area ? area->spki_der() : Result<Bytes>(area.error());
  if (!spki) return Error{spki.error().code, "key.reference: " + spki.error().what};
  TRY(std::shared_ptr<RemoteKey> key, checked({"", "", *std::move(spki)}, pool));
  key->key_file_ = to_bytes(der);
  return KeyRef(std::move(key));
}

std::size_t RemoteKey::signature_size() const {
  return static_cast<std::size_t>(EVP_PKEY_get_size(public_.get()));
}

Result<Bytes> RemoteKey::sign(std::uint16_t scheme, View content) const {
  TRY(DaemonPool::Lease lease, pool_.lease());
  TRY(Connection * connection, lease.connection());
  SignCall call{reference_.name, scheme, to_bytes(content), {}, key_file_};
  if (key_file_.empty()) call.spki_sha256 = to_bytes(sha256(reference_.spki_der).view());
  TRY(SignAnswer answer, connection->sign(call));
  if (answer.signature.empty() || answer.signature.size() > signature_size())
    return Error{Errc::malformed,
                 "daemon.answer: a signature of " + std::to_string(answer.signature.size()) + " bytes"};
  return std::move(answer.signature);
}

}  // namespace attest
