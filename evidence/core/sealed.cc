#include "evidence/core/sealed.h"

#include <openssl/evp.h>
#include <openssl/rand.h>

#include "evidence/core/crypto.h"
#include "evidence/core/owned.h"

namespace attest {
namespace {

using OwnedCipherCtx = Owned<EVP_CIPHER_CTX, EVP_CIPHER_CTX_free>;
using OwnedCipher = Owned<EVP_CIPHER, EVP_CIPHER_free>;

constexpr std::size_t kNonce = 12;
constexpr std::size_t kTag = 16;
constexpr std::size_t kMaxMessage = 1 << 24;

Error broken() { return {Errc::io, "sealed message: OpenSSL failed"}; }

// gcm sets up a context with key and nonce; nullptr if OpenSSL fails.
OwnedCipherCtx gcm(const Secret& key, View nonce, int encrypt) {
  OwnedCipher cipher(EVP_CIPHER_fetch(private_libctx(), "AES-256-GCM", nullptr));
  OwnedCipherCtx ctx(EVP_CIPHER_CTX_new());
  if (!cipher || !ctx) return nullptr;
  if (EVP_CipherInit_ex2(ctx.get(), cipher.get(), key.reveal().data(), nonce.data(), encrypt, nullptr) != 1)
    return nullptr;
  return ctx;
}

}  // namespace

Result<Bytes> seal(const Secret& key, View message) {
  if (key.reveal().size() != kSealKey || message.size() > kMaxMessage)
    return Error{Errc::malformed, "sealed message: key of " + std::to_string(key.reveal().size()) +
                                      " bytes, or message too long"};
  Bytes out(kNonce + message.size() + kTag);
  if (RAND_bytes_ex(private_libctx(), out.data(), kNonce, 0) != 1) return broken();
  OwnedCipherCtx ctx = gcm(key, View(out).first(kNonce), 1);
  int n = 0;
  int tail = 0;
  std::uint8_t* text = out.data() + kNonce;
  if (!ctx || EVP_CipherUpdate(ctx.get(), text, &n, message.data(), static_cast<int>(message.size())) != 1)
    return broken();
  if (EVP_CipherFinal_ex(ctx.get(), text + n, &tail) != 1) return broken();
  if (EVP_CIPHER_CTX_ctrl(ctx.get(), EVP_CTRL_AEAD_GET_TAG, kTag, text + message.size()) != 1)
    return broken();
  return out;
}

Result<Bytes> open_sealed(const Secret& key, View sealed) {
  if (key.reveal().size() != kSealKey || sealed.size() < kSealOverhead || sealed.size() > kMaxMessage)
    return Error{Errc::malformed, "sealed message: key or message of the wrong length"};
  View text = sealed.subspan(kNonce, sealed.size() - kSealOverhead);
  Bytes tag = to_bytes(sealed.last(kTag));
  OwnedCipherCtx ctx = gcm(key, sealed.first(kNonce), 0);
  Bytes out(text.size());
  int n = 0;
  int tail = 0;
  if (!ctx || EVP_CipherUpdate(ctx.get(), out.data(), &n, text.data(), static_cast<int>(text.size())) != 1)
    return broken();
  if (EVP_CIPHER_CTX_ctrl(ctx.get(), EVP_CTRL_AEAD_SET_TAG, kTag, tag.data()) != 1) return broken();
  if (EVP_CipherFinal_ex(ctx.get(), out.data() + n, &tail) == 1) return out;
  return Error{Errc::untrusted, "sealed message: it was made for another key, or changed on its way"};
}

}  // namespace attest
