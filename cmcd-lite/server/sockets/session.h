// session.h: one connection of a local caller.
#pragma once
#include <asio/generic/stream_protocol.hpp>
#include <asio/io_context.hpp>
#include <asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <mutex>

#include "cmcd-lite/server/access/peer.h"
#include "cmcd-lite/server/freshness/nonces.h"
#include "cmcd-lite/server/sockets/intake.h"

namespace attest {

class Session;

// Reply answers one call, from any thread. An unanswered call is answered with an error when its last Reply
// dies, so that no path leaves a caller waiting.
class Reply {
 public:
  Reply(std::shared_ptr<Session> session, std::uint32_t type);
  // send answers with a payload of the call's own type, or with an error frame. Only the first call counts.
  void send(Result<Bytes> payload) const;

 private:
  struct Pending;
  std::shared_ptr<Pending> pending_;
};

// Call is one frame as its handler sees it.
struct Call {
  FrameType type = FrameType::error;
  Bytes payload;
  const LocalPeer& peer;
  const std::string& socket;  // path of the listening socket
  Nonces& nonces;             // of this connection; of the loop's thread alone
};
using CallHandler = std::function<void(Call call, Reply reply)>;

struct SessionLimits {
  std::chrono::seconds read{5};
  std::chrono::seconds write{5};
  std::chrono::seconds idle{600};
  std::size_t nonces = 1024;
  std::int64_t nonce_ms = 30000;
};

// max_payload is the largest payload a frame of this type may have; nullopt for types that are not served.
std::optional<std::size_t> max_payload(std::uint32_t type);

// Session reads frames one after the other, hands each to the handler and writes the answer; the next frame
// is read once the answer is out. It dies when the caller closes, misses a deadline, or sends what is no
// frame. All its work is on the
// loop's thread and never blocks, but for the first attempt to send an answer, which is made where the answer is.
class Session : public std::enable_shared_from_this<Session> {
 public:
  using Socket = asio::generic::stream_protocol::socket;
  // Ticket gives back the connection's place; without a uid, a place among those that only wait to be told
  // no.
  struct Ticket {
    Quota& quota;
    std::optional<uid_t> uid;
    Ticket(Quota& q, std::optional<uid_t> u) : quota(q), uid(u) {}
    Ticket(const Ticket&) = delete;
    Ticket& operator=(const Ticket&) = delete;
    ~Ticket() { uid ? quota.leave(*uid) : quota.leave_refused(); }
  };
  struct Setup {
    std::string socket_path;
    LocalPeer peer;
    SessionLimits limits;
    std::optional<Error> refuse;  // answered to the first call, which ends the connection
    std::unique_ptr<Ticket> ticket;
  };
  Session(Socket socket, Setup setup, Quota& quota, const CallHandler& handler);
  void start() { read_header(); }

 private:
  friend class Reply;
  using Code = asio::error_code;
  void arm(std::chrono::seconds term);
  void read_header();
  void on_header(std::size_t n);
  void parse_header();
  void read_payload();
  void serve();
  // answer goes on behind the `sent` bytes that are out.
  void answer(Bytes frame, std::size_t sent);
  void finish_write(std::size_t sent);
  void refuse(const Error& error);
  void close();

  Socket socket_;
  std::mutex descriptor_;  // while an answer is sent from another thread, the descriptor is not closed
  asio::steady_timer timer_;
  Setup setup_;
  const CallHandler& handler_;
  Nonces nonces_;
  std::array<std::uint8_t, 1024> in_{};  // what was read beyond the current frame
  std::size_t have_ = 0;
  FrameHeader header_;
  Intake intake_;
  Bytes out_;
  bool last_ = false;  // close once the answer is out
};

}  // namespace attest
