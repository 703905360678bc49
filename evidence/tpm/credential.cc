#include "evidence/tpm/credential.h"

#include <openssl/core_names.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>

#include "evidence/core/crypto.h"
#include "evidence/tpm/kdf.h"
#include "evidence/tpm/public_key.h"
#include "evidence/tpm/tpm_ids.h"

namespace attest {
namespace {

constexpr std::string_view kIdentity{"IDENTITY\0", 9};  // with its NUL: the OAEP label

using OwnedCipher = Owned<EVP_CIPHER, EVP_CIPHER_free>;
using OwnedCipherCtx = Owned<EVP_CIPHER_CTX, EVP_CIPHER_CTX_free>;

Error failed(const char* what) { return Error{Errc::io, std::string("make credential: ") + what}; }

// Seed is the secret both sides derive from, and how it travels.
struct Seed {
  Secret value;
  Bytes encrypted;  // TPM2B_ENCRYPTED_SECRET
};

Result<Bytes> with_length(View content) {
  Writer w;
  w.lv16(content);
  return std::move(w).finish("make credential");
}

Status set_oaep(EVP_PKEY_CTX* ctx, HashAlg hash) {
  void* label = OPENSSL_memdup(kIdentity.data(), kIdentity.size());
  bool fine = label != nullptr && EVP_PKEY_encrypt_init(ctx) == 1 &&
              EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING) == 1 &&
              EVP_PKEY_CTX_set_rsa_oaep_md_name(ctx, hash_alg_name(hash), nullptr) == 1 &&
              EVP_PKEY_CTX_set_rsa_mgf1_md_name(ctx, hash_alg_name(hash), nullptr) == 1 &&
              EVP_PKEY_CTX_set0_rsa_oaep_label(ctx, label, static_cast<int>(kIdentity.size())) == 1;
  if (fine) return ok();
  OPENSSL_free(label);  // the context takes it only when the last call succeeds
  return failed("cannot set up OAEP");
}

Result<Seed> rsa_seed(const PublicArea& ek) {
  Seed seed;
  seed.value = Secret(digest_size(ek.name_alg));
  if (RAND_priv_bytes_ex(private_libctx(), seed.value.fill().data(), seed.value.fill().size(), 0) != 1)
    return failed("no random bytes");
  OwnedPkeyCtx ctx(EVP_PKEY_CTX_new_from_pkey(private_libctx(), ek.key.get(), nullptr));
  if (!ctx) return failed("no memory");
  CHECK_OK(set_oaep(ctx.get(), ek.name_alg));
  Bytes cipher(ek.modulus.size());
  std::size_t size = cipher.size();
  View plain = seed.value.reveal();
  if (EVP_PKEY_encrypt(ctx.get(), cipher.data(), &size, plain.data(), plain.size()) != 1 ||
      size != cipher.size())
    return failed("RSA encryption failed");
  TRY(seed.encrypted, with_length(cipher));
  return seed;
}

Result<Secret> ecdh(EVP_PKEY* own, EVP_PKEY* peer, std::size_t field) {
  OwnedPkeyCtx ctx(EVP_PKEY_CTX_new_from_pkey(private_libctx(), own, nullptr));
  Secret z(field);
  std::size_t size = field;
  if (!ctx || EVP_PKEY_derive_init(ctx.get()) != 1 || EVP_PKEY_derive_set_peer(ctx.get(), peer) != 1 ||
      EVP_PKEY_derive(ctx.get(), z.fill().data(), &size) != 1 || size != field)
    return failed("ECDH failed");
  return z;
}

// Point is an uncompressed public point in coordinates of full length.
struct Point {
  Bytes x, y;
};
Result<Point> point_of(EVP_PKEY* key, std::size_t field) {
  Bytes raw(2 * field + 1);
  std::size_t size = 0;
  if (EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, raw.data(), raw.size(), &size) != 1 ||
      size != raw.size() || raw[0] != 4)
    return failed("no uncompressed point");
  View v(raw);
  return Point{to_bytes(v.subspan(1, field)), to_bytes(v.subspan(1 + field))};
}

Result<Seed> ecc_seed(const PublicArea& ek) {
  std::size_t field = ecc_field_size(ek.curve);
  OwnedPkey ephemeral(EVP_PKEY_Q_keygen(private_libctx(), nullptr, "EC", ecc_group_name(ek.curve)));
  if (!ephemeral) return failed("no ephemeral key");
  TRY(Secret z, ecdh(ephemeral.get(), ek.key.get(), field));
  TRY(Point own, point_of(ephemeral.get(), field));
  TRY(Point peer, point_of(ek.key.get(), field));
  Seed seed;
  auto bits = static_cast<std::uint32_t>(8 * digest_size(ek.name_alg));
  TRY(seed.value, kdfe(ek.name_alg, z.reveal(), "IDENTITY", own.x, peer.x, bits));
  Writer point;  // TPMS_ECC_POINT
  point.lv16(own.x);
  point.lv16(own.y);
  TRY(Bytes encoded, std::move(point).finish("make credential"));
  TRY(seed.encrypted, with_length(encoded));
  return seed;
}

Result<Bytes> aes_cfb(View key, View plain) {
  const char* name = key.size() == 16 ? "AES-128-CFB" : key.size() == 24 ? "AES-192-CFB" : "AES-256-CFB";
  OwnedCipher cipher(EVP_CIPHER_fetch(private_libctx(), name, nullptr));
  OwnedCipherCtx ctx(EVP_CIPHER_CTX_new());
  constexpr std::array<std::uint8_t, 16> kIv{};  // the specification's: the key is used once
  Bytes out(plain.size());
  int size = 0;
  if (!cipher || !ctx || EVP_EncryptInit_ex2(ctx.get(), cipher.get(), key.data(), kIv.data(), nullptr) != 1 ||
      EVP_EncryptUpdate(ctx.get(), out.data(), &size, plain.data(), static_cast<int>(plain.size())) != 1 ||
      static_cast<std::size_t>(size) != plain.size())
    return failed("encryption failed");
  return out;
}

// identity_object is TPM2B_ID_OBJECT: the HMAC over encrypted value and name, and the encrypted value.
Result<Bytes> identity_object(const PublicArea& ek, View seed, View name, const Secret& value) {
  TRY(Secret key, kdfa(ek.name_alg, seed, "STORAGE", name, {}, ek.symmetric.key_bits));
  TRY(Secret plain, [&]() -> Result<Secret> {  // TPM2B_DIGEST
    Secret s(2 + value.reveal().size());
    s.fill()[1] = static_cast<std::uint8_t>(value.reveal().size());
    std::copy(value.reveal().begin(), value.reveal().end(), s.fill().begin() + 2);
    return s;
  }());
  TRY(Bytes encrypted, aes_cfb(key.reveal(), plain.reveal()));
  auto bits = static_cast<std::uint32_t>(8 * digest_size(ek.name_alg));
  TRY(Secret hmac_key, kdfa(ek.name_alg, seed, "INTEGRITY", {}, {}, bits));
  TRY(Secret mac, hmac(ek.name_alg, hmac_key.reveal(), {encrypted, name}));
  Writer object;  // TPMS_ID_OBJECT
  object.lv16(mac.reveal());
  object.put(encrypted);
  TRY(Bytes encoded, std::move(object).finish("make credential"));
  return with_length(encoded);
}

Status check_name(View name) {
  Reader in(name);
  auto alg = hash_alg_from_id(in.u16be());
  if (!in.good() || !alg || in.left() != digest_size(*alg))
    return Error{Errc::malformed, "make credential: this is no TPM name"};
  return ok();
}

}  // namespace

Status check_endorsement_key(const PublicArea& ek) {
  constexpr std::uint32_t kMust =
      tpm::kRestricted | tpm::kDecrypt | tpm::kFixedTpm | tpm::kFixedParent | tpm::kSensitiveDataOrigin;
  if (std::uint32_t missing = kMust & ~ek.attributes; missing != 0)
    return Error{Errc::denied, "endorsement key: lacks " + attributes_text(missing)};
  if (ek.has(tpm::kSign)) return Error{Errc::denied, "endorsement key: has sign set"};
  if (ek.name_alg == HashAlg::sha1) return Error{Errc::denied, "endorsement key: nameAlg is sha1"};
  const SymDef& sym = ek.symmetric;
  bool aes = sym.alg == tpm::kAlgAes && (sym.key_bits == 128 || sym.key_bits == 192 || sym.key_bits == 256);
  if (!aes || sym.mode != tpm::kAlgCfb)
    return Error{Errc::denied, "endorsement key: not an AES-CFB storage key"};
  bool known = ek.kind == PublicArea::Kind::rsa ? ek.rsa_bits <= 3072 : ek.curve != tpm::kCurveP521;
  if (!known) return Error{Errc::unsupported, std::string("endorsement key: ") + ek.algorithm()};
  return ok();
}

Result<Credential> make_credential(const PublicArea& ek, View name, const Secret& value) {
  CHECK_OK(check_endorsement_key(ek));
  CHECK_OK(check_name(name));
  if (value.empty() || value.reveal().size() > digest_size(ek.name_alg))
    return Error{Errc::malformed,
                 "make credential: a value of " + std::to_string(value.reveal().size()) + " bytes"};
  TRY(Seed seed, ek.kind == PublicArea::Kind::rsa ? rsa_seed(ek) : ecc_seed(ek));
  Credential out;
  TRY(out.blob, identity_object(ek, seed.value.reveal(), name, value));
  out.secret = std::move(seed.encrypted);
  return out;
}

}  // namespace attest
