#include "apps/attestctl/atls/channel.h"

#include <openssl/err.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "apps/attestctl/atls/non_blocking.h"
#include "cmcd-lite/http/connection.h"
#include "evidence/core/printable.h"

namespace attest::ctl {
namespace {

Error failed(const char* what) {
  const char* text = ERR_reason_error_string(ERR_peek_last_error());
  ERR_clear_error();
  return {Errc::io, std::string(what) + ": " + (text != nullptr ? text : "the connection ended")};
}

Status name_server(SSL* ssl, const std::string& name) {
  if (expect_name(ssl, name)) return ok();
  return Error{Errc::malformed, "\"" + printable(name) + "\" cannot be the server's name"};
}

}  // namespace

void part(int fd) {
  ::shutdown(fd, SHUT_WR);
  Bytes dropped(64 << 10);
  auto until = atls::Clock::now() + std::chrono::seconds(2);
  for (;;) {
    auto left = std::chrono::ceil<std::chrono::milliseconds>(until - atls::Clock::now()).count();
    pollfd one{fd, POLLIN, 0};
    if (left <= 0 || ::poll(&one, 1, static_cast<int>(left)) <= 0) return;
    if (::read(fd, dropped.data(), dropped.size()) <= 0) return;
  }
}

Result<std::size_t> PlainChannel::read(std::span<std::uint8_t> out) {
  if (guarded_ != nullptr) CHECK_OK(guarded_->attend(fd_.get()));
  for (;;) {
    ssize_t size = ::read(fd_.get(), out.data(), out.size());
    if (size >= 0) return static_cast<std::size_t>(size);
    if (errno != EINTR) return Error{Errc::io, std::string("read: ") + std::strerror(errno)};
  }
}

Status PlainChannel::write(View bytes) {
  while (!bytes.empty()) {
    ssize_t size = ::write(fd_.get(), bytes.data(), bytes.size());
    if (size < 0 && errno != EINTR) return Error{Errc::io, std::string("write: ") + std::strerror(errno)};
    if (size > 0) bytes = bytes.subspan(static_cast<std::size_t>(size));
  }
  return ok();
}

Status AttestedChannel::attest(const Endpoint& endpoint, atls::Outcome* outcome) {
  atls::Outcome local = atls::attest_connection(endpoint.options.settings, ssl_.get(), *endpoint.agent);
  std::optional<Error> failure = local.failure;
  if (!failure && endpoint.options.settings.reattest.count() > 0) {
    auto links = atls::Links::make(endpoint.options.settings, ssl_.get(), local, *endpoint.agent);
    if (links)
      links_.emplace(*std::move(links));
    else
      failure = local.failure = links.error();
  }
  if (outcome != nullptr) *outcome = std::move(local);
  if (failure) return *std::move(failure);
  return ok();
}

Result<std::unique_ptr<AttestedChannel>> AttestedChannel::dial(const Endpoint& endpoint, const http::Target& target,
                                                               atls::Outcome* outcome) {
  TRY(OwnedFd fd, connect_to(target, endpoint.options.settings.timeout));
  OwnedSsl ssl(SSL_new(endpoint.context.get()));
  if (!ssl || SSL_set_fd(ssl.get(), fd.get()) != 1) return failed("TLS");
  CHECK_OK(name_server(ssl.get(), endpoint.name.empty() ? target.host : endpoint.name));
  SSL_set_connect_state(ssl.get());
  std::unique_ptr<AttestedChannel> out(new AttestedChannel(std::move(fd), std::move(ssl)));
  CHECK_OK(out->attest(endpoint, outcome));
  return out;
}

Result<std::unique_ptr<AttestedChannel>> AttestedChannel::accept(const Endpoint& endpoint, OwnedFd fd,
                                                                 atls::Outcome* outcome) {
  OwnedSsl ssl(SSL_new(endpoint.context.get()));
  if (!ssl || SSL_set_fd(ssl.get(), fd.get()) != 1) return failed("TLS");
  SSL_set_accept_state(ssl.get());
  std::unique_ptr<AttestedChannel> out(new AttestedChannel(std::move(fd), std::move(ssl)));
  CHECK_OK(out->attest(endpoint, outcome));
  return out;
}

AttestedChannel::~AttestedChannel() {
  // Once: a second SSL_shutdown waits for the peer's close_notify.
  bool told = (SSL_get_shutdown(ssl_.get()) & SSL_SENT_SHUTDOWN) != 0;
  if (SSL_is_init_finished(ssl_.get()) == 1 && !told) SSL_shutdown(ssl_.get());
  ERR_clear_error();
}

bool AttestedChannel::over() {
  if (links_) return links_->over();
  NonBlocking fd(fd_.get());
  std::uint8_t byte = 0;
  std::size_t size = 0;
  ERR_clear_error();
  int result = SSL_peek_ex(ssl_.get(), &byte, 1, &size);
  bool alive = result != 1 && SSL_get_error(ssl_.get(), result) == SSL_ERROR_WANT_READ;
  ERR_clear_error();
  return !alive;
}

void AttestedChannel::part() {
  SSL_shutdown(ssl_.get());
  ERR_clear_error();
  SSL_set_quiet_shutdown(ssl_.get(), 1);
  ctl::part(fd_.get());
}

Status AttestedChannel::attend(int fd) {
  if (!links_) return ok();
  CHECK_OK(links_->wait({fd, -1}, atls::Links::Until::gone, atls::Clock::now() + std::chrono::minutes(5)));
  return ok();
}

Result<std::size_t> AttestedChannel::read(std::span<std::uint8_t> out) {
  if (links_) return links_->read(out);
  std::size_t size = 0;
  ERR_clear_error();
  int result = SSL_read_ex(ssl_.get(), out.data(), out.size(), &size);
  if (result == 1) return size;
  if (SSL_get_error(ssl_.get(), result) == SSL_ERROR_ZERO_RETURN) return std::size_t{0};
  return failed("hearing the peer");
}

Status AttestedChannel::write(View bytes) {
  if (links_) return links_->write(bytes);
  std::size_t sent = 0;
  ERR_clear_error();
  while (!bytes.empty()) {
    if (SSL_write_ex(ssl_.get(), bytes.data(), bytes.size(), &sent) != 1) return failed("sending to the peer");
    bytes = bytes.subspan(sent);
  }
  return ok();
}

}  // namespace attest::ctl
