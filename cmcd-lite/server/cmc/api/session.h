// session.h: one connection of the CMC API: one call, one answer, then the end.
#pragma once
#include <asio/generic/stream_protocol.hpp>

#include "cmcd-lite/server/sockets/session.h"
#include "evidence/cmc/api.h"

namespace attest {

inline constexpr uid_t kStranger = 0xffffffff;  // the source of calls without peer credentials: no user has this id

// CmcCall is one call as its handler sees it.
struct CmcCall {
  cmc::Call call = cmc::Call::error;
  cmc::Encoding encoding = cmc::Encoding::json;
  Bytes payload;
  std::optional<LocalPeer> peer;  // unset: no peer credentials, or they say nothing
  std::string socket;             // path or address it came on
  uid_t source() const { return peer ? peer->uid : kStranger; }
};

class CmcSession;

// CmcReply answers one call, from any thread, in the call's own serialisation. Only the first answer counts; a call whose
// last reply dies unanswered is answered with an error.
class CmcReply {
 public:
  CmcReply(std::shared_ptr<CmcSession> session, cmc::Encoding encoding);
  void send(Result<cmc::ApiResponse> response) const;
  void fail(const Error& error) const { send(error); }

 private:
  struct Pending;
  std::shared_ptr<Pending> pending_;
};
using CmcHandler = std::function<void(CmcCall call, CmcReply reply)>;

// max_cmc_payload is the largest payload a call may have, in bytes.
std::size_t max_cmc_payload(cmc::Call call);

// CmcSession lives on the loop's thread and never blocks, but for the first attempt to send an answer, which is made where
// the answer is. It dies when the caller closes, misses a deadline or has its answer. What is no call is answered with an
// error that says so.
class CmcSession : public std::enable_shared_from_this<CmcSession> {
 public:
  using Socket = asio::generic::stream_protocol::socket;
  struct Setup {
    std::optional<LocalPeer> peer;
    std::string where;
    SessionLimits limits;
    std::optional<Error> refuse;
    std::unique_ptr<Session::Ticket> ticket;
    uid_t source() const { return peer ? peer->uid : kStranger; }
  };
  CmcSession(Socket socket, Setup setup, Quota& quota, const CmcHandler& handler);
  void start();

 private:
  friend class CmcReply;
  using Code = asio::error_code;
  void arm(std::chrono::seconds term);
  void on_header();
  void read_payload();
  void serve();
  void refuse(const Error& error, cmc::Encoding encoding = cmc::Encoding::json);
  // answer goes on behind the `sent` bytes that are out.
  void answer(Bytes frame, std::size_t sent);
  void close();

  Socket socket_;
  std::mutex descriptor_;  // while an answer is sent from another thread, the descriptor is not closed
  asio::steady_timer timer_;
  Setup setup_;
  const CmcHandler& handler_;
  std::array<std::uint8_t, kFrameHeader> head_{};
  cmc::Call call_ = cmc::Call::error;
  Intake intake_;
  Bytes out_;
};

}  // namespace attest
