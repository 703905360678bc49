#include "cmcd-lite/server/sockets/session.h"

#include <asio/dispatch.hpp>
#include <asio/write.hpp>

#include "cmcd-lite/server/process/named_error.h"
#include "cmcd-lite/server/sockets/send_at_once.h"

namespace attest {
namespace {

Bytes frame_of(std::uint32_t type, Result<Bytes> payload) {
  if (!payload) return error_frame(payload.error());
  auto frame = encode_frame(type, *payload);
  return frame ? std::move(*frame) : error_frame(frame.error());
}

}  // namespace

std::optional<std::size_t> max_payload(std::uint32_t type) {
  constexpr std::size_t kInputs = 2 * kMaxShare + kMaxLeaf + RequestHeader::kMaxRequest + kMaxKeyFile + 1024;
  switch (static_cast<FrameType>(type)) {
    case FrameType::begin:
      return 1024;
    case FrameType::attest:
      return kInputs;
    case FrameType::judge:
      return kMaxEvidenceFrame + kInputs;
    case FrameType::sign:
      return 1024 + kMaxKeyFile;
    case FrameType::key:
      return 512;
    case FrameType::machine_cert:
      return 16;
    case FrameType::control:
      return std::size_t{2} << 20;
    default:
      return std::nullopt;
  }
}

// Pending sends what the socket takes at once, so that the caller does not wait for the loop to wake, and gives
// the rest and its hold on the session to the loop: a session always dies on the loop's thread.
struct Reply::Pending {
  std::shared_ptr<Session> session;
  std::uint32_t type = 0;
  std::atomic<bool> sent = false;
  void send(Result<Bytes> payload) {
    if (sent.exchange(true)) return;
    Bytes frame = frame_of(type, std::move(payload));
    std::size_t done = send_at_once(session->socket_, session->descriptor_, frame);
    auto executor = session->socket_.get_executor();
    asio::dispatch(executor, [to = std::move(session), frame = std::move(frame), done]() mutable {
      to->answer(std::move(frame), done);
    });
  }
  ~Pending() { send(Error{Errc::io, "daemon.internal: the call ended without an answer"}); }
};

Reply::Reply(std::shared_ptr<Session> session, std::uint32_t type)
    : pending_(std::make_shared<Pending>(std::move(session), type)) {}
void Reply::send(Result<Bytes> payload) const { pending_->send(std::move(payload)); }

Session::Session(Socket socket, Setup setup, Quota& quota, const CallHandler& handler)
    : socket_(std::move(socket)),
      timer_(socket_.get_executor()),
      setup_(std::move(setup)),
      handler_(handler),
      nonces_(setup_.limits.nonces, setup_.limits.nonce_ms),
      intake_(quota, setup_.peer.uid) {}

void Session::arm(std::chrono::seconds term) {
  timer_.expires_after(term);
  timer_.async_wait([weak = weak_from_this()](const Code& code) {
    auto self = weak.lock();
    if (code || !self || self->timer_.expiry() > std::chrono::steady_clock::now()) return;
    self->close();
  });
}

void Session::read_header() {
  if (have_ >= kFrameHeader) return parse_header();
  if (have_ == 0) arm(setup_.refuse ? setup_.limits.read : setup_.limits.idle);
  socket_.async_read_some(asio::buffer(in_.data() + have_, in_.size() - have_),
                          [self = shared_from_this()](const Code& code, std::size_t n) {
                            if (code) return self->close();
                            self->on_header(n);
                          });
}

void Session::on_header(std::size_t n) {
  if (have_ == 0) arm(setup_.limits.read);  // once a frame: bytes that trickle do not buy time
  have_ += n;
  read_header();
}

void Session::parse_header() {
  auto header = parse_frame_header(View(in_).first(kFrameHeader));
  if (!header) return refuse(header.error());
  header_ = *header;
  if (setup_.refuse) return refuse(*setup_.refuse);
  auto bound = max_payload(header_.type);
  if (!bound)
    return refuse({Errc::unsupported,
                   "daemon.protocol: frame type " + std::to_string(header_.type) + " is not served here"});
  if (header_.length > *bound)
    return refuse({Errc::denied, "daemon.protocol: payload of " + std::to_string(header_.length) +
                                     " bytes, at most " + std::to_string(*bound) + " are allowed"});
  std::size_t here = std::min<std::size_t>(have_ - kFrameHeader, header_.length);
  intake_.expect(header_.length, View(in_).subspan(kFrameHeader, here));
  std::size_t used = kFrameHeader + here;
  std::copy(in_.begin() + static_cast<std::ptrdiff_t>(used), in_.begin() + static_cast<std::ptrdiff_t>(have_),
            in_.begin());
  have_ -= used;
  read_payload();
}

void Session::read_payload() {
  if (intake_.complete()) return serve();
  auto room = intake_.room();
  if (!room) return refuse(room.error());
  socket_.async_read_some(asio::buffer(room->data(), room->size()),
                          [self = shared_from_this()](const Code& code, std::size_t n) {
                            if (code) return self->close();
                            self->intake_.arrived(n);
                            self->read_payload();
                          });
}

void Session::serve() {
  timer_.cancel();
  Call call{static_cast<FrameType>(header_.type), intake_.take(), setup_.peer, setup_.socket_path,
            nonces_};
  handler_(std::move(call), Reply(shared_from_this(), header_.type));
}

void Session::answer(Bytes frame, std::size_t sent) {
  intake_.release();
  if (!socket_.is_open() || frame.empty()) return close();
  out_ = std::move(frame);
  finish_write(sent);
}

void Session::finish_write(std::size_t sent) {
  if (sent < out_.size()) {
    arm(setup_.limits.write);
    asio::async_write(socket_, asio::buffer(out_.data() + sent, out_.size() - sent),
                      [self = shared_from_this()](const Code& code, std::size_t) {
                        if (code) return self->close();
                        self->finish_write(self->out_.size());
                      });
    return;
  }
  out_ = Bytes();
  if (last_) return close();
  read_header();
}

void Session::refuse(const Error& error) {
  last_ = true;
  Bytes frame = error_frame(error);
  std::size_t sent = send_at_once(socket_, descriptor_, frame);
  answer(std::move(frame), sent);
}

void Session::close() {
  Code ignored;
  timer_.cancel();
  std::lock_guard lock(descriptor_);
  socket_.close(ignored);
}

}  // namespace attest
