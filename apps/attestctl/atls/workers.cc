// workers.cc: many connections at once, and bytes copied both ways.
#include <openssl/err.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <condition_variable>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <mutex>

#include "apps/attestctl/atls/channel.h"
#include "apps/attestctl/atls/non_blocking.h"
#include "apps/attestctl/style.h"
#include "evidence/core/printable.h"

namespace attest::ctl {
namespace {

constexpr std::size_t kWorkers = 256;
constexpr std::size_t kBuffer = 64 << 10;
constexpr int kLinger = 60000;  // ms a peer may stay silent once our side has ended

// Places counts the workers that run.
class Places {
 public:
  void take() {
    std::unique_lock lock(mutex_);
    freed_.wait(lock, [&] { return running_ < kWorkers; });
    running_++;
  }
  void leave() {
    std::lock_guard lock(mutex_);
    running_--;
    freed_.notify_all();
  }
  void wait_for_all() {
    std::unique_lock lock(mutex_);
    freed_.wait(lock, [&] { return running_ == 0; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable freed_;
  std::size_t running_ = 0;
};

// Flow is one direction of a relay: what was read and not yet written.
struct Flow {
  Bytes buffer = Bytes(kBuffer);
  std::size_t begin = 0, end = 0;
  bool over = false;  // nothing more comes in
  bool room() const { return !over && begin == end; }
  bool waits() const { return begin < end; }
  std::span<std::uint8_t> space() { return buffer; }
  View data() const { return View(buffer).subspan(begin, end - begin); }
  void filled(std::size_t size) {
    begin = 0;
    end = size;
    over = size == 0;
  }
};

// Relay moves what it can without waiting, then waits for whichever side can go on.
class Relay {
 public:
  Relay(int in, int out, SSL* ssl) : in_(in), out_(out), ssl_(ssl) {}
  // run: io where the stream broke off: whoever gets half of it must not take it for the whole.
  Status run() {
    NonBlocking a(in_), b(out_), c(SSL_get_fd(ssl_));
    while (good_ && !finished(down_)) {
      bool moved = move_up();
      moved = move_down() || moved;
      if (good_ && !moved) wait();
    }
    if (good_) return ok();
    if (silent_ && down_.waits()) return Error{Errc::io, "what the peer said was not taken for 60 s"};
    return Error{Errc::io, silent_ ? "the peer said nothing for 60 s after our end of the stream" : "the stream broke off before its end"};
  }

 private:
  static bool finished(const Flow& flow) { return flow.over && !flow.waits(); }
  // move_up carries from the plain side to the peer.
  bool move_up() {
    bool moved = false;
    if (up_.room()) {
      ssize_t size = ::read(in_, up_.space().data(), up_.space().size());
      if (size >= 0) {
        up_.filled(static_cast<std::size_t>(size));
        moved = true;
      } else if (errno != EAGAIN && errno != EINTR) {
        good_ = false;
      }
    }
    if (up_.over && !told_) tell_end();
    std::size_t sent = 0;
    if (!up_.waits()) return moved;
    int result = SSL_write_ex(ssl_, up_.data().data(), up_.data().size(), &sent);
    up_.begin += sent;
    note(result, write_wants_);
    return moved || result == 1;
  }
  // tell_end: our end of the stream is over; the peer may go on. Again until the socket takes it.
  void tell_end() {
    ERR_clear_error();
    int result = SSL_shutdown(ssl_);
    told_ = result >= 0 || SSL_get_error(ssl_, result) != SSL_ERROR_WANT_WRITE;
  }
  bool move_down() {
    bool moved = false;
    if (down_.room()) {
      std::size_t size = 0;
      int result = SSL_read_ex(ssl_, down_.space().data(), down_.space().size(), &size);
      moved = result == 1;
      if (moved)
        down_.filled(size);
      else if (SSL_get_error(ssl_, result) == SSL_ERROR_ZERO_RETURN)
        down_.over = moved = true;
      else
        note(result, read_wants_);
    }
    if (!down_.waits()) return moved;
    ssize_t sent = ::write(out_, down_.data().data(), down_.data().size());
    if (sent < 0 && errno != EAGAIN && errno != EINTR) good_ = false;
    if (sent > 0) down_.begin += static_cast<std::size_t>(sent);
    return moved || sent > 0;
  }
  void note(int result, short& wants) {
    if (result == 1) return;
    int error = SSL_get_error(ssl_, result);
    if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE) good_ = false;
    wants = error == SSL_ERROR_WANT_WRITE ? POLLOUT : POLLIN;
  }
  void wait() {
    short peer = 0;
    if (up_.waits()) peer = static_cast<short>(peer | write_wants_);
    if (up_.over && !told_) peer = static_cast<short>(peer | POLLOUT);
    if (down_.room()) peer = static_cast<short>(peer | read_wants_);
    pollfd all[] = {{up_.room() ? in_ : -1, POLLIN, 0}, {down_.waits() ? out_ : -1, POLLOUT, 0}, {SSL_get_fd(ssl_), peer, 0}};
    int ready = ::poll(all, 3, up_.over ? kLinger : -1);
    silent_ = ready == 0;
    if (silent_ || (ready < 0 && errno != EINTR)) good_ = false;
  }

  int in_, out_;
  SSL* ssl_;
  Flow up_, down_;
  short read_wants_ = POLLIN, write_wants_ = POLLOUT;
  bool good_ = true, silent_ = false, told_ = false;
};

// serve_connections returns when `count` connections were served, or with the error that ended it.
Status serve_connections(int listener, std::size_t count, const std::function<void(OwnedFd)>& serve) {
  auto places = std::make_shared<Places>();
  for (std::size_t served = 0; count == 0 || served < count;) {
    places->take();
    OwnedFd fd(::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC));
    if (!fd) {
      int error = errno;
      places->leave();
      if (error == EMFILE || error == ENFILE) ::poll(nullptr, 0, 100);  // until a worker has ended: wait, do not spin
      if (error == EINTR || error == ECONNABORTED || error == EMFILE || error == ENFILE) continue;
      places->wait_for_all();
      return Error{Errc::io, std::string("accept: ") + std::strerror(error)};
    }
    served++;
    send_now(fd.get());
    std::thread([places, serve, held = std::make_shared<OwnedFd>(std::move(fd))] {
      serve(std::move(*held));
      places->leave();
    }).detach();
  }
  places->wait_for_all();
  return ok();
}

}  // namespace

Status relay_plain(int in, int out, SSL* ssl) {
  SSL_set_mode(ssl, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  Status done = Relay(in, out, ssl).run();
  ERR_clear_error();
  return done;
}

Result<Exit> listen_and_serve(const std::string& address, std::size_t count, const std::function<void(OwnedFd)>& serve) {
  ::signal(SIGPIPE, SIG_IGN);
  TRY(OwnedFd listener, listen_tcp(address));
  std::printf("listening on %s\n", listening_at(listener.get()).c_str());
  std::fflush(stdout);
  CHECK_OK(serve_connections(listener.get(), count, serve));
  return Exit::accepted;
}

void add_listen_options(CLI::App& app, ListenOptions& options) {
  app.add_option("address", options.address, "HOST:PORT; port 0 takes a free one")->required();
  app.add_option("--count", options.count, "end after so many connections (0: never)");
  app.add_flag("--mtls", options.endpoint.mtls, "clients must show a certificate of --ca");
}

std::unique_ptr<AttestedChannel> welcome(const Session& session, const Endpoint& endpoint, OwnedFd fd, std::string& peer) {
  peer = peer_text(fd.get());
  atls::Outcome outcome;
  auto channel = AttestedChannel::accept(endpoint, std::move(fd), &outcome);
  if (!channel && !outcome.failure) outcome.failure = channel.error();
  show_outcome(session, peer, outcome);
  return channel ? *std::move(channel) : nullptr;
}

void show_outcome(const Session& session, std::string_view peer, const atls::Outcome& outcome) {
  std::string line;
  if (session.json) {
    Json document = {{"accepted", !outcome.failure}, {"peer", std::string(peer)}};
    if (outcome.failure) document["error"] = {{"code", errc_name(outcome.failure->code)}, {"text", outcome.failure->what}};
    if (outcome.judged) document["result"] = Json::parse(as_text(outcome.judgement.result), nullptr, false);
    line = document.dump(-1, ' ', false, Json::error_handler_t::replace);
  } else if (outcome.failure) {
    line = "refused   " + printable(peer) + "   " + printable(outcome.failure->what, 500);
  } else {
    line = "accepted  " + printable(peer) + "   " + (outcome.judged ? "proved itself" : "nothing proved") +
           (outcome.judgement.warned ? ", with a warning" : "");
  }
  std::fprintf(session.json ? stdout : stderr, "%s\n", line.c_str());
  std::fflush(stdout);
}

}  // namespace attest::ctl
