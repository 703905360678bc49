// channel.h: a connection with a deadline, TCP or TLS over it. Private to apps/attestctl/http.
#pragma once
#include <openssl/ssl.h>

#include <chrono>

#include "evidence/core/fd.h"
#include "evidence/core/owned.h"
#include "evidence/http/message.h"

namespace attest::ctl {

using OwnedSsl = Owned<SSL, SSL_free>;
using Clock = std::chrono::steady_clock;

class Channel {
 public:
  // open connects, and shakes hands where tls is given; every step ends at `until`.
  static Result<Channel> open(const http::Url& url, SSL_CTX* tls, Clock::time_point until);
  Status write(std::string_view text);
  // read appends to out; false at the end of the stream. A TLS stream that is cut without a goodbye is an error.
  Result<bool> read(std::string& out);

 private:
  Channel(OwnedFd fd, std::string name, Clock::time_point until) : fd_(std::move(fd)), name_(std::move(name)), until_(until) {}
  Status start_tls(const http::Url& url, SSL_CTX* tls);
  Status wait(short events);
  Status send_all(View bytes);
  Result<std::size_t> receive(std::span<std::uint8_t> out);
  // step goes on after an SSL function returned `code`: it moves what waits between engine and socket.
  Status step(int code);
  Status flush();
  Error failed(const std::string& what) const { return {Errc::io, name_ + ": " + what}; }
  OwnedFd fd_;
  std::string name_;
  Clock::time_point until_;
  OwnedSsl ssl_;
};

}  // namespace attest::ctl
