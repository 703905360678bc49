#include "evidence/native/p256.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>

#include "evidence/core/crypto.h"

namespace attest {
namespace {

constexpr std::size_t kPoint = 65;  // 0x04, x, y
// SEQUENCE { SEQUENCE { id-ecPublicKey, prime256v1 }, BIT STRING of 65 bytes } (RFC 5480, 2)
constexpr std::uint8_t kHead[] = {0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48,
                                  0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48,
                                  0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00};

Bytes joined(std::initializer_list<View> parts) {
  Bytes out;
  for (View part : parts) out.insert(out.end(), part.begin(), part.end());
  return out;
}

Error no_crypto(const char* what) { return {Errc::io, std::string("P-256 key: OpenSSL cannot ") + what}; }

}  // namespace

Result<OwnedPkey> read_p256(View spki) {
  if (spki.size() != sizeof kHead + kPoint || !equal(spki.first(sizeof kHead), kHead) ||
      spki[sizeof kHead] != 4)
    return Error{Errc::malformed,
                 "P-256 key: not a SubjectPublicKeyInfo of a P-256 key in its canonical form"};
  char group[] = "P-256";
  Bytes point = to_bytes(spki.subspan(sizeof kHead));
  OSSL_PARAM params[] = {
      OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0),
      OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size()),
      OSSL_PARAM_construct_end()};
  OwnedPkeyCtx ctx(EVP_PKEY_CTX_new_from_name(private_libctx(), "EC", nullptr));
  EVP_PKEY* key = nullptr;
  if (!ctx || EVP_PKEY_fromdata_init(ctx.get()) != 1) return no_crypto("take a public key");
  if (EVP_PKEY_fromdata(ctx.get(), &key, EVP_PKEY_PUBLIC_KEY, params) != 1)
    return Error{Errc::malformed, "P-256 key: the point is not on the curve"};
  return OwnedPkey(key);
}

Result<Bytes> write_p256(const EVP_PKEY* key) {
  char group[32] = {};
  std::size_t size = 0;
  if (EVP_PKEY_is_a(key, "EC") != 1 || EVP_PKEY_get_group_name(key, group, sizeof group, &size) != 1 ||
      std::string_view(group, size) != "prime256v1")
    return Error{Errc::malformed, "P-256 key: the key is not on P-256"};
  std::array<std::uint8_t, kPoint> point{};
  if (EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size(), &size) != 1 ||
      size != kPoint || point[0] != 4)
    return no_crypto("write a public key");
  return joined({kHead, point});
}

Result<Bytes> sign_p256(EVP_PKEY* key, std::initializer_list<View> parts) {
  OwnedMdCtx ctx(EVP_MD_CTX_new());
  if (!ctx ||
      EVP_DigestSignInit_ex(ctx.get(), nullptr, "SHA256", private_libctx(), nullptr, key, nullptr) != 1)
    return no_crypto("set up a signature");
  Bytes message = joined(parts);
  Bytes signature(kMaxP256Signature);
  std::size_t size = signature.size();
  if (EVP_DigestSign(ctx.get(), signature.data(), &size, message.data(), message.size()) != 1)
    return no_crypto("sign");
  signature.resize(size);
  return signature;
}

Status verify_p256(EVP_PKEY* key, std::initializer_list<View> parts, View signature) {
  OwnedMdCtx ctx(EVP_MD_CTX_new());
  if (!ctx ||
      EVP_DigestVerifyInit_ex(ctx.get(), nullptr, "SHA256", private_libctx(), nullptr, key, nullptr) != 1)
    return no_crypto("set up a verification");
  Bytes message = joined(parts);
  if (EVP_DigestVerify(ctx.get(), signature.data(), signature.size(), message.data(), message.size()) == 1)
    return ok();
  return Error{Errc::untrusted, "P-256 key: the signature does not verify"};
}

Result<P256Key> P256Key::make() {
  OwnedPkey key(EVP_PKEY_Q_keygen(private_libctx(), nullptr, "EC", "P-256"));
  if (!key) return no_crypto("make a key");
  TRY(Bytes spki, write_p256(key.get()));
  return P256Key(std::move(key), std::move(spki));
}

}  // namespace attest
