#include "evidence/dcap/p256.h"

#include "evidence/core/crypto.h"
#include "evidence/core/ecdsa_der.h"
#include "evidence/core/error_mark.h"

namespace attest {
namespace {

constexpr std::size_t kPointBytes = 64;

Error wrong(std::string_view what) {
  return {Errc::untrusted, std::string(what) + ": signature does not verify"};
}

// curve lends a key that holds the parameters of P-256 alone; nullptr if OpenSSL failed. A copy of it that is
// given a point costs a seventh of a key made from parameters.
const EVP_PKEY* curve() {
  static const OwnedPkey made = [] {
    EVP_PKEY* key = nullptr;
    OwnedPkeyCtx ctx(EVP_PKEY_CTX_new_from_name(private_libctx(), "EC", nullptr));
    if (!ctx || EVP_PKEY_paramgen_init(ctx.get()) != 1 ||
        EVP_PKEY_CTX_set_group_name(ctx.get(), "P-256") != 1 || EVP_PKEY_paramgen(ctx.get(), &key) != 1)
      return OwnedPkey();
    return OwnedPkey(key);
  }();
  return made.get();
}

}  // namespace

Result<P256PublicKey> P256PublicKey::make(View point) {
  ErrorMark mark;
  if (point.size() != kPointBytes) return Error{Errc::malformed, "P-256 key: not 64 bytes"};
  std::uint8_t encoded[1 + kPointBytes] = {0x04};
  std::copy(point.begin(), point.end(), encoded + 1);
  OwnedPkey key(curve() == nullptr ? nullptr : EVP_PKEY_dup(const_cast<EVP_PKEY*>(curve())));
  if (!key) return Error{Errc::io, "P-256 key: out of memory"};
  if (EVP_PKEY_set1_encoded_public_key(key.get(), encoded, sizeof encoded) != 1)
    return Error{Errc::untrusted, "P-256 key: not a point of the curve"};
  return P256PublicKey(std::move(key), point);
}

Status P256PublicKey::verify_der(View message, View signature, std::string_view what) const {
  ErrorMark mark;
  Digest digest = sha256(message);
  OwnedPkeyCtx ctx(EVP_PKEY_CTX_new_from_pkey(private_libctx(), key_.get(), nullptr));
  if (digest.empty() || !ctx || EVP_PKEY_verify_init(ctx.get()) != 1)
    return Error{Errc::io, std::string(what) + ": out of memory"};
  if (EVP_PKEY_verify(ctx.get(), signature.data(), signature.size(), digest.view().data(), digest.size()) !=
      1)
    return wrong(what);
  return ok();
}

Status P256PublicKey::verify_raw(View message, View signature, std::string_view what) const {
  if (signature.size() != kPointBytes) return wrong(what);
  return verify_der(message, ecdsa_der(signature.first(32), signature.subspan(32)), what);
}

}  // namespace attest
