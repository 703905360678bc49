// dispatch.h: what the halves of the module share: the context OpenSSL hands back, and the tables module.cc
// joins.
#pragma once
#include "provider/daemon.h"
#include "provider/errors.h"

namespace attest {

// CoreBio is the core's way to read what a program decodes.
struct CoreBio {
  OSSL_FUNC_BIO_read_ex_fn* read_ex = nullptr;
  OSSL_FUNC_BIO_gets_fn* gets = nullptr;
};

// ModuleContext is the provctx of every function in our tables: module.cc hands exactly this type (or a class
// whose first and only base it is) to OpenSSL. It lives from OSSL_provider_init to teardown; keys and leases
// outlive it, so they copy what they need.
struct ModuleContext {
  ModuleContext(const OSSL_CORE_HANDLE* handle, const OSSL_DISPATCH* core, ClientOptions options);
  Errors errors;
  CoreBio bio;
  DaemonPool daemon;
};
inline ModuleContext& module_context(void* provctx) { return *static_cast<ModuleContext*>(provctx); }

// query_keys lists our algorithms for an OSSL_OP_*: KEYMGMT, SIGNATURE, DECODER, STORE; nullptr for any
// other. The tables are constants: module.cc answers OSSL_FUNC_PROVIDER_QUERY_OPERATION with it and no_cache
// = 0.
const OSSL_ALGORITHM* query_keys(int operation);

// put_default_first makes the methods of `default` stand before ours in libctx, so that they win every fetch
// that states no property. OpenSSL sorts providers by name ("attest" first) but keeps methods in the order it
// met them: OSSL_provider_init calls this right after it has loaded default. False if default has no such
// methods.
bool put_default_first(OSSL_LIB_CTX* libctx);

}  // namespace attest
