// connection.h: a connection to a web server, TCP or TLS over it, that ends at a deadline.
#pragma once
#include <openssl/ssl.h>

#include "cmcd-lite/client/tcp.h"
#include "evidence/core/owned.h"
#include "evidence/http/message.h"

namespace attest {

// expect_name has the peer's certificate checked for a name or a numeric address; false if it can be neither.
bool expect_name(SSL* ssl, const std::string& host);

}  // namespace attest

namespace attest::http {

// Connection writes and reads through memory between TLS and the socket, so that no signal of a closed pipe ends the program
// and every step keeps the deadline.
class Connection {
 public:
  // open connects, and shakes hands where tls is given; every step ends at `until`.
  static Result<Connection> open(const Url& url, SSL_CTX* tls, Deadline until);
  Status write(std::string_view text);
  // read appends to out; false at the end of the stream. A TLS stream that is cut without a goodbye is an error.
  Result<bool> read(std::string& out);

 private:
  Connection(OwnedFd fd, std::string name, Deadline until) : fd_(std::move(fd)), name_(std::move(name)), until_(until) {}
  Status start_tls(const Url& url, SSL_CTX* tls);
  Status send_all(View bytes);
  Result<std::size_t> receive(std::span<std::uint8_t> out);
  // step goes on after an SSL function returned `code`: it moves what waits between engine and socket.
  Status step(int code);
  Status flush();
  Error failed(const std::string& what) const { return {Errc::io, name_ + ": " + what}; }
  Error failed(int error) const;
  OwnedFd fd_;
  std::string name_;
  Deadline until_;
  Owned<SSL, SSL_free> ssl_;
};

}  // namespace attest::http
