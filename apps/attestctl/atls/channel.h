// channel.h: attested connections of attestctl, and streams of bytes over them or over plain sockets.
#pragma once
#include <atomic>
#include <thread>

#include "apps/attestctl/atls/endpoint.h"
#include "provider/libattest/links.h"

namespace attest::ctl {

// Channel is one stream of bytes. read gives 0 at its end.
class Channel {
 public:
  virtual ~Channel() = default;
  virtual Result<std::size_t> read(std::span<std::uint8_t> out) = 0;
  virtual Status write(View bytes) = 0;
};

class AttestedChannel;

class PlainChannel final : public Channel {
 public:
  explicit PlainChannel(OwnedFd fd) : fd_(std::move(fd)) {}
  Result<std::size_t> read(std::span<std::uint8_t> out) override;
  Status write(View bytes) override;
  int fd() const { return fd_.get(); }
  // guard: while this one is waited for, that one keeps the watch over its peer. Lent; nullptr: none.
  void guard(AttestedChannel* other) { guarded_ = other; }

 private:
  OwnedFd fd_;
  AttestedChannel* guarded_ = nullptr;
};

// AttestedChannel is a connection whose other end was accepted.
class AttestedChannel final : public Channel {
 public:
  // dial connects to target as a client, accept takes a connection as a server. On failure the outcome, if there is one,
  // is in *outcome all the same: a refused peer has a result too.
  static Result<std::unique_ptr<AttestedChannel>> dial(const Endpoint& endpoint, const http::Target& target,
                                                       atls::Outcome* outcome = nullptr);
  static Result<std::unique_ptr<AttestedChannel>> accept(const Endpoint& endpoint, OwnedFd fd,
                                                         atls::Outcome* outcome = nullptr);
  ~AttestedChannel() override;
  Result<std::size_t> read(std::span<std::uint8_t> out) override;
  Status write(View bytes) override;
  // attend keeps the watch until fd can be read, the peer is gone, or five minutes have passed.
  Status attend(int fd);
  // over: the peer has closed, has said that it has no more data, or says something while nothing is asked.
  bool over();
  // part ends our side and hears the other out for a moment: the channel can be used for nothing else after it.
  void part();
  SSL* ssl() { return ssl_.get(); }
  atls::Links* links() { return links_ ? &*links_ : nullptr; }

 private:
  AttestedChannel(OwnedFd fd, OwnedSsl ssl) : fd_(std::move(fd)), ssl_(std::move(ssl)) {}
  Status attest(const Endpoint& endpoint, atls::Outcome* outcome);
  OwnedFd fd_;
  OwnedSsl ssl_;
  std::optional<atls::Links> links_;
};

// part ends our side of a connection and hears the other side out for two seconds at most: closing while there is something
// that nobody read may take our last words from it.
void part(int fd);

// relay copies bytes both ways between a plain descriptor pair (in, out) and an attested connection until one side ends.
// Neither direction waits for the other, and the peer goes on proving itself. untrusted or stale where it fails to, io where
// the stream broke off.
Status relay(int in, int out, AttestedChannel& channel);
Status relay_plain(int in, int out, SSL* ssl);

// dropped: this is how a peer's failure to prove itself again is told, in contrast to broken connections.
inline bool dropped(const Error& error) { return error.code == Errc::untrusted || error.code == Errc::stale; }

// ListenOptions are those of an attested server.
struct ListenOptions {
  EndpointOptions endpoint;
  std::string address;
  std::size_t count = 0;
};
void add_listen_options(CLI::App& app, ListenOptions& options);

// listen_and_serve says where it listens and gives every connection a worker of its own, at most 256 at a time, for ever or
// `count` times. Further ones wait in the kernel's queue. A client that goes away early does not end the program.
Result<Exit> listen_and_serve(const std::string& address, std::size_t count, const std::function<void(OwnedFd)>& serve);

// welcome accepts one connection and tells what became of its peer; null for one that was refused. peer is what to call it.
std::unique_ptr<AttestedChannel> welcome(const Session& session, const Endpoint& endpoint, OwnedFd fd, std::string& peer);

// show_outcome prints what became of a peer: a line, or one JSON document a line.
void show_outcome(const Session& session, std::string_view peer, const atls::Outcome& outcome);

}  // namespace attest::ctl
