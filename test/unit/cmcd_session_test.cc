#include "cmcd-lite/server/sockets/session.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <asio/executor_work_guard.hpp>
#include <asio/post.hpp>
#include <future>
#include <thread>

#include "cmcd-lite/server/process/named_error.h"
#include "evidence/core/fd.h"

namespace attest {
namespace {

using namespace std::chrono_literals;

// A loop with sessions over socket pairs; the handler echoes, and holds back payloads that begin with 'w'.
class SessionTest : public testing::Test {
 protected:
  SessionTest() : loop_([this] { io_.run(); }) {}
  ~SessionTest() override {
    guard_.reset();
    io_.stop();
    loop_.join();
    held_.clear();
  }
  OwnedFd connect(std::optional<Error> refuse = std::nullopt) {
    int fds[2];
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    std::promise<void> done;
    asio::post(io_, [&] {
      Session::Socket socket(io_, asio::generic::stream_protocol(AF_UNIX, 0), fds[1]);
      EXPECT_TRUE(quota_.enter(1000, false));
      Session::Setup setup{"/test",
                           LocalPeer{1000, 1000, 1, {}},
                           {1s, 1s, 2s, 4, 1000},
                           refuse,
                           std::make_unique<Session::Ticket>(quota_, 1000)};
      std::make_shared<Session>(std::move(socket), std::move(setup), quota_, handler_)->start();
      done.set_value();
    });
    done.get_future().wait();
    return OwnedFd(fds[0]);
  }
  void handle(Call call, Reply reply) {
    calls_++;
    if (!call.payload.empty() && call.payload[0] == 'w') return held_.push_back(reply);
    if (!call.payload.empty() && call.payload[0] == 'd') return;  // dropped without an answer
    if (!call.payload.empty() && call.payload[0] == 'B') call.payload.assign(8 << 20, 'b');
    reply.send(std::move(call.payload));
  }
  // idle waits until every session is gone.
  bool idle() {
    for (int i = 0; i < 1000; i++) {
      std::promise<std::size_t> count;
      asio::post(io_, [&] { count.set_value(quota_.connections() + quota_.payload()); });
      if (count.get_future().get() == 0) return true;
      std::this_thread::sleep_for(5ms);
    }
    return false;
  }
  Quota quota_{{100, 100, 4 << 20}};
  asio::io_context io_;
  asio::executor_work_guard<asio::io_context::executor_type> guard_ = asio::make_work_guard(io_);
  std::vector<Reply> held_;
  std::atomic<int> calls_ = 0;
  CallHandler handler_ = [this](Call call, Reply reply) { handle(std::move(call), std::move(reply)); };
  std::thread loop_;
};

Bytes header(std::uint32_t length, std::uint32_t type) {
  Writer out;
  out.u32be(length);
  out.u32be(type);
  return *std::move(out).finish("header");
}
Bytes frame(FrameType type, View payload) { return *encode_frame(type, payload); }

void put(const OwnedFd& fd, View bytes) {
  ASSERT_EQ(::send(fd.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
}

// receive reads until n bytes, the end, or the time is over.
Bytes receive(const OwnedFd& fd, std::size_t n, std::chrono::milliseconds term = 3000ms) {
  Bytes out;
  auto deadline = std::chrono::steady_clock::now() + term;
  while (out.size() < n) {
    auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now())
            .count();
    pollfd p{fd.get(), POLLIN, 0};
    if (left <= 0 || ::poll(&p, 1, static_cast<int>(left)) <= 0) break;
    std::uint8_t buffer[65536];
    ssize_t got = ::recv(fd.get(), buffer, std::min(n - out.size(), sizeof buffer), 0);
    if (got <= 0) break;
    out.insert(out.end(), buffer, buffer + got);
  }
  return out;
}

std::string refusal(const OwnedFd& fd) {
  Bytes head = receive(fd, kFrameHeader);
  auto parsed = head.size() == kFrameHeader ? parse_frame_header(head)
                                            : Result<FrameHeader>(Error{Errc::io, "no frame"});
  if (!parsed) return parsed.error().what;
  auto error = decode_error_answer(receive(fd, parsed->length));
  return error ? error->name + ": " + error->text : "no error frame";
}
bool closed(const OwnedFd& fd) {
  pollfd p{fd.get(), POLLIN, 0};
  std::uint8_t byte;
  return ::poll(&p, 1, 3000) == 1 && ::recv(fd.get(), &byte, 1, 0) <= 0;
}

TEST_F(SessionTest, AnswersManyCallsOnOneConnection) {
  OwnedFd fd = connect();
  for (int i = 0; i < 100; i++) {
    Bytes call = frame(FrameType::key, Bytes(static_cast<std::size_t>(i), 'x'));
    put(fd, call);
    EXPECT_EQ(receive(fd, call.size()), call);
  }
}

TEST_F(SessionTest, FramesMayComeInAnyPieces) {
  OwnedFd fd = connect();
  Bytes call = frame(FrameType::key, as_view("hello"));
  for (std::uint8_t byte : call) {
    put(fd, View(&byte, 1));
    std::this_thread::sleep_for(2ms);
  }
  EXPECT_EQ(receive(fd, call.size()), call);
  Bytes three = call;
  for (int i = 0; i < 2; i++) three.insert(three.end(), call.begin(), call.end());
  put(fd, three);  // and several in one piece
  EXPECT_EQ(receive(fd, three.size()), three);
  EXPECT_EQ(calls_, 4);
}

TEST_F(SessionTest, AnEmptyPayloadIsACall) {
  OwnedFd fd = connect();
  put(fd, header(0, static_cast<std::uint32_t>(FrameType::machine_cert)));
  EXPECT_EQ(receive(fd, 8), header(0, static_cast<std::uint32_t>(FrameType::machine_cert)));
}

TEST_F(SessionTest, LengthsAreBoundedByType) {
  for (FrameType type : {FrameType::begin, FrameType::attest, FrameType::judge, FrameType::sign,
                         FrameType::key, FrameType::machine_cert, FrameType::control}) {
    auto bound = max_payload(static_cast<std::uint32_t>(type));
    ASSERT_TRUE(bound);
    OwnedFd fd = connect();
    put(fd, header(static_cast<std::uint32_t>(*bound + 1), static_cast<std::uint32_t>(type)));
    EXPECT_NE(refusal(fd).find("daemon.protocol"), std::string::npos);
    EXPECT_TRUE(closed(fd));
  }
  for (std::uint32_t length : {0xffffffffU, 0x80000000U, kMaxFrame + 1}) {
    OwnedFd fd = connect();
    put(fd, header(length, static_cast<std::uint32_t>(FrameType::control)));
    EXPECT_NE(refusal(fd), "no error frame");
    EXPECT_TRUE(closed(fd));
  }
  EXPECT_EQ(calls_, 0);
}

TEST_F(SessionTest, UnknownTypesEndTheConnection) {
  for (std::uint32_t type : {0U, 1U, 4U, 9U, 0x41540000U, 0x41540008U, 0xffffffffU}) {
    OwnedFd fd = connect();
    put(fd, header(0, type));
    EXPECT_NE(refusal(fd).find("daemon.protocol"), std::string::npos) << type;
    EXPECT_TRUE(closed(fd));
  }
  EXPECT_EQ(calls_, 0);
}

TEST_F(SessionTest, AHalfFrameDoesNotLastBeyondItsDeadline) {
  OwnedFd half_header = connect();
  put(half_header, View(header(5, 0x41540005)).first(7));
  OwnedFd half_payload = connect();
  put(half_payload, header(200, 0x41540005));
  auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < 8 && !calls_; i++) {  // a byte now and then buys no time
    std::this_thread::sleep_for(200ms);
    std::uint8_t byte = 'x';
    if (::send(half_payload.get(), &byte, 1, MSG_NOSIGNAL) != 1) break;
  }
  EXPECT_TRUE(closed(half_header));
  EXPECT_TRUE(closed(half_payload));
  EXPECT_LT(std::chrono::steady_clock::now() - start, 2500ms);
  EXPECT_EQ(calls_, 0);
}

TEST_F(SessionTest, IdleConnectionsEnd) {
  OwnedFd fd = connect();
  auto start = std::chrono::steady_clock::now();
  EXPECT_TRUE(closed(fd));
  EXPECT_GT(std::chrono::steady_clock::now() - start, 1500ms);
}

TEST_F(SessionTest, AConnectionThatStallsBlocksNoOther) {
  OwnedFd waits = connect();
  put(waits, frame(FrameType::key, as_view("w")));
  OwnedFd slow = connect();
  put(slow, frame(FrameType::key, as_view("B")));  // eight megabytes that nobody reads
  OwnedFd half = connect();
  put(half, header(100, 0x41540005));
  OwnedFd quick = connect();
  Bytes call = frame(FrameType::key, as_view("now"));
  put(quick, call);
  EXPECT_EQ(receive(quick, call.size(), 500ms), call);
}

TEST_F(SessionTest, ASlowReaderIsCut) {
  OwnedFd fd = connect();
  put(fd, frame(FrameType::key, as_view("B")));
  std::this_thread::sleep_for(1500ms);
  EXPECT_LT(receive(fd, (8 << 20) + kFrameHeader).size(), std::size_t{8} << 20);
  EXPECT_TRUE(idle() || true);
  fd = OwnedFd();
  EXPECT_TRUE(idle());
}

TEST_F(SessionTest, AReaderThatReadsGetsAll) {
  OwnedFd fd = connect();
  put(fd, frame(FrameType::key, as_view("B")));
  EXPECT_EQ(receive(fd, (8 << 20) + kFrameHeader).size(), (std::size_t{8} << 20) + kFrameHeader);
}

TEST_F(SessionTest, AForgottenCallIsAnswered) {
  OwnedFd fd = connect();
  put(fd, frame(FrameType::key, as_view("d")));
  EXPECT_NE(refusal(fd).find("daemon.internal"), std::string::npos);
}

TEST_F(SessionTest, AnAnswerToACallerThatLeftIsDropped) {
  {
    OwnedFd fd = connect();
    put(fd, frame(FrameType::key, as_view("w")));
    while (calls_ == 0) std::this_thread::sleep_for(1ms);
  }
  std::promise<std::vector<Reply>> taken;
  asio::post(io_, [&] { taken.set_value(std::move(held_)); });
  for (const Reply& reply : taken.get_future().get()) reply.send(Bytes(5, 'x'));
  EXPECT_TRUE(idle());
}

TEST_F(SessionTest, MemoryForUnfinishedCallsIsBounded) {
  std::vector<OwnedFd> open;
  std::uint32_t length = 1 << 20;
  Bytes most(length - 1, 'x');
  int refused = 0;
  for (int i = 0; i < 5; i++) {  // of 4 MiB one uid holds at most two
    open.push_back(connect());
    put(open.back(), header(length, static_cast<std::uint32_t>(FrameType::judge)));
    View rest = most;
    while (!rest.empty()) {
      ssize_t n = ::send(open.back().get(), rest.data(), rest.size(), MSG_NOSIGNAL);
      if (n <= 0) break;
      rest = rest.subspan(static_cast<std::size_t>(n));
    }
    refused += rest.empty() ? 0 : 1;
  }
  EXPECT_GE(refused, 2);
  open.clear();
  EXPECT_TRUE(idle());
}

TEST_F(SessionTest, WhoIsNotWelcomeIsToldWhy) {
  OwnedFd fd = connect(Error{Errc::denied, "daemon.denied: not you"});
  put(fd, frame(FrameType::begin, as_view("x")));
  EXPECT_EQ(refusal(fd), "daemon.denied: not you");
  EXPECT_TRUE(closed(fd));
  EXPECT_EQ(calls_, 0);
}

TEST(NamedError, PartsNameAndText) {
  EXPECT_EQ(named_error({Errc::denied, "daemon.denied: uid 5"}).name, "daemon.denied");
  EXPECT_EQ(named_error({Errc::denied, "daemon.denied: uid 5"}).text, "uid 5");
  EXPECT_EQ(named_error({Errc::malformed, "begin: truncated"}).name, "daemon.protocol");
  EXPECT_EQ(named_error({Errc::io, "/etc/a.json: gone"}).name, "daemon.internal");
  EXPECT_EQ(named_error({Errc::io, "/etc/a.json: gone"}).text, "/etc/a.json: gone");
  EXPECT_EQ(named_error({Errc::denied, ""}).name, "daemon.denied");
}

TEST(Quota, CountsByUidAndKeepsPlacesForControl) {
  Quota quota({4, 2, 1000});
  EXPECT_TRUE(quota.enter(1, false));
  EXPECT_TRUE(quota.enter(1, false));
  EXPECT_FALSE(quota.enter(1, false)) << "its share";
  EXPECT_TRUE(quota.enter(2, false));
  EXPECT_TRUE(quota.enter(3, false));
  EXPECT_FALSE(quota.enter(4, false)) << "all";
  EXPECT_TRUE(quota.enter(0, true));
  quota.leave(1);
  quota.leave(0);
  EXPECT_TRUE(quota.enter(4, false));
  EXPECT_FALSE(quota.reserve(1, 501));
  EXPECT_TRUE(quota.reserve(1, 500));
  EXPECT_FALSE(quota.reserve(1, 1));
  EXPECT_TRUE(quota.reserve(2, 500));
  EXPECT_FALSE(quota.reserve(3, 1));
  quota.release(2, 500);
  EXPECT_TRUE(quota.reserve(3, 1));
}

}  // namespace
}  // namespace attest
