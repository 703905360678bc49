#include "drivers/tpm/sign.h"

#include <openssl/rsa.h>

#include "drivers/tpm/marshal.h"
#include "evidence/core/crypto.h"
#include "evidence/core/ecdsa_der.h"
#include "evidence/core/error_mark.h"

namespace attest {
namespace {

Error openssl_failed() { return {Errc::io, "key: OpenSSL failed"}; }

TPMT_SIG_SCHEME tpm_scheme(const TlsScheme& scheme) {
  TPMT_SIG_SCHEME out{};
  out.scheme = scheme.curve != nullptr ? TPM2_ALG_ECDSA : TPM2_ALG_RSAPSS;
  out.details.any.hashAlg = static_cast<TPMI_ALG_HASH>(scheme.hash);
  return out;
}

Result<Bytes> tls_form(const TPMT_SIGNATURE& signature) {
  if (signature.sigAlg == TPM2_ALG_ECDSA) {
    const TPMS_SIGNATURE_ECC& raw = signature.signature.ecdsa;
    Bytes der = ecdsa_der({raw.signatureR.buffer, raw.signatureR.size}, {raw.signatureS.buffer, raw.signatureS.size});
    if (der.empty()) return openssl_failed();
    return der;
  }
  if (signature.sigAlg != TPM2_ALG_RSAPSS && signature.sigAlg != TPM2_ALG_RSASSA)
    return Error{Errc::unsupported, "tpm: signed by another scheme than asked"};
  const TPM2B_PUBLIC_KEY_RSA& raw =
      signature.sigAlg == TPM2_ALG_RSASSA ? signature.signature.rsassa.sig : signature.signature.rsapss.sig;
  return Bytes(raw.buffer, raw.buffer + raw.size);
}

Result<Bytes> sign_with_ticket(TpmContext& context, ESYS_TR key, const TPMT_SIG_SCHEME& scheme, const TPM2B_DIGEST& digest,
                               const TPMT_TK_HASHCHECK& ticket) {
  TPMT_SIGNATURE* signature = nullptr;
  TSS2_RC rc = Esys_Sign(context.get(), key, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, &digest, &scheme,
                         &ticket, &signature);
  Esys<TPMT_SIGNATURE> owner(signature);
  if (rc != TSS2_RC_SUCCESS) return context.failure(rc, "sign");
  return tls_form(*signature);
}

Result<Bytes> sign_by_scheme(TpmContext& context, ESYS_TR key, const TPMT_SIG_SCHEME& scheme, View value) {
  TPM2B_DIGEST digest{};
  digest.size = static_cast<UINT16>(value.size());
  std::ranges::copy(value, digest.buffer);
  TPMT_TK_HASHCHECK no_ticket{};  // the key is not restricted
  no_ticket.tag = TPM2_ST_HASHCHECK;
  no_ticket.hierarchy = TPM2_RH_NULL;
  return sign_with_ticket(context, key, scheme, digest, no_ticket);
}

}  // namespace

Result<Bytes> tpm_sign(TpmContext& context, ESYS_TR key, const TlsScheme& scheme, View content) {
  Digest hash = hash_of(scheme.hash, {content});
  if (hash.empty()) return openssl_failed();
  return sign_by_scheme(context, key, tpm_scheme(scheme), hash.view());
}

Result<Bytes> tpm_sign_digest(TpmContext& context, ESYS_TR key, bool rsa, const DigestScheme& scheme, View digest) {
  if (digest.size() != digest_size(scheme.hash))
    return Error{Errc::malformed, "key: a digest of " + std::to_string(digest.size()) + " bytes for " + hash_alg_name(scheme.hash)};
  TPMT_SIG_SCHEME wanted{};
  wanted.scheme = !rsa ? TPM2_ALG_ECDSA : scheme.pss ? TPM2_ALG_RSAPSS : TPM2_ALG_RSASSA;
  wanted.details.any.hashAlg = static_cast<TPMI_ALG_HASH>(scheme.hash);
  return sign_by_scheme(context, key, wanted, digest);
}

Result<Bytes> tpm_sign_restricted(TpmContext& context, ESYS_TR key, HashAlg hash, View content) {
  TRY(TPM2B_MAX_BUFFER data, sized<TPM2B_MAX_BUFFER>(content, "tpm: what a restricted key is to sign"));
  TPM2B_DIGEST* digest = nullptr;
  TPMT_TK_HASHCHECK* ticket = nullptr;
  TSS2_RC rc = Esys_Hash(context.get(), ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &data, static_cast<TPMI_ALG_HASH>(hash),
                         ESYS_TR_RH_ENDORSEMENT, &digest, &ticket);
  Esys<void> a(digest), b(ticket);
  if (rc != TSS2_RC_SUCCESS) return context.failure(rc, "hash what the attestation key is to sign");
  TPMT_SIG_SCHEME own{};
  own.scheme = TPM2_ALG_NULL;
  return sign_with_ticket(context, key, own, *digest, *ticket);
}

Status verify_tls_signature(EVP_PKEY* key, const TlsScheme& scheme, View content, View signature) {
  ErrorMark mark;
  OwnedMdCtx ctx(EVP_MD_CTX_new());
  EVP_PKEY_CTX* pkey = nullptr;
  if (!ctx || EVP_DigestVerifyInit_ex(ctx.get(), &pkey, hash_alg_name(scheme.hash), private_libctx(), nullptr,
                                      key, nullptr) != 1)
    return openssl_failed();
  if (scheme.curve == nullptr && (EVP_PKEY_CTX_set_rsa_padding(pkey, RSA_PKCS1_PSS_PADDING) != 1 ||
                                  EVP_PKEY_CTX_set_rsa_pss_saltlen(pkey, RSA_PSS_SALTLEN_DIGEST) != 1))
    return openssl_failed();
  if (EVP_DigestVerify(ctx.get(), signature.data(), signature.size(), content.data(), content.size()) != 1)
    return Error{Errc::untrusted, "key: the signature does not verify"};
  return ok();
}

}  // namespace attest
