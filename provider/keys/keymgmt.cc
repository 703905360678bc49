// keymgmt.cc: how OpenSSL asks about a key. Everything public is answered by the public half, a key of
// OpenSSL's own in our private library context. No new, no generation, no import: what picks our "EC" by
// mistake must fail at once, never half work.
#include <openssl/core_names.h>
#include <openssl/core_object.h>

#include <new>

#include "provider/keys/tables.h"

namespace attest {
namespace {

OSSL_FUNC_keymgmt_new_fn key_new;
OSSL_FUNC_keymgmt_free_fn key_free;
OSSL_FUNC_keymgmt_load_fn key_load;
OSSL_FUNC_keymgmt_dup_fn key_dup;
OSSL_FUNC_keymgmt_has_fn key_has;
OSSL_FUNC_keymgmt_match_fn key_match;
OSSL_FUNC_keymgmt_export_fn key_export;
OSSL_FUNC_keymgmt_export_types_fn ec_export_types, rsa_export_types;
OSSL_FUNC_keymgmt_get_params_fn key_get_params;
OSSL_FUNC_keymgmt_gettable_params_fn ec_gettable, rsa_gettable;
OSSL_FUNC_keymgmt_query_operation_name_fn ec_operation, rsa_operation;

// public_of is null for an empty key.
EVP_PKEY* public_of(const void* key) {
  const KeyRef& ref = static_cast<const KeyData*>(key)->key;
  return ref ? ref->public_key() : nullptr;
}
bool selects_private(int selection) { return (selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) != 0; }

void* key_new(void* provctx) { return new (std::nothrow) KeyData{module_context(provctx).errors, nullptr}; }
void key_free(void* key) { delete static_cast<KeyData*>(key); }

// The object reference is the address of load_key's pointer. Null left behind says that the key was taken
// over.
void* key_load(const void* reference, std::size_t size) {
  if (size != sizeof(KeyData*)) return nullptr;
  return std::exchange(*static_cast<KeyData**>(const_cast<void*>(reference)), nullptr);
}

// A copy is the whole key or nothing: a "public only" copy that could still sign would be a lie.
void* key_dup(const void* key, int selection) {
  if (!selects_private(selection)) return nullptr;
  return new (std::nothrow) KeyData(*static_cast<const KeyData*>(key));
}

int key_has(const void* key, int selection) {
  return key != nullptr && (public_of(key) != nullptr || (selection & OSSL_KEYMGMT_SELECT_ALL) == 0);
}

int key_match(const void* a, const void* b, int selection) {
  if (public_of(a) == nullptr || public_of(b) == nullptr) return 0;
  if ((selection & OSSL_KEYMGMT_SELECT_KEYPAIR) != 0) return EVP_PKEY_eq(public_of(a), public_of(b)) == 1;
  return EVP_PKEY_parameters_eq(public_of(a), public_of(b)) == 1;
}

// The private half cannot leave: told so, OpenSSL signs through our own signature instead of another
// provider's, and drops the reason raised here. It stays on the queue when a mandatory property
// (provider=default) forbids ours.
int key_export(void* key, int selection, OSSL_CALLBACK* callback, void* argument) {
  if (selects_private(selection)) {
    static_cast<const KeyData*>(key)->errors.raise(
        Reason::key_private,
        "key.private: the private half stays in cmcd-lite, and only the provider attest can sign with it");
    return 0;
  }
  if (public_of(key) == nullptr) return 0;
  return EVP_PKEY_export(public_of(key), selection, callback, argument);
}

const OSSL_PARAM kEcPublic[] = {OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, nullptr, 0),
                                OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PUB_KEY, nullptr, 0), OSSL_PARAM_END};
const OSSL_PARAM kRsaPublic[] = {OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_N, nullptr, 0),
                                 OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_E, nullptr, 0), OSSL_PARAM_END};
const OSSL_PARAM* ec_export_types(int selection) { return selects_private(selection) ? nullptr : kEcPublic; }
const OSSL_PARAM* rsa_export_types(int selection) {
  return selects_private(selection) ? nullptr : kRsaPublic;
}

int key_get_params(void* key, OSSL_PARAM params[]) {
  if (OSSL_PARAM* file = OSSL_PARAM_locate(params, kKeyFileParam); file != nullptr && public_of(key) != nullptr) {
    View der = static_cast<const KeyData*>(key)->key->key_file();
    if (!der.empty()) return OSSL_PARAM_set_octet_string(file, der.data(), der.size());
  }
  return public_of(key) != nullptr && EVP_PKEY_get_params(public_of(key), params) == 1;
}

#define COMMON_PARAMS                                                                                    \
  OSSL_PARAM_int(OSSL_PKEY_PARAM_BITS, nullptr), OSSL_PARAM_int(OSSL_PKEY_PARAM_SECURITY_BITS, nullptr), \
      OSSL_PARAM_int(OSSL_PKEY_PARAM_MAX_SIZE, nullptr),                                                 \
      OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_DEFAULT_DIGEST, nullptr, 0)
const OSSL_PARAM kEcParams[] = {COMMON_PARAMS,
                                OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, nullptr, 0),
                                OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PUB_KEY, nullptr, 0),
                                OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, nullptr, 0),
                                OSSL_PARAM_BN(OSSL_PKEY_PARAM_EC_PUB_X, nullptr, 0),
                                OSSL_PARAM_BN(OSSL_PKEY_PARAM_EC_PUB_Y, nullptr, 0),
                                OSSL_PARAM_END};
const OSSL_PARAM kRsaParams[] = {COMMON_PARAMS, OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_N, nullptr, 0),
                                 OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_E, nullptr, 0), OSSL_PARAM_END};
#undef COMMON_PARAMS
const OSSL_PARAM* ec_gettable(void*) { return kEcParams; }
const OSSL_PARAM* rsa_gettable(void*) { return kRsaParams; }

const char* ec_operation(int operation) { return operation == OSSL_OP_SIGNATURE ? "ECDSA" : nullptr; }
const char* rsa_operation(int operation) { return operation == OSSL_OP_SIGNATURE ? "RSA" : nullptr; }

}  // namespace

int load_key(const Errors& errors, KeyRef key, OSSL_CALLBACK* callback, void* argument) {
  int type = OSSL_OBJECT_PKEY;
  const char* name = key->type_name();
  auto* data = new KeyData{errors, std::move(key)};
  OSSL_PARAM params[] = {
      OSSL_PARAM_construct_int(OSSL_OBJECT_PARAM_TYPE, &type),
      OSSL_PARAM_construct_utf8_string(OSSL_OBJECT_PARAM_DATA_TYPE, const_cast<char*>(name), 0),
      OSSL_PARAM_construct_octet_string(OSSL_OBJECT_PARAM_REFERENCE, &data, sizeof(KeyData*)),
      OSSL_PARAM_construct_end()};
  int taken = callback(params, argument);
  delete data;
  return taken;
}

#define KEY_ROWS                                                                                  \
  ATTEST_ROW(OSSL_FUNC_KEYMGMT_NEW, key_new), ATTEST_ROW(OSSL_FUNC_KEYMGMT_FREE, key_free),       \
      ATTEST_ROW(OSSL_FUNC_KEYMGMT_LOAD, key_load), ATTEST_ROW(OSSL_FUNC_KEYMGMT_DUP, key_dup),   \
      ATTEST_ROW(OSSL_FUNC_KEYMGMT_HAS, key_has), ATTEST_ROW(OSSL_FUNC_KEYMGMT_MATCH, key_match), \
      ATTEST_ROW(OSSL_FUNC_KEYMGMT_EXPORT, key_export),                                           \
      ATTEST_ROW(OSSL_FUNC_KEYMGMT_GET_PARAMS, key_get_params)
const OSSL_DISPATCH kEcKeymgmt[] = {KEY_ROWS, ATTEST_ROW(OSSL_FUNC_KEYMGMT_EXPORT_TYPES, ec_export_types),
                                    ATTEST_ROW(OSSL_FUNC_KEYMGMT_GETTABLE_PARAMS, ec_gettable),
                                    ATTEST_ROW(OSSL_FUNC_KEYMGMT_QUERY_OPERATION_NAME, ec_operation),
                                    ATTEST_LAST_ROW};
const OSSL_DISPATCH kRsaKeymgmt[] = {KEY_ROWS, ATTEST_ROW(OSSL_FUNC_KEYMGMT_EXPORT_TYPES, rsa_export_types),
                                     ATTEST_ROW(OSSL_FUNC_KEYMGMT_GETTABLE_PARAMS, rsa_gettable),
                                     ATTEST_ROW(OSSL_FUNC_KEYMGMT_QUERY_OPERATION_NAME, rsa_operation),
                                     ATTEST_LAST_ROW};
#undef KEY_ROWS

}  // namespace attest
