// endpoint.h: what dial, listen, request, serve and proxy share: options, TLS contexts, sockets.
#pragma once
#include <openssl/ssl.h>

#include "apps/attestctl/session.h"
#include "evidence/core/fd.h"
#include "evidence/core/owned.h"
#include "evidence/http/head.h"
#include "provider/libattest/options.h"

namespace attest::ctl {

using OwnedLibctx = Owned<OSSL_LIB_CTX, OSSL_LIB_CTX_free>;
using OwnedSslCtx = Owned<SSL_CTX, SSL_CTX_free>;
using OwnedSsl = Owned<SSL, SSL_free>;

struct EndpointOptions {
  std::string mode = "mutual", serializer = "cbor", agent = "/run/attest/cmc.sock", policies;
  std::string timeout_ms = "10000", reattest = "0";
  std::string cert, key, ca, name;
  bool mtls = false;
};
// add_endpoint_options: a client verifies the server's certificate and name, a server the client's where there is one.
void add_endpoint_options(CLI::App& app, EndpointOptions& options);

// Endpoint is one role with everything its connections need. Shared by threads once made.
struct Endpoint {
  atls::Options options;
  std::shared_ptr<atls::Agent> agent;
  OwnedLibctx libctx;  // holds the module where the key is one of the daemon's; else empty
  OwnedSslCtx context;
  std::string name;    // client: who the server must be; empty: the host that was dialled
};
// make_endpoint: malformed for bad options, io for files that cannot be read, denied for a client without --ca.
Result<Endpoint> make_endpoint(const Session& session, const EndpointOptions& options, bool server);

// connect_to tries every address of the host within timeout.
Result<OwnedFd> connect_to(const http::Target& target, std::chrono::milliseconds timeout);
// bound_silence ends blocking reads and writes after five minutes without a byte, for workers that strangers could hold, and
// has the kernel notice peers that are gone from a tunnel, which may be idle.
void bound_silence(int fd);
// listen_tcp binds HOST:PORT; port 0 takes a free one. listening_at names where it listens.
Result<OwnedFd> listen_tcp(const std::string& address);
std::string listening_at(int fd);
// peer_text is who is at the other end, HOST:PORT; "?" once nobody is.
std::string peer_text(int fd);
// send_now has small writes leave at once.
void send_now(int fd);

}  // namespace attest::ctl
