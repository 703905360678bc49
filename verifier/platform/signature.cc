#include <openssl/rsa.h>

#include "evidence/core/crypto.h"
#include "verifier/platform/platform.h"

namespace attest {
namespace {

struct Row {
  std::string_view oid;
  const char* digest;
  const char* key;  // kind of key it takes
};
constexpr Row kAlgorithms[] = {
    {"1.2.840.113549.1.1.5", "SHA1", "RSA"},      {"1.3.14.3.2.29", "SHA1", "RSA"},
    {"1.2.840.113549.1.1.11", "SHA2-256", "RSA"}, {"1.2.840.113549.1.1.12", "SHA2-384", "RSA"},
    {"1.2.840.113549.1.1.13", "SHA2-512", "RSA"}, {"1.2.840.10045.4.1", "SHA1", "EC"},
    {"1.2.840.10045.4.3.2", "SHA2-256", "EC"},    {"1.2.840.10045.4.3.3", "SHA2-384", "EC"},
    {"1.2.840.10045.4.3.4", "SHA2-512", "EC"}};
constexpr std::string_view kPss = "1.2.840.113549.1.1.10";

// pss_digest reads hashAlgorithm of RSASSA-PSS-params; the default is SHA-1.
const char* pss_digest(View parameters) {
  DerReader in(parameters);
  auto wrapped = in.take_if(der_tag::context(0, true));
  if (!wrapped) return "SHA1";
  DerReader outer(*wrapped);
  DerReader algorithm(outer.take(der_tag::kSequence));
  std::string oid = oid_text(algorithm.take(der_tag::kOid));
  return oid == "2.16.840.1.101.3.4.2.1"   ? "SHA2-256"
         : oid == "2.16.840.1.101.3.4.2.2" ? "SHA2-384"
         : oid == "2.16.840.1.101.3.4.2.3" ? "SHA2-512"
                                           : nullptr;
}

struct Scheme {
  const char* digest = nullptr;
  const char* key = nullptr;
  bool pss = false;
};

Result<Scheme> scheme_of(View algorithm_der) {
  DerReader outer(algorithm_der);
  DerReader in(outer.take(der_tag::kSequence));
  std::string oid = oid_text(in.take(der_tag::kOid));
  for (const Row& row : kAlgorithms)
    if (row.oid == oid) return Scheme{row.digest, row.key, false};
  if (oid == kPss)
    if (const char* digest = pss_digest(in.take(der_tag::kSequence))) return Scheme{digest, "RSA", true};
  return Error{Errc::unsupported, "signature: algorithm " + oid};
}

}  // namespace

Status verify_der_signature(View message, View algorithm_der, View signature, EVP_PKEY* key) {
  TRY(Scheme scheme, scheme_of(algorithm_der));
  if (!EVP_PKEY_is_a(key, scheme.key))
    return Error{Errc::untrusted, "signature: of another kind than the key"};
  OwnedMdCtx ctx(EVP_MD_CTX_new());
  EVP_PKEY_CTX* pkey_ctx = nullptr;  // owned by ctx
  if (!ctx || EVP_DigestVerifyInit_ex(ctx.get(), &pkey_ctx, scheme.digest, private_libctx(), nullptr, key,
                                      nullptr) != 1)
    return Error{Errc::io, "signature: cannot set up the verification"};
  if (scheme.pss && (EVP_PKEY_CTX_set_rsa_padding(pkey_ctx, RSA_PKCS1_PSS_PADDING) != 1 ||
                     EVP_PKEY_CTX_set_rsa_pss_saltlen(pkey_ctx, RSA_PSS_SALTLEN_AUTO) != 1))
    return Error{Errc::io, "signature: cannot set the padding"};
  if (EVP_DigestVerify(ctx.get(), signature.data(), signature.size(), message.data(), message.size()) != 1)
    return Error{Errc::untrusted, "signature: does not verify with the issuer's key"};
  return ok();
}

}  // namespace attest
