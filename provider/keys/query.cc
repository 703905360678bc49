// query.cc: the algorithms of the keys, one visible table an operation.
#include <openssl/evp.h>

#include "evidence/core/owned.h"
#include "provider/keys/tables.h"

namespace attest {
namespace {

constexpr char kOurs[] = "provider=attest";

const OSSL_ALGORITHM kKeymgmts[] = {
    {"EC:id-ecPublicKey:1.2.840.10045.2.1", kOurs, kEcKeymgmt, "EC key held by cmcd-lite"},
    {"RSA:rsaEncryption:1.2.840.113549.1.1.1", kOurs, kRsaKeymgmt, "RSA key held by cmcd-lite"},
    {nullptr, nullptr, nullptr, nullptr}};
const OSSL_ALGORITHM kSignatures[] = {
    {"ECDSA", kOurs, kEcdsaSignature, "TLS 1.3 CertificateVerify by cmcd-lite"},
    {"RSA:rsaEncryption:1.2.840.113549.1.1.1", kOurs, kRsaSignature,
     "TLS 1.3 CertificateVerify by cmcd-lite"},
    {nullptr, nullptr, nullptr, nullptr}};
const OSSL_ALGORITHM kDecoders[] = {
    {"DER", "provider=attest,input=pem", kPemDecoder, "ATTEST KEY REFERENCE, TSS2 PRIVATE KEY"},
    {"EC", "provider=attest,input=der,structure=attest-key-reference", kEcDecoder, "ATTEST KEY REFERENCE"},
    {"RSA", "provider=attest,input=der,structure=attest-key-reference", kRsaDecoder, "ATTEST KEY REFERENCE"},
    {nullptr, nullptr, nullptr, nullptr}};
const OSSL_ALGORITHM kStores[] = {{"attest", kOurs, kStore, "attest:NAME, a key of cmcd-lite"},
                                  {nullptr, nullptr, nullptr, nullptr}};

}  // namespace

const OSSL_ALGORITHM* query_keys(int operation) {
  switch (operation) {
    case OSSL_OP_KEYMGMT:
      return kKeymgmts;
    case OSSL_OP_SIGNATURE:
      return kSignatures;
    case OSSL_OP_DECODER:
      return kDecoders;
    case OSSL_OP_STORE:
      return kStores;
    default:
      return nullptr;
  }
}

bool put_default_first(OSSL_LIB_CTX* libctx) {
  // One fetch brings all methods of an operation, of every provider that is active by now.
  Owned<EVP_KEYMGMT, EVP_KEYMGMT_free> keymgmt(EVP_KEYMGMT_fetch(libctx, "EC", nullptr));
  Owned<EVP_SIGNATURE, EVP_SIGNATURE_free> signature(EVP_SIGNATURE_fetch(libctx, "ECDSA", nullptr));
  return keymgmt && signature;
}

}  // namespace attest
