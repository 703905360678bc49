#include "cmcd-lite/server/cmc/api/session.h"

#include <asio/dispatch.hpp>
#include <asio/read.hpp>
#include <asio/write.hpp>

#include "cmcd-lite/server/sockets/send_at_once.h"

namespace attest {
namespace {

Bytes frame_of(cmc::Call call, View payload) {
  Writer out;
  out.u32be(static_cast<std::uint32_t>(payload.size()));
  out.u32be(static_cast<std::uint32_t>(call));
  out.put(payload);
  auto frame = std::move(out).finish("cmc answer");
  return frame ? *std::move(frame) : Bytes();
}

Bytes answer_frame(const Result<cmc::ApiResponse>& response, cmc::Encoding encoding) {
  cmc::ApiResponse refusal;
  if (!response) refusal.msg = response.error().what;
  const cmc::ApiResponse& sent = response ? *response : refusal;
  return frame_of(sent.call, cmc::encode_response(sent, encoding));
}

}  // namespace

std::size_t max_cmc_payload(cmc::Call call) {
  switch (call) {
    case cmc::Call::verify:
      return std::size_t{96} << 20;  // a report of 64 MiB in JSON; the quota bounds what one caller can hold
    case cmc::Call::attest:
      return 256 << 10;
    case cmc::Call::measure:
      return 4 << 20;
    default:
      return 64 << 10;
  }
}

// Pending sends what the socket takes at once, so that the caller does not wait for the loop to wake, and gives the rest and
// its hold on the session to the loop: a session always dies on the loop's thread.
struct CmcReply::Pending {
  std::shared_ptr<CmcSession> session;
  cmc::Encoding encoding;
  std::atomic<bool> sent = false;
  void send(const Result<cmc::ApiResponse>& response) {
    if (sent.exchange(true)) return;
    Bytes frame = answer_frame(response, encoding);
    std::size_t done = send_at_once(session->socket_, session->descriptor_, frame);
    auto executor = session->socket_.get_executor();
    asio::dispatch(executor, [to = std::move(session), frame = std::move(frame), done]() mutable { to->answer(std::move(frame), done); });
  }
  ~Pending() { send(Error{Errc::io, "daemon.internal: the call ended without an answer"}); }
};

CmcReply::CmcReply(std::shared_ptr<CmcSession> session, cmc::Encoding encoding)
    : pending_(std::make_shared<Pending>(std::move(session), encoding)) {}
void CmcReply::send(Result<cmc::ApiResponse> response) const { pending_->send(response); }

CmcSession::CmcSession(Socket socket, Setup setup, Quota& quota, const CmcHandler& handler)
    : socket_(std::move(socket)), timer_(socket_.get_executor()), setup_(std::move(setup)), handler_(handler), intake_(quota, setup_.source()) {}

void CmcSession::arm(std::chrono::seconds term) {
  timer_.expires_after(term);
  timer_.async_wait([weak = weak_from_this()](const Code& code) {
    auto self = weak.lock();
    if (code || !self || self->timer_.expiry() > std::chrono::steady_clock::now()) return;
    self->close();
  });
}

// start: one deadline for header and payload together, so that bytes that trickle do not buy time.
void CmcSession::start() {
  arm(setup_.limits.read);
  asio::async_read(socket_, asio::buffer(head_), [self = shared_from_this()](const Code& code, std::size_t) {
    if (code) return self->close();
    self->on_header();
  });
}

void CmcSession::on_header() {
  auto header = parse_frame_header(head_, UINT32_MAX);
  if (!header) return close();
  auto call = cmc::call_of(header->type);
  std::size_t bound = call ? max_cmc_payload(*call) : 64 << 10;
  if (header->length > bound)
    return refuse({Errc::denied, "payload of " + std::to_string(header->length) + " bytes, at most " +
                                     std::to_string(bound) + " are allowed"});
  if (header->length == 0) return refuse({Errc::malformed, "the payload is empty"});
  if (!call && header->type > 0xffff)
    return refuse({Errc::denied, "Invalid Type: " + std::to_string(header->type) + ": handshake frames have a socket of their own"});
  call_ = call.value_or(cmc::Call::error);
  intake_.expect(header->length);
  read_payload();
}

void CmcSession::read_payload() {
  if (intake_.complete()) return serve();
  auto room = intake_.room();
  if (!room) return refuse(room.error());
  socket_.async_read_some(asio::buffer(room->data(), room->size()), [self = shared_from_this()](const Code& code, std::size_t n) {
    if (code) return self->close();
    self->intake_.arrived(n);
    self->read_payload();
  });
}

void CmcSession::serve() {
  timer_.cancel();
  auto encoding = cmc::encoding_of(intake_.view());
  if (!encoding) return refuse({Errc::malformed, "the payload is " + encoding.error().what});
  if (setup_.refuse) return refuse(*setup_.refuse, *encoding);  // once all is read: what is unread ends a connection hard
  if (call_ == cmc::Call::error) {
    Reader type(View(head_).subspan(4));
    return refuse({Errc::unsupported, "Invalid Type: " + std::to_string(type.u32be())}, *encoding);
  }
  CmcCall call{call_, *encoding, intake_.take(), setup_.peer, setup_.where};
  handler_(std::move(call), CmcReply(shared_from_this(), *encoding));
}

void CmcSession::refuse(const Error& error, cmc::Encoding encoding) { answer(answer_frame(error, encoding), 0); }

void CmcSession::answer(Bytes frame, std::size_t sent) {
  intake_.release();
  if (!socket_.is_open() || sent == frame.size()) return close();
  out_ = std::move(frame);
  arm(setup_.limits.write);
  asio::async_write(socket_, asio::buffer(out_) + sent, [self = shared_from_this()](const Code&, std::size_t) { self->close(); });
}

void CmcSession::close() {
  Code ignored;
  timer_.cancel();
  std::lock_guard lock(descriptor_);
  socket_.shutdown(asio::socket_base::shutdown_both, ignored);
  socket_.close(ignored);
}

}  // namespace attest
