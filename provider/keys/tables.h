// tables.h: the dispatch tables of the keys, one file each, and what they share.
#pragma once
#include <openssl/core_dispatch.h>

#include "provider/dispatch.h"
#include "provider/keys/remote_key.h"

// ATTEST_ROW is one row of an OSSL_DISPATCH table. Functions are declared through OpenSSL's own typedefs
// (OSSL_FUNC_keymgmt_free_fn key_free;), so the compiler has checked their types before this cast loses them.
#define ATTEST_ROW(id, function) \
  { id, reinterpret_cast<void (*)()>(function) }
#define ATTEST_LAST_ROW \
  { 0, nullptr }

namespace attest {

// KeyData is the void* key of OpenSSL: one EVP_PKEY's hold on a shared RemoteKey.
struct KeyData {
  Errors errors;
  KeyRef key;  // null: the empty key of EVP_PKEY machinery, good for nothing
};

// load_key hands a RemoteKey to OpenSSL through the object callback, by reference; keymgmt's load takes it
// over. A reference nobody took is freed here. Returns what the callback said.
int load_key(const Errors& errors, KeyRef key, OSSL_CALLBACK* callback, void* argument);

extern const OSSL_DISPATCH kEcKeymgmt[];
extern const OSSL_DISPATCH kRsaKeymgmt[];
extern const OSSL_DISPATCH kEcdsaSignature[];
extern const OSSL_DISPATCH kRsaSignature[];
extern const OSSL_DISPATCH kPemDecoder[];
extern const OSSL_DISPATCH kEcDecoder[];
extern const OSSL_DISPATCH kRsaDecoder[];
extern const OSSL_DISPATCH kStore[];

// kKeyFileParam is how the hook asks a key for the DER of its TSS2 key file: a parameter no other key has.
inline constexpr char kKeyFileParam[] = "attest-key-file";

// kStructure names the DER body of our PEM between our own decoders.
inline constexpr char kStructure[] = "attest-key-reference";

}  // namespace attest
