// signature.cc: signing by the daemon. It must see the whole CertificateVerify content, never a digest, so
// what would be hashed here is collected and sent as it is; everything that is not a TLS 1.3 handshake is
// refused before it is sent.
#include <openssl/core_names.h>
#include <openssl/rsa.h>

#include <charconv>
#include <new>

#include "evidence/native/certificate_verify.h"
#include "provider/keys/scheme.h"
#include "provider/keys/tables.h"

namespace attest {
namespace {

constexpr std::size_t kMaxContent = 4096;  // far above the 146 bytes of a CertificateVerify

struct Signing {
  Errors errors;
  KeyRef key;
  SignatureSettings settings;
  Bytes content;
  bool too_long = false;
};

OSSL_FUNC_signature_newctx_fn signing_new;
OSSL_FUNC_signature_freectx_fn signing_free;
OSSL_FUNC_signature_dupctx_fn signing_dup;
OSSL_FUNC_signature_sign_init_fn sign_init;
OSSL_FUNC_signature_sign_fn sign_digest;
OSSL_FUNC_signature_digest_sign_init_fn digest_sign_init;
OSSL_FUNC_signature_digest_sign_update_fn digest_sign_update;
OSSL_FUNC_signature_digest_sign_final_fn digest_sign_final;
OSSL_FUNC_signature_digest_sign_fn digest_sign;
OSSL_FUNC_signature_set_ctx_params_fn set_params;
OSSL_FUNC_signature_get_ctx_params_fn get_params;
OSSL_FUNC_signature_settable_ctx_params_fn ecdsa_settable, rsa_settable;
OSSL_FUNC_signature_gettable_ctx_params_fn gettable;

Signing& signing_of(void* context) { return *static_cast<Signing*>(context); }

int refuse(const Signing& signing, const Error& error) {
  signing.errors.raise(error);
  return 0;
}

void* signing_new(void* provctx, const char*) {
  const Errors& errors = module_context(provctx).errors;
  return at_edge<void*>(errors, nullptr, [&] { return new Signing{errors, {}, {}, {}, false}; });
}

void signing_free(void* context) { delete static_cast<Signing*>(context); }

void* signing_dup(void* context) {
  const Signing& from = signing_of(context);
  return at_edge<void*>(from.errors, nullptr, [&] { return new Signing(from); });
}

bool text_param(const OSSL_PARAM params[], const char* name, std::string& out) {
  const OSSL_PARAM* p = OSSL_PARAM_locate_const(params, name);
  if (p == nullptr) return true;
  const char* text = nullptr;
  if (OSSL_PARAM_get_utf8_string_ptr(p, &text) != 1 || text == nullptr) return false;
  out = text;
  return true;
}

// Padding and salt length come as a number or as OpenSSL's word for it. A word this does not know becomes
// kUnknown, which no scheme accepts.
struct Word {
  std::string_view word;
  int number;
};
constexpr int kUnknown = -100;
constexpr Word kPaddings[] = {{OSSL_PKEY_RSA_PAD_MODE_PKCSV15, RSA_PKCS1_PADDING},
                              {OSSL_PKEY_RSA_PAD_MODE_NONE, RSA_NO_PADDING},
                              {OSSL_PKEY_RSA_PAD_MODE_X931, RSA_X931_PADDING},
                              {OSSL_PKEY_RSA_PAD_MODE_PSS, RSA_PKCS1_PSS_PADDING}};
constexpr Word kSaltLengths[] = {{OSSL_PKEY_RSA_PSS_SALT_LEN_DIGEST, RSA_PSS_SALTLEN_DIGEST},
                                 {OSSL_PKEY_RSA_PSS_SALT_LEN_AUTO, RSA_PSS_SALTLEN_AUTO},
                                 {OSSL_PKEY_RSA_PSS_SALT_LEN_MAX, RSA_PSS_SALTLEN_MAX}};

int number_of(std::string_view text, std::span<const Word> words) {
  for (const Word& row : words)
    if (row.word == text) return row.number;
  int number = kUnknown;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc{} && end == text.data() + text.size() ? number : kUnknown;
}

bool number_param(const OSSL_PARAM params[], const char* name, std::span<const Word> words, int& out) {
  const OSSL_PARAM* p = OSSL_PARAM_locate_const(params, name);
  if (p == nullptr) return true;
  if (p->data_type != OSSL_PARAM_UTF8_STRING) return OSSL_PARAM_get_int(p, &out) == 1;
  std::string text;
  if (!text_param(params, name, text)) return false;
  out = number_of(text, words);
  return true;
}

int set_params(void* context, const OSSL_PARAM params[]) {
  if (params == nullptr) return 1;
  Signing& s = signing_of(context);
  return at_edge(s.errors, 0, [&]() -> int {
    return text_param(params, OSSL_SIGNATURE_PARAM_DIGEST, s.settings.digest) &&
           text_param(params, OSSL_SIGNATURE_PARAM_MGF1_DIGEST, s.settings.mgf1_digest) &&
           number_param(params, OSSL_SIGNATURE_PARAM_PAD_MODE, kPaddings, s.settings.padding) &&
           number_param(params, OSSL_SIGNATURE_PARAM_PSS_SALTLEN, kSaltLengths, s.settings.salt_length);
  });
}

const OSSL_PARAM kEcdsaSettable[] = {OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_DIGEST, nullptr, 0),
                                     OSSL_PARAM_END};
const OSSL_PARAM kRsaSettable[] = {OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_DIGEST, nullptr, 0),
                                   OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PAD_MODE, nullptr, 0),
                                   OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PSS_SALTLEN, nullptr, 0),
                                   OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_MGF1_DIGEST, nullptr, 0),
                                   OSSL_PARAM_END};
const OSSL_PARAM* ecdsa_settable(void*, void*) { return kEcdsaSettable; }
const OSSL_PARAM* rsa_settable(void*, void*) { return kRsaSettable; }

// Who asks for the algorithm identifier is about to sign a certificate, a request or a CMS message: refused
// here, where the reason can still be told from OpenSSL's own.
int get_params(void* context, OSSL_PARAM params[]) {
  Signing& s = signing_of(context);
  if (params == nullptr) return 1;
  if (OSSL_PARAM_locate(params, OSSL_SIGNATURE_PARAM_ALGORITHM_ID) != nullptr)
    return refuse(
        s, {Errc::denied, "key.content: attest keys sign TLS 1.3 handshakes only, no X.509 or CMS objects"});
  OSSL_PARAM* digest = OSSL_PARAM_locate(params, OSSL_SIGNATURE_PARAM_DIGEST);
  return digest == nullptr || OSSL_PARAM_set_utf8_string(digest, s.settings.digest.c_str()) == 1;
}

const OSSL_PARAM kGettable[] = {OSSL_PARAM_octet_string(OSSL_SIGNATURE_PARAM_ALGORITHM_ID, nullptr, 0),
                                OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_DIGEST, nullptr, 0),
                                OSSL_PARAM_END};
const OSSL_PARAM* gettable(void*, void*) { return kGettable; }

// start begins anew with key, or with the key the context already has.
int start(Signing& s, void* key, const OSSL_PARAM params[]) {
  if (key != nullptr) s.key = static_cast<const KeyData*>(key)->key;
  s.settings = {};
  s.content.clear();
  s.too_long = false;
  if (!s.key) return refuse(s, {Errc::denied, "internal: no key to sign with"});
  return set_params(&s, params);
}

// Initialising for a digest call succeeds and signing then fails: some programs initialise only to set
// parameters.
int sign_init(void* context, void* key, const OSSL_PARAM params[]) {
  return start(signing_of(context), key, params);
}

int sign_digest(void* context, unsigned char*, std::size_t*, std::size_t, const unsigned char*, std::size_t) {
  return refuse(signing_of(context),
                {Errc::denied,
                 "key.digest: attest keys sign TLS 1.3 handshakes only: the daemon signs no ready "
                 "digest, it wants to see what it signs"});
}

int digest_sign_init(void* context, const char* digest, void* key, const OSSL_PARAM params[]) {
  Signing& s = signing_of(context);
  return at_edge(s.errors, 0, [&] {
    if (start(s, key, nullptr) != 1) return 0;
    s.settings.digest = digest != nullptr && *digest != '\0' ? digest : "SHA256";
    return set_params(context, params);
  });
}

int digest_sign_update(void* context, const unsigned char* data, std::size_t size) {
  Signing& s = signing_of(context);
  return at_edge(s.errors, 0, [&] {
    s.too_long = s.too_long || size > kMaxContent - s.content.size();
    if (!s.too_long) s.content.insert(s.content.end(), data, data + size);
    return 1;  // refused at the end, with everything else that is not a handshake
  });
}

Result<Bytes> signature_over(const Signing& s, View content) {
  if (s.too_long || !certificate_verify_signer(content))
    return Error{
        Errc::denied,
        "key.content: attest keys sign TLS 1.3 handshakes only: not the content of a CertificateVerify"};
  TRY(std::uint16_t scheme, tls13_scheme(s.key->kind(), s.settings));
  return s.key->sign(scheme, content);
}

int finish(const Signing& s, View content, unsigned char* out, std::size_t* written, std::size_t room) {
  *written = s.key->signature_size();
  if (out == nullptr) return 1;
  auto signature = signature_over(s, content);
  if (!signature) return refuse(s, signature.error());
  if (signature->size() > room) return refuse(s, {Errc::denied, "internal: no room for the signature"});
  std::copy(signature->begin(), signature->end(), out);
  *written = signature->size();
  return 1;
}

int digest_sign_final(void* context, unsigned char* out, std::size_t* written, std::size_t room) {
  Signing& s = signing_of(context);
  if (!s.key) return refuse(s, {Errc::denied, "internal: no key to sign with"});
  return at_edge(s.errors, 0, [&] { return finish(s, s.content, out, written, room); });
}

int digest_sign(void* context, unsigned char* out, std::size_t* written, std::size_t room,
                const unsigned char* data, std::size_t size) {
  Signing& s = signing_of(context);
  if (!s.key) return refuse(s, {Errc::denied, "internal: no key to sign with"});
  return at_edge(s.errors, 0, [&] { return finish(s, {data, size}, out, written, room); });
}

}  // namespace

#define SIGNATURE_ROWS                                                        \
  ATTEST_ROW(OSSL_FUNC_SIGNATURE_NEWCTX, signing_new),                        \
      ATTEST_ROW(OSSL_FUNC_SIGNATURE_FREECTX, signing_free),                  \
      ATTEST_ROW(OSSL_FUNC_SIGNATURE_DUPCTX, signing_dup),                    \
      ATTEST_ROW(OSSL_FUNC_SIGNATURE_SIGN_INIT, sign_init),                   \
      ATTEST_ROW(OSSL_FUNC_SIGNATURE_SIGN, sign_digest),                      \
      ATTEST_ROW(OSSL_FUNC_SIGNATURE_DIGEST_SIGN_INIT, digest_sign_init),     \
      ATTEST_ROW(OSSL_FUNC_SIGNATURE_DIGEST_SIGN_UPDATE, digest_sign_update), \
      ATTEST_ROW(OSSL_FUNC_SIGNATURE_DIGEST_SIGN_FINAL, digest_sign_final),   \
      ATTEST_ROW(OSSL_FUNC_SIGNATURE_DIGEST_SIGN, digest_sign),               \
      ATTEST_ROW(OSSL_FUNC_SIGNATURE_SET_CTX_PARAMS, set_params),             \
      ATTEST_ROW(OSSL_FUNC_SIGNATURE_GET_CTX_PARAMS, get_params),             \
      ATTEST_ROW(OSSL_FUNC_SIGNATURE_GETTABLE_CTX_PARAMS, gettable)
const OSSL_DISPATCH kEcdsaSignature[] = {
    SIGNATURE_ROWS, ATTEST_ROW(OSSL_FUNC_SIGNATURE_SETTABLE_CTX_PARAMS, ecdsa_settable), ATTEST_LAST_ROW};
const OSSL_DISPATCH kRsaSignature[] = {
    SIGNATURE_ROWS, ATTEST_ROW(OSSL_FUNC_SIGNATURE_SETTABLE_CTX_PARAMS, rsa_settable), ATTEST_LAST_ROW};
#undef SIGNATURE_ROWS

}  // namespace attest
