#include "test/support/key_program.h"

#include <gtest/gtest.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/provider.h>
#include <openssl/store.h>

#include "evidence/core/crypto.h"
#include "evidence/native/key_reference.h"
#include "provider/dispatch.h"

namespace attest::test {
namespace {

// What module.cc does for the keys, without the hook.
const OSSL_ALGORITHM* query(void*, int operation, int* no_cache) {
  *no_cache = 0;
  return query_keys(operation);
}
const OSSL_ITEM* reasons(void*) { return Errors::reason_strings(); }
void teardown(void* provctx) { delete static_cast<ModuleContext*>(provctx); }
const OSSL_DISPATCH kModule[] = {
    {OSSL_FUNC_PROVIDER_QUERY_OPERATION, reinterpret_cast<void (*)()>(query)},
    {OSSL_FUNC_PROVIDER_GET_REASON_STRINGS, reinterpret_cast<void (*)()>(reasons)},
    {OSSL_FUNC_PROVIDER_TEARDOWN, reinterpret_cast<void (*)()>(teardown)},
    {0, nullptr}};

struct NextLoad {
  const ClientOptions* client;
  OSSL_LIB_CTX* libctx;
  OSSL_PROVIDER** load_default;  // null: not by us
};
thread_local NextLoad next_load;

int init(const OSSL_CORE_HANDLE* handle, const OSSL_DISPATCH* in, const OSSL_DISPATCH** out, void** provctx) {
  *provctx = new ModuleContext(handle, in, *next_load.client);
  *out = kModule;
  if (next_load.load_default != nullptr)
    *next_load.load_default = OSSL_PROVIDER_load(next_load.libctx, "default");
  return put_default_first(next_load.libctx) ? 1 : 0;
}

}  // namespace

KeyProgram::Options KeyProgram::options_for(const std::string& socket) {
  Options options;
  options.client.socket = socket;
  return options;
}

KeyProgram::KeyProgram(const Options& options) : libctx_(OSSL_LIB_CTX_new()) {
  EXPECT_EQ(OSSL_PROVIDER_add_builtin(libctx(), "attest", init), 1);
  if (!options.default_by_attest) default_ = OSSL_PROVIDER_load(libctx(), "default");
  next_load = {&options.client, libctx(), options.default_by_attest ? &default_ : nullptr};
  attest_ = OSSL_PROVIDER_load(libctx(), "attest");
  EXPECT_NE(default_, nullptr);
  EXPECT_NE(attest_, nullptr);
  if (options.properties != nullptr) {
    EXPECT_EQ(EVP_set_default_properties(libctx(), options.properties), 1);
  }
}

KeyProgram::~KeyProgram() {
  OSSL_PROVIDER_unload(attest_);
  OSSL_PROVIDER_unload(default_);
}

OwnedPkey KeyProgram::read_pem(std::string_view pem) const {
  OwnedBio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  return OwnedPkey(PEM_read_bio_PrivateKey_ex(bio.get(), nullptr, nullptr, nullptr, libctx(), nullptr));
}

OwnedPkey KeyProgram::read_uri(const char* uri) const {
  OSSL_STORE_CTX* store =
      OSSL_STORE_open_ex(uri, libctx(), nullptr, nullptr, nullptr, nullptr, nullptr, nullptr);
  if (store == nullptr) return nullptr;
  OwnedPkey key;
  while (!key && !OSSL_STORE_eof(store)) {
    OSSL_STORE_INFO* info = OSSL_STORE_load(store);
    if (info == nullptr) break;
    key.reset(OSSL_STORE_INFO_get1_PKEY(info));
    OSSL_STORE_INFO_free(info);
  }
  OSSL_STORE_close(store);
  return key;
}

std::string provider_of(const EVP_PKEY* key) {
  const OSSL_PROVIDER* provider = EVP_PKEY_get0_provider(key);
  return provider == nullptr ? "" : OSSL_PROVIDER_get0_name(provider);
}

std::string errors_text() {
  std::string out;
  const char* data = nullptr;
  int flags = 0;
  for (unsigned long code; (code = ERR_get_error_all(nullptr, nullptr, nullptr, &data, &flags)) != 0;) {
    const char* lib = ERR_lib_error_string(code);
    const char* reason = ERR_reason_error_string(code);
    out += std::string(lib ? lib : "?") + "::" + (reason ? reason : "?") + " [" +
           ((flags & ERR_TXT_STRING) ? data : "") + "]\n";
  }
  return out;
}

std::string reference_pem(KeyDaemon& daemon, const std::string& name, const std::string& socket) {
  auto pem = key_reference_pem({name, socket, daemon.spki_der(name)});
  EXPECT_TRUE(pem);
  return pem ? *pem : "";
}

OwnedX509 self_signed(EVP_PKEY* key) {
  OwnedX509 cert(X509_new_ex(private_libctx(), nullptr));
  X509_NAME* name = X509_get_subject_name(cert.get());
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("localhost"),
                             -1, -1, 0);
  X509_set_issuer_name(cert.get(), name);
  X509_gmtime_adj(X509_getm_notBefore(cert.get()), -60);
  X509_gmtime_adj(X509_getm_notAfter(cert.get()), 3600);
  X509_set_pubkey(cert.get(), key);
  EXPECT_GT(X509_sign(cert.get(), key, EVP_sha256()), 0);
  std::uint8_t* der = nullptr;  // out of our private context, as a program would read it from a file
  int size = i2d_X509(cert.get(), &der);
  const std::uint8_t* at = der;
  cert.reset(d2i_X509(nullptr, &at, size));
  OPENSSL_free(der);
  return cert;
}

bool handshake(SSL* client, SSL* server) {
  BIO* a = nullptr;
  BIO* b = nullptr;
  if (BIO_new_bio_pair(&a, 1 << 17, &b, 1 << 17) != 1) return false;
  SSL_set_bio(client, a, a);
  SSL_set_bio(server, b, b);
  SSL_set_connect_state(client);
  SSL_set_accept_state(server);
  for (int i = 0; i < 20; i++) {
    int c = SSL_do_handshake(client);
    int s = SSL_do_handshake(server);
    if (c == 1 && s == 1) return true;
    if (c <= 0 && SSL_get_error(client, c) == SSL_ERROR_SSL) return false;
    if (s <= 0 && SSL_get_error(server, s) == SSL_ERROR_SSL) return false;
  }
  return false;
}

}  // namespace attest::test
