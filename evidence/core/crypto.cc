#include "evidence/core/crypto.h"

#include <openssl/crypto.h>
#include <openssl/provider.h>

namespace attest {
namespace {

OSSL_LIB_CTX* make_libctx() {
  OSSL_LIB_CTX* ctx = OSSL_LIB_CTX_new();
  if (ctx == nullptr) return nullptr;
  if (OSSL_PROVIDER_load(ctx, "default") != nullptr) return ctx;
  OSSL_LIB_CTX_free(ctx);
  return nullptr;
}

}  // namespace

OSSL_LIB_CTX* private_libctx() {
  static OSSL_LIB_CTX* const ctx = make_libctx();
  return ctx;
}

}  // namespace attest
