// store.cc: attest:NAME, a key of the daemon by its name alone. The daemon is asked for the public half; what
// goes back to OpenSSL is the DER of a key reference, which our decoders turn into a key. (A key handed over
// by reference would be fetched by type, and "?provider!=attest" would find OpenSSL's own.)
#include <openssl/core_names.h>
#include <openssl/core_object.h>
#include <openssl/store.h>

#include "provider/keys/tables.h"

namespace attest {
namespace {

constexpr std::string_view kScheme = "attest:";

struct Opened {
  const ModuleContext& module;
  std::string name;
  bool wanted = true;  // the program expects a private key, or says nothing
  bool done = false;
};

OSSL_FUNC_store_open_fn store_open;
OSSL_FUNC_store_load_fn store_load;
OSSL_FUNC_store_eof_fn store_eof;
OSSL_FUNC_store_close_fn store_close;
OSSL_FUNC_store_set_ctx_params_fn store_set_params;
OSSL_FUNC_store_settable_ctx_params_fn store_settable;

void* store_open(void* provctx, const char* uri) {
  const ModuleContext& module = module_context(provctx);
  return at_edge<void*>(module.errors, nullptr, [&]() -> void* {
    std::string_view name = uri;
    if (!name.starts_with(kScheme)) return nullptr;
    name.remove_prefix(kScheme.size());
    if (valid_key_name(name)) return new Opened{module, std::string(name)};
    module.errors.raise({Errc::malformed, "key.reference: \"" + std::string(uri) + "\" is not attest:NAME"});
    return nullptr;
  });
}

Result<Bytes> reference_from_daemon(const ModuleContext& module, const std::string& name) {
  TRY(DaemonPool::Lease lease, module.daemon.lease());
  TRY(Connection * connection, lease.connection());
  TRY(KeyAnswer answer, connection->key({name}));
  KeyReference reference{name, "", std::move(answer.spki_der)};
  TRY(KeyRef key, RemoteKey::make(reference, module.daemon));
  return encode_key_reference(reference);
}

int pass_reference(Bytes der, OSSL_CALLBACK* callback, void* argument) {
  int type = OSSL_OBJECT_PKEY;
  OSSL_PARAM params[] = {
      OSSL_PARAM_construct_int(OSSL_OBJECT_PARAM_TYPE, &type),
      OSSL_PARAM_construct_octet_string(OSSL_OBJECT_PARAM_DATA, der.data(), der.size()),
      OSSL_PARAM_construct_utf8_string(OSSL_OBJECT_PARAM_DATA_STRUCTURE, const_cast<char*>(kStructure), 0),
      OSSL_PARAM_construct_end()};
  return callback(params, argument);
}

int store_load(void* context, OSSL_CALLBACK* callback, void* argument, OSSL_PASSPHRASE_CALLBACK*, void*) {
  Opened& opened = *static_cast<Opened*>(context);
  opened.done = true;
  if (!opened.wanted) return 0;
  return at_edge(opened.module.errors, 0, [&] {
    auto der = reference_from_daemon(opened.module, opened.name);
    if (der) return pass_reference(std::move(*der), callback, argument);
    opened.module.errors.raise(der.error());
    return 0;
  });
}

int store_eof(void* context) { return static_cast<Opened*>(context)->done; }

int store_close(void* context) {
  delete static_cast<Opened*>(context);
  return 1;
}

int store_set_params(void* context, const OSSL_PARAM params[]) {
  const OSSL_PARAM* expect = OSSL_PARAM_locate_const(params, OSSL_STORE_PARAM_EXPECT);
  int type = 0;
  if (expect == nullptr) return 1;
  if (OSSL_PARAM_get_int(expect, &type) != 1) return 0;
  static_cast<Opened*>(context)->wanted = type == 0 || type == OSSL_STORE_INFO_PKEY;
  return 1;
}

const OSSL_PARAM kSettable[] = {OSSL_PARAM_int(OSSL_STORE_PARAM_EXPECT, nullptr), OSSL_PARAM_END};
const OSSL_PARAM* store_settable(void*) { return kSettable; }

}  // namespace

const OSSL_DISPATCH kStore[] = {ATTEST_ROW(OSSL_FUNC_STORE_OPEN, store_open),
                                ATTEST_ROW(OSSL_FUNC_STORE_LOAD, store_load),
                                ATTEST_ROW(OSSL_FUNC_STORE_EOF, store_eof),
                                ATTEST_ROW(OSSL_FUNC_STORE_CLOSE, store_close),
                                ATTEST_ROW(OSSL_FUNC_STORE_SET_CTX_PARAMS, store_set_params),
                                ATTEST_ROW(OSSL_FUNC_STORE_SETTABLE_CTX_PARAMS, store_settable),
                                ATTEST_LAST_ROW};

}  // namespace attest
