// stranger.h: a client that asks for evidence and judges none of it, so that what is measured is the server's
// work.
#pragma once
#include <openssl/ssl.h>

#include "evidence/core/hash.h"
#include "evidence/core/result.h"

namespace attest {

// Stranger is what such a client says in its request; it outlives the context it is used with.
struct Stranger {
  Digest distributor;           // SHA-256 of the public key of the distributor whose Epoch IDs it believes
  std::uint32_t max_age_s = 0;  // 0: only evidence over this very handshake
};

// read_stranger reads the distributor's public key (PEM).
Result<Stranger> read_stranger(const char* pem_path, std::uint32_t max_age_s);
// ask_as adds the request to every ClientHello of a context. io if OpenSSL refuses.
Status ask_as(const Stranger& stranger, SSL_CTX* ctx);

}  // namespace attest
