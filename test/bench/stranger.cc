#include "test/bench/stranger.h"

#include <openssl/rand.h>

#include <memory>

#include "evidence/core/file.h"
#include "evidence/native/epoch.h"
#include "evidence/native/known_key.h"
#include "evidence/native/request.h"

namespace attest {
namespace {

constexpr unsigned kContexts = SSL_EXT_TLS1_3_ONLY | SSL_EXT_CLIENT_HELLO |
                               SSL_EXT_TLS1_3_ENCRYPTED_EXTENSIONS | SSL_EXT_TLS1_3_CERTIFICATE;

int put_request(SSL*, unsigned, unsigned context, const unsigned char** out, std::size_t* size, X509*,
                std::size_t, int*, void* arg) {
  if (context != SSL_EXT_CLIENT_HELLO) return 0;
  const auto& stranger = *static_cast<const Stranger*>(arg);
  Request request;
  request.header.flags = RequestHeader::kRequires;
  if (RAND_bytes(request.header.nonce.data(), static_cast<int>(request.header.nonce.size())) != 1) return -1;
  request.max_age_s = stranger.max_age_s;
  if (stranger.max_age_s > 0) request.distributors = {key_hint(request.header.nonce, stranger.distributor)};
  auto encoded = encode_request(request);
  if (!encoded) return -1;
  auto bytes = std::make_unique<unsigned char[]>(encoded->size());
  std::copy(encoded->begin(), encoded->end(), bytes.get());
  *size = encoded->size();
  *out = bytes.release();
  return 1;
}

void free_request(SSL*, unsigned, unsigned, const unsigned char* out, void*) { delete[] out; }

int take_anything(SSL*, unsigned, unsigned, const unsigned char*, std::size_t, X509*, std::size_t, int*,
                  void*) {
  return 1;
}

}  // namespace

Result<Stranger> read_stranger(const char* pem_path, std::uint32_t max_age_s) {
  TRY(Bytes pem, read_file(pem_path, 1 << 16));
  TRY(Bytes spki, read_distributor_key(pem));
  return Stranger{sha256(View(spki)), max_age_s};
}

Status ask_as(const Stranger& stranger, SSL_CTX* ctx) {
  void* arg = const_cast<Stranger*>(&stranger);  // OpenSSL hands it back, and put_request only reads it
  bool added = SSL_CTX_add_custom_ext(ctx, kTlsExtension, kContexts, put_request, free_request, arg,
                                      take_anything, nullptr) == 1;
  if (!added) return Error{Errc::io, "OpenSSL takes no extension of ours"};
  return ok();
}

}  // namespace attest
