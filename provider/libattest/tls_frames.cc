#include "provider/libattest/tls_frames.h"

#include <fcntl.h>
#include <openssl/err.h>
#include <poll.h>

#include <cerrno>
#include <cstring>

#include "evidence/core/printable.h"
#include "provider/libattest/no_pipe_signal.h"

namespace attest::atls {
namespace {

constexpr std::size_t kStep = 1 << 16;
constexpr std::uint32_t kMaxLastWords = 1 << 16;
constexpr std::chrono::seconds kLastWords{2};

std::string queue_reason() {
  unsigned long code = ERR_peek_last_error();
  const char* reason = code != 0 ? ERR_reason_error_string(code) : nullptr;
  ERR_clear_error();
  return reason != nullptr ? printable(reason, 200) : "no reason given";
}

}  // namespace

TlsFrames::TlsFrames(SSL* ssl, Clock::time_point deadline, std::uint32_t max_frame)
    : ssl_(ssl), deadline_(deadline), max_frame_(max_frame) {
  int fd = SSL_get_fd(ssl);
  flags_ = fd >= 0 ? ::fcntl(fd, F_GETFL) : -1;
  if (flags_ >= 0 && (flags_ & O_NONBLOCK) == 0) ::fcntl(fd, F_SETFL, flags_ | O_NONBLOCK);
}

TlsFrames::~TlsFrames() {
  if (flags_ >= 0 && (flags_ & O_NONBLOCK) == 0) ::fcntl(SSL_get_fd(ssl_), F_SETFL, flags_);
}

Status TlsFrames::wait_for(int ssl_result, const char* what) {
  int error = SSL_get_error(ssl_, ssl_result);
  if (error == SSL_ERROR_ZERO_RETURN) return Error{Errc::io, std::string(what) + ": the peer closed the connection"};
  if (error == SSL_ERROR_SYSCALL)
    return Error{Errc::io, std::string(what) + ": " + (errno != 0 ? std::strerror(errno) : "the connection ended")};
  if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE)
    return Error{Errc::io, std::string(what) + ": " + queue_reason()};
  TRY(bool ready, poll_for(error == SSL_ERROR_WANT_READ, deadline_, what));
  if (ready) return ok();
  return Error{Errc::io, std::string(what) + ": out of time"};
}

Result<bool> TlsFrames::poll_for(bool reading, Clock::time_point until, const char* what) {
  constexpr std::int64_t kMinute = 60000;
  pollfd poll{SSL_get_fd(ssl_), static_cast<short>(reading ? POLLIN : POLLOUT), 0};
  if (poll.fd < 0) return Error{Errc::io, std::string(what) + ": the connection has no socket to wait for"};
  for (;;) {
    std::int64_t left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now()).count();
    int ready = ::poll(&poll, 1, static_cast<int>(std::clamp<std::int64_t>(left, 0, kMinute)));
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR) return Error{Errc::io, std::string(what) + ": " + std::strerror(errno)};
    if (left <= 0) return false;
  }
}

Result<TlsFrames::Wait> TlsFrames::wait_data(Clock::time_point until) {
  NoPipeSignal quiet;  // what cannot be read is answered with an alert
  for (;;) {
    std::uint8_t byte = 0;
    std::size_t size = 0;
    ERR_clear_error();
    int result = SSL_peek_ex(ssl_, &byte, 1, &size);
    if (result == 1) return Wait::data;
    int error = SSL_get_error(ssl_, result);
    if (error == SSL_ERROR_ZERO_RETURN) return Wait::closed;
    if (error != SSL_ERROR_WANT_READ) return Error{Errc::io, "hearing the peer: " + queue_reason()};
    TRY(bool ready, poll_for(true, until, "hearing the peer"));
    if (!ready) return Wait::timeout;
  }
}

Status TlsFrames::handshake() {
  NoPipeSignal quiet;
  for (;;) {
    ERR_clear_error();
    int result = SSL_do_handshake(ssl_);
    if (result == 1) return ok();
    Status waited = wait_for(result, "TLS handshake");
    long verdict = SSL_get_verify_result(ssl_);
    if (waited) continue;
    if (verdict == X509_V_OK) return waited;
    return Error{waited.error().code, waited.error().what + " (" + X509_verify_cert_error_string(verdict) + ")"};
  }
}

Status TlsFrames::send(View payload) {
  TRY(Bytes frame, cmc::atls_frame(payload));
  NoPipeSignal quiet;
  for (std::size_t sent = 0; sent < frame.size();) {
    std::size_t step = 0;
    ERR_clear_error();
    int result = SSL_write_ex(ssl_, frame.data() + sent, frame.size() - sent, &step);
    if (result == 1)
      sent += step;
    else
      CHECK_OK(wait_for(result, "sending to the peer"));
  }
  return ok();
}

Status TlsFrames::fill(std::span<std::uint8_t> out) {
  NoPipeSignal quiet;
  while (!out.empty()) {
    std::size_t step = 0;
    ERR_clear_error();
    int result = SSL_read_ex(ssl_, out.data(), out.size(), &step);
    if (result == 1)
      out = out.subspan(step);
    else
      CHECK_OK(wait_for(result, "hearing the peer"));
  }
  return ok();
}

Result<Bytes> TlsFrames::receive() {
  std::array<std::uint8_t, cmc::kAtlsHeader> head{};
  CHECK_OK(fill(head));
  TRY(std::uint32_t length, cmc::parse_atls_header(head, max_frame_));
  if (last_words_ && length > unheard_) return Error{Errc::denied, "the peer goes on for too long"};
  if (last_words_) unheard_ -= length;
  std::size_t kept = last_words_ ? std::min(length, kMaxLastWords) : length;
  Bytes payload;
  while (payload.size() < kept) {  // grow with what arrives, not with what is claimed
    std::size_t step = std::min(kept - payload.size(), kStep);
    payload.resize(payload.size() + step);
    CHECK_OK(fill(std::span(payload).last(step)));
  }
  std::array<std::uint8_t, 4096> passed;
  for (std::size_t left = length - kept; left > 0;) {
    std::size_t step = std::min(left, passed.size());
    CHECK_OK(fill(std::span(passed).first(step)));
    left -= step;
  }
  return payload;
}

Status TlsFrames::in_time() {
  if (Clock::now() < deadline_) return ok();
  return Error{Errc::io, "the exchange is out of time: the agent took it"};
}

void TlsFrames::give_up() {
  deadline_ = std::max(deadline_, Clock::now() + kLastWords);
  last_words_ = true;
  unheard_ = max_frame_;
}

}  // namespace attest::atls
