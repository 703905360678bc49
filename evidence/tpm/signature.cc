#include "evidence/tpm/signature.h"

#include <openssl/rsa.h>

#include "evidence/core/crypto.h"
#include "evidence/core/ecdsa_der.h"
#include "evidence/core/hex.h"
#include "evidence/tpm/tpm_ids.h"

namespace attest {
namespace {

Error untrusted(const std::string& why) { return Error{Errc::untrusted, "tpm signature: " + why}; }

bool all_zero(View bytes) {
  return std::ranges::all_of(bytes, [](std::uint8_t b) { return b == 0; });
}

// Orders of the curves' groups (SEC 2): OpenSSL builds a whole group to tell one.
constexpr std::string_view kOrderP256 = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";
constexpr std::string_view kOrderP384 =
    "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973";
constexpr std::string_view kOrderP521 =
    "01fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffa51868783bf2f966b7fcc0148f709a5d03bb5c9b8"
    "899c47aebb6fb71e91386409";

Result<Bytes> group_order(std::uint16_t curve) {
  std::string_view hex = curve == tpm::kCurveP256   ? kOrderP256
                         : curve == tpm::kCurveP384 ? kOrderP384
                         : curve == tpm::kCurveP521 ? kOrderP521
                                                    : std::string_view();
  if (hex.empty()) return Error{Errc::unsupported, "tpm signature: curve " + std::to_string(curve)};
  return from_hex(hex, hex.size() / 2);
}

// below: number < bound, both big-endian.
bool below(View number, View bound) {
  while (number.size() > bound.size() && number[0] == 0) number = number.subspan(1);
  if (number.size() > bound.size()) return false;
  View tail = bound.last(number.size());
  if (!all_zero(bound.first(bound.size() - number.size()))) return true;
  return std::ranges::lexicographical_compare(number, tail);
}

// ecdsa_bytes is the DER form OpenSSL wants; r and s must be between 1 and the group's order.
Result<Bytes> ecdsa_bytes(const TpmSignature& sig, std::uint16_t curve) {
  TRY(Bytes order, group_order(curve));
  if (all_zero(sig.r) || all_zero(sig.s)) return untrusted("r or s is zero");
  if (!below(sig.r, order) || !below(sig.s, order)) return untrusted("r or s is not below the order");
  Bytes der = ecdsa_der(sig.r, sig.s);
  if (der.empty()) return Error{Errc::io, "tpm signature: no memory"};
  return der;
}

Result<Bytes> rsa_bytes(const TpmSignature& sig, const PublicArea& key) {
  if (sig.rsa.size() != key.modulus.size()) return untrusted("RSA signature is not as long as the modulus");
  if (all_zero(sig.rsa)) return untrusted("RSA signature is zero");
  return sig.rsa;
}

Status check_scheme(const TpmSignature& sig, const PublicArea& key, const SignatureRules& rules) {
  if (sig.hash == HashAlg::sha1 && !rules.allow_sha1) return untrusted("SHA-1 is not accepted");
  bool ecdsa = sig.scheme == tpm::kAlgEcdsa;
  if (ecdsa != (key.kind == PublicArea::Kind::ecc))
    return untrusted("signature and key are of different kinds");
  if (key.scheme.alg == tpm::kAlgNull) return ok();
  if (sig.scheme != key.scheme.alg || static_cast<std::uint16_t>(sig.hash) != key.scheme.hash)
    return untrusted("scheme or hash differ from the key's");
  return ok();
}

Status set_padding(EVP_PKEY_CTX* ctx, std::uint16_t scheme) {
  bool fine = true;
  if (scheme == tpm::kAlgRsassa) fine = EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) == 1;
  if (scheme == tpm::kAlgRsapss)  // TPMs salt with the digest's length or as long as fits: both are read
    fine = EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) == 1 &&
           EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_PSS_SALTLEN_AUTO) == 1;
  if (!fine) return Error{Errc::io, "tpm signature: cannot set the padding"};
  return ok();
}

void read_body(Reader& in, TpmSignature& sig) {
  if (sig.scheme == tpm::kAlgEcdsa) {  // TPMS_SIGNATURE_ECC
    sig.r = to_bytes(in.take16be(66));
    sig.s = to_bytes(in.take16be(66));
  } else {  // TPMS_SIGNATURE_RSA
    sig.rsa = to_bytes(in.take16be(512));
  }
}

}  // namespace

Result<TpmSignature> parse_signature(View bytes) {
  Reader in(bytes);
  TpmSignature sig;
  sig.scheme = in.u16be();  // sigAlg
  if (in.good() && sig.scheme == tpm::kAlgNull) return untrusted("NULL signature");
  if (in.good() && sig.scheme != tpm::kAlgRsassa && sig.scheme != tpm::kAlgRsapss &&
      sig.scheme != tpm::kAlgEcdsa)
    return Error{Errc::unsupported, "tpm signature: scheme " + std::to_string(sig.scheme)};
  std::uint16_t hash_id = in.u16be();  // hash
  read_body(in, sig);
  CHECK_OK(in.done("tpm signature"));
  auto hash = hash_alg_from_id(hash_id);
  if (!hash) return Error{Errc::unsupported, "tpm signature: hash " + std::to_string(hash_id)};
  sig.hash = *hash;
  return sig;
}

Status verify_signature(View message, const TpmSignature& signature, const PublicArea& key,
                        const SignatureRules& rules) {
  CHECK_OK(check_scheme(signature, key, rules));
  bool ecdsa = signature.scheme == tpm::kAlgEcdsa;
  TRY(Bytes raw, ecdsa ? ecdsa_bytes(signature, key.curve) : rsa_bytes(signature, key));
  OwnedMdCtx ctx(EVP_MD_CTX_new());
  EVP_PKEY_CTX* pkey_ctx = nullptr;  // owned by ctx
  constexpr const char* kNames[] = {"SHA1", "SHA2-256", "SHA2-384", "SHA2-512"};
  const char* md = signature.hash == HashAlg::sha1     ? kNames[0]
                   : signature.hash == HashAlg::sha256 ? kNames[1]
                   : signature.hash == HashAlg::sha384 ? kNames[2]
                                                       : kNames[3];
  if (!ctx || EVP_DigestVerifyInit_ex(ctx.get(), &pkey_ctx, md, private_libctx(), nullptr, key.key.get(),
                                      nullptr) != 1)
    return Error{Errc::io, "tpm signature: cannot set up the verification"};
  CHECK_OK(set_padding(pkey_ctx, signature.scheme));
  if (EVP_DigestVerify(ctx.get(), raw.data(), raw.size(), message.data(), message.size()) != 1)
    return untrusted("does not verify with this key");
  return ok();
}

Result<Verified<Attest>> verify_attest(View attest, View signature, const PublicArea& key,
                                       const SignatureRules& rules) {
  CHECK_OK(check_attestation_key(key, rules.allow_sha1));
  TRY(TpmSignature sig, parse_signature(signature));
  CHECK_OK(verify_signature(attest, sig, key, rules));
  TRY(Attest statement, parse_attest(attest));
  return SignatureCheck::mint(std::move(statement));
}

}  // namespace attest
