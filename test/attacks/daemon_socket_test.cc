// A socket that is absent, slow, closing, lying or owned by somebody else: every call ends in an error within its
// deadline, and the error names the socket.
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <filesystem>
#include <functional>
#include <thread>

#include "cmcd-lite/client/connection.h"

namespace attest {
namespace {

using namespace std::chrono_literals;

// Listener serves one connection with a script.
class Listener {
 public:
  explicit Listener(std::function<void(int)> script) {
    char name[] = "/tmp/attest-socket-XXXXXX";
    folder_ = ::mkdtemp(name);
    path_ = folder_ + "/s";
    fd_ = ::socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::copy(path_.begin(), path_.end(), address.sun_path);
    EXPECT_EQ(::bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(::listen(fd_, 1), 0);
    thread_ = std::thread([this, script] {
      int peer = ::accept(fd_, nullptr, nullptr);
      if (peer < 0) return;
      script(peer);
      ::close(peer);
    });
  }
  ~Listener() {
    ::shutdown(fd_, SHUT_RDWR);
    thread_.join();
    ::close(fd_);
    std::filesystem::remove_all(folder_);
  }
  ClientOptions options() const {
    ClientOptions o;
    o.socket = path_;
    o.connect_timeout = o.quote_timeout = o.judge_timeout = 200ms;
    return o;
  }

 private:
  std::string folder_, path_;
  int fd_;
  std::thread thread_;
};

void read_call(int fd) {
  std::uint8_t buffer[4096];
  (void)!::read(fd, buffer, sizeof buffer);
}

void answer(int fd, View bytes) { (void)!::write(fd, bytes.data(), bytes.size()); }

Error begin_error(Listener& listener) {
  auto connection = Connection::open(listener.options());
  EXPECT_TRUE(connection);
  auto start = std::chrono::steady_clock::now();
  auto result = connection->begin({});
  EXPECT_LT(std::chrono::steady_clock::now() - start, 2s);
  EXPECT_FALSE(result);
  EXPECT_FALSE(connection->alive());
  EXPECT_FALSE(connection->begin({}));  // a dead connection stays dead
  return result ? Error{Errc::io, ""} : result.error();
}

TEST(DaemonSocket, AbsentIsAnErrorThatNamesSocketAndRemedy) {
  ClientOptions options;
  options.socket = "/nonexistent/attest.sock";
  auto connection = Connection::open(options);
  ASSERT_FALSE(connection);
  EXPECT_NE(connection.error().what.find("daemon.unreachable"), std::string::npos);
  EXPECT_NE(connection.error().what.find("/nonexistent/attest.sock"), std::string::npos);
  EXPECT_NE(connection.error().what.find("cmcd-lite"), std::string::npos);
  options.socket = std::string(200, 'x');
  EXPECT_FALSE(Connection::open(options));
  options.socket.clear();
  EXPECT_FALSE(Connection::open(options));
}

TEST(DaemonSocket, SilentDaemonEndsAtTheDeadline) {
  Listener listener([](int fd) {
    read_call(fd);
    std::this_thread::sleep_for(600ms);
  });
  EXPECT_NE(begin_error(listener).what.find("daemon.timeout"), std::string::npos);
}

TEST(DaemonSocket, ClosingInMidAnswerIsAnError) {
  Listener listener([](int fd) {
    read_call(fd);
    Bytes frame = *encode_frame(FrameType::begin, Bytes(100));
    frame.resize(50);
    answer(fd, frame);
  });
  EXPECT_NE(begin_error(listener).what.find("cut short"), std::string::npos);
}

TEST(DaemonSocket, DrippingOneByteAtATimeEndsAtTheDeadline) {
  Listener listener([](int fd) {
    read_call(fd);
    Bytes frame = *encode_frame(FrameType::begin, Bytes(100));
    for (std::uint8_t b : frame) {
      if (::send(fd, &b, 1, MSG_NOSIGNAL) != 1) return;
      std::this_thread::sleep_for(20ms);
    }
  });
  EXPECT_NE(begin_error(listener).what.find("daemon.timeout"), std::string::npos);
}

TEST(DaemonSocket, HugeAnswerIsRefusedBeforeItIsRead) {
  Listener listener([](int fd) {
    read_call(fd);
    answer(fd, Bytes{0xff, 0xff, 0xff, 0xff, 0x41, 0x54, 0, 1});
  });
  EXPECT_EQ(begin_error(listener).code, Errc::denied);
}

TEST(DaemonSocket, AnswerOfAnotherTypeIsRefused) {
  Listener listener([](int fd) {
    read_call(fd);
    answer(fd, *encode_frame(FrameType::judge, *encode_judge_answer({JudgeOutcome::accepted, 1, "", ""})));
  });
  EXPECT_EQ(begin_error(listener).code, Errc::malformed);
}

TEST(DaemonSocket, ServedByAnotherUserIsRefused) {
  Listener listener([](int fd) { read_call(fd); });
  ClientOptions options = listener.options();
  options.daemon_uid = ::getuid() + 1;
  auto connection = Connection::open(options);
  ASSERT_FALSE(connection);
  EXPECT_EQ(connection.error().code, Errc::untrusted);
  EXPECT_NE(connection.error().what.find("daemon.wrong-owner"), std::string::npos);
}

TEST(DaemonSocket, ErrorAnswerKeepsTheConnection) {
  Listener listener([](int fd) {
    for (int i = 0; i < 2; i++) {
      read_call(fd);
      answer(fd, *encode_frame(FrameType::error, *encode_error_answer({Errc::denied, "daemon.denied", "no right"})));
    }
  });
  auto connection = Connection::open(listener.options());
  ASSERT_TRUE(connection);
  for (int i = 0; i < 2; i++) {
    auto result = connection->begin({});
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().what, "daemon.denied: no right");
    EXPECT_TRUE(connection->alive());
  }
}

}  // namespace
}  // namespace attest
