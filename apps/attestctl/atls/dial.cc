// attestctl dial and listen: attested TLS with one peer, and an echo server.
#include <sys/socket.h>
#include <sys/time.h>

#include <csignal>
#include <cstdio>

#include "apps/attestctl/atls/channel.h"
#include "apps/attestctl/commands.h"
#include "evidence/core/printable.h"

namespace attest::ctl {
namespace {

struct DialOptions {
  EndpointOptions endpoint;
  std::string address, message = "hello";
  bool stream = false;
  unsigned hold = 0;
};

void print(View bytes) {
  std::fwrite(bytes.data(), 1, bytes.size(), stdout);
  std::fflush(stdout);
}

// say sends one line and prints the peer's line. A peer that ends its answer otherwise than with a line feed is heard
// until it falls silent.
Status say(Channel& channel, const std::string& message) {
  CHECK_OK(channel.write(as_view(message + "\n")));
  Bytes buffer(4096);
  for (bool any = false;; any = true) {
    auto size = channel.read(buffer);
    if (!size && any) return ok();
    if (!size) return size.error();
    View heard = View(buffer).first(*size);
    print(heard);
    if (heard.empty() || heard.back() == '\n') return ok();
  }
}

// be_patient_for bounds how long an answer is waited for.
void be_patient_for(int fd, std::chrono::milliseconds time) {
  timeval limit{static_cast<time_t>(time.count() / 1000), static_cast<suseconds_t>(time.count() % 1000 * 1000)};
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
}

// hold keeps the connection and says the line every second, so that re-attestation can be seen at work.
Status hold(Channel& channel, const std::string& message, unsigned seconds) {
  for (unsigned i = 0; i < seconds; i++) {
    std::this_thread::sleep_for(std::chrono::seconds(1));
    CHECK_OK(say(channel, message));
  }
  return ok();
}

Status converse(AttestedChannel& channel, const Endpoint& endpoint, const DialOptions& options) {
  if (options.stream) return relay(0, 1, channel);
  be_patient_for(SSL_get_fd(channel.ssl()), endpoint.options.settings.timeout);
  CHECK_OK(say(channel, options.message));
  return hold(channel, options.message, options.hold);
}

Result<Exit> dial(const Session& session, const DialOptions& options) {
  ::signal(SIGPIPE, SIG_IGN);
  TRY(http::Target target, http::parse_authority(options.address, ""));
  TRY(Endpoint endpoint, make_endpoint(session, options.endpoint, false));
  atls::Outcome outcome;
  auto channel = AttestedChannel::dial(endpoint, target, &outcome);
  if (!channel && !outcome.failure) return channel.error();
  show_outcome(session, options.address, outcome);
  if (!channel) return outcome.failure->code == Errc::io ? Exit::cannot_tell : Exit::refused;
  Status held = converse(**channel, endpoint, options);
  if (!held && dropped(held.error())) {
    std::fprintf(stderr, "dropped   %s   %s\n", options.address.c_str(), held.error().what.c_str());
    return Exit::refused;
  }
  CHECK_OK(held);
  return settle(session, outcome.judgement.warned);
}

// echo gives back what comes until the peer is done.
void echo(const Session& session, const Endpoint& endpoint, OwnedFd fd) {
  std::string peer;
  auto channel = welcome(session, endpoint, std::move(fd), peer);
  if (!channel) return;
  for (Bytes buffer(16384);;) {
    auto size = channel->read(buffer);
    Status sent = size ? channel->write(View(buffer).first(*size)) : Status(size.error());
    if (!sent) std::fprintf(stderr, "dropped   %s   %s\n", peer.c_str(), sent.error().what.c_str());
    if (!sent || *size == 0) return;
  }
}

Result<Exit> listen(const Session& session, const ListenOptions& options) {
  TRY(Endpoint endpoint, make_endpoint(session, options.endpoint, true));
  return listen_and_serve(options.address, options.count, [&](OwnedFd fd) { echo(session, endpoint, std::move(fd)); });
}

}  // namespace

void add_dial(CLI::App& app_, Session& session) {
  auto options = std::make_shared<DialOptions>();
  CLI::App* app = command(app_, session, "dial", "attested TLS with a server: say a line and print the answer",
                          [options](Session& s) { return dial(s, *options); });
  app->add_option("address", options->address, "HOST:PORT")->required();
  app->add_option("--message", options->message, "the line to say")->capture_default_str();
  app->add_flag("--stream", options->stream, "copy stdin to the peer and what it says to stdout");
  app->add_option("--hold", options->hold, "keep the connection so many seconds, saying the line every second");
  app->add_option("--name", options->endpoint.name, "name in the server's certificate (default: the host)");
  add_endpoint_options(*app, options->endpoint);
  app->get_option("--ca")->required();
}

void add_listen(CLI::App& app_, Session& session) {
  auto options = std::make_shared<ListenOptions>();
  CLI::App* app = command(app_, session, "listen", "attested TLS server that echoes",
                          [options](Session& s) { return listen(s, *options); });
  add_listen_options(*app, *options);
  add_endpoint_options(*app, options->endpoint);
  app->get_option("--cert")->required();
}

}  // namespace attest::ctl
