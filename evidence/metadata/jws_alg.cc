#include "evidence/metadata/jws_alg.h"

#include <openssl/ecdsa.h>
#include <openssl/rsa.h>

#include "evidence/core/crypto.h"
#include "evidence/core/ecdsa_der.h"
#include "evidence/core/error_mark.h"

namespace attest {
namespace {

constexpr JwsAlg kAlgs[] = {
    {"ES256", "prime256v1", "SHA2-256", false, 32},
    {"ES384", "secp384r1", "SHA2-384", false, 48},
    {"ES512", "secp521r1", "SHA2-512", false, 66},
    {"RS256", "", "SHA2-256", false, 0},
    {"RS512", "", "SHA2-512", false, 0},
    {"PS256", "", "SHA2-256", true, 0},
    {"PS384", "", "SHA2-384", true, 0},
    {"PS512", "", "SHA2-512", true, 0},
    {"EdDSA", "", nullptr, false, 0},
};

constexpr std::size_t kMaxSignature = 1024;  // RSA of 4,096 bits: 512

using OwnedSig = Owned<ECDSA_SIG, ECDSA_SIG_free>;

// der_of turns r||s of RFC 7518 §3.4 into the DER OpenSSL wants; empty if the length is wrong.
Bytes der_of(View raw, std::size_t coordinate) {
  if (raw.size() != 2 * coordinate) return {};
  return ecdsa_der(raw.first(coordinate), raw.subspan(coordinate));
}

Bytes raw_of(View der, std::size_t coordinate) {
  const unsigned char* at = der.data();
  OwnedSig sig(d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size())));
  Bytes raw(2 * coordinate);
  int size = static_cast<int>(coordinate);
  if (!sig || BN_bn2binpad(ECDSA_SIG_get0_r(sig.get()), raw.data(), size) != size ||
      BN_bn2binpad(ECDSA_SIG_get0_s(sig.get()), raw.data() + coordinate, size) != size)
    return {};
  return raw;
}

// join: Ed25519 takes a message in one piece.
Bytes join(std::initializer_list<View> parts) {
  Bytes out;
  for (View part : parts) out.insert(out.end(), part.begin(), part.end());
  return out;
}

bool set_padding(const JwsAlg& alg, EVP_PKEY_CTX* ctx) {
  if (!alg.group.empty() || alg.edwards()) return true;
  if (!alg.pss) return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) == 1;
  return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) == 1 &&
         EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_PSS_SALTLEN_DIGEST) == 1;
}

}  // namespace

const JwsAlg* find_jws_alg(std::string_view name) {
  for (const JwsAlg& alg : kAlgs)
    if (alg.name == name) return &alg;
  return nullptr;
}

bool fits(const JwsAlg& alg, const EVP_PKEY* key) {
  if (alg.edwards()) return EVP_PKEY_is_a(key, "ED25519") == 1;
  if (alg.group.empty())
    return EVP_PKEY_is_a(key, "RSA") == 1 && EVP_PKEY_get_bits(key) >= 2048 && EVP_PKEY_get_bits(key) <= 4096;
  char group[40];
  return EVP_PKEY_is_a(key, "EC") == 1 && EVP_PKEY_get_group_name(key, group, sizeof group, nullptr) == 1 &&
         alg.group == group;
}

const JwsAlg* jws_alg_for(const EVP_PKEY* key) {
  if (fits(*find_jws_alg("RS256"), key))
    return find_jws_alg(EVP_PKEY_get_bits(key) == 4096 ? "RS512" : "RS256");
  for (const JwsAlg& alg : kAlgs)
    if (!alg.group.empty() && fits(alg, key)) return &alg;
  return nullptr;
}

Status check_signature(const JwsAlg& alg, EVP_PKEY* key, std::initializer_list<View> parts, View signature) {
  ErrorMark mark;
  const Error bad{Errc::untrusted, "signature does not verify"};
  if (!fits(alg, key))
    return Error{Errc::untrusted, std::string(alg.name) + " does not fit the key of its certificate"};
  Bytes der;
  if (!alg.group.empty()) {
    der = der_of(signature, alg.coordinate);
    if (der.empty()) return bad;
    signature = der;
  }
  OwnedMdCtx ctx(EVP_MD_CTX_new());
  EVP_PKEY_CTX* pkey_ctx = nullptr;  // belongs to ctx
  if (!ctx ||
      EVP_DigestVerifyInit_ex(ctx.get(), &pkey_ctx, alg.digest, private_libctx(), nullptr, key, nullptr) !=
          1 ||
      !set_padding(alg, pkey_ctx))
    return Error{Errc::io, "cannot set up the signature check"};
  if (alg.edwards()) {
    Bytes message = join(parts);
    if (EVP_DigestVerify(ctx.get(), signature.data(), signature.size(), message.data(), message.size()) != 1) return bad;
    return ok();
  }
  for (View part : parts)
    if (EVP_DigestVerifyUpdate(ctx.get(), part.data(), part.size()) != 1) return bad;
  if (EVP_DigestVerifyFinal(ctx.get(), signature.data(), signature.size()) != 1) return bad;
  return ok();
}

Result<Bytes> make_signature(const JwsAlg& alg, EVP_PKEY* key, std::initializer_list<View> parts) {
  ErrorMark mark;
  const Error failed{Errc::io, "cannot sign with this key"};
  OwnedMdCtx ctx(EVP_MD_CTX_new());
  EVP_PKEY_CTX* pkey_ctx = nullptr;  // belongs to ctx
  if (!ctx ||
      EVP_DigestSignInit_ex(ctx.get(), &pkey_ctx, alg.digest, private_libctx(), nullptr, key, nullptr) != 1 ||
      !set_padding(alg, pkey_ctx))
    return failed;
  Bytes signature(kMaxSignature);
  std::size_t size = signature.size();
  if (alg.edwards()) {
    Bytes message = join(parts);
    if (EVP_DigestSign(ctx.get(), signature.data(), &size, message.data(), message.size()) != 1) return failed;
    signature.resize(size);
    return signature;
  }
  for (View part : parts)
    if (EVP_DigestSignUpdate(ctx.get(), part.data(), part.size()) != 1) return failed;
  if (EVP_DigestSignFinal(ctx.get(), signature.data(), &size) != 1) return failed;
  signature.resize(size);
  if (!alg.group.empty()) signature = raw_of(signature, alg.coordinate);
  if (signature.empty()) return failed;
  return signature;
}

}  // namespace attest
