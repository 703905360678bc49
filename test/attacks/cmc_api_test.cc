// The API of CMC's agent under attack: strangers, forged frames, and what would make it an oracle.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "cmcd-lite/client/cmc_connection.h"
#include "cmcd-lite/client/socket_io.h"
#include "cmcd-lite/server/cmc/api/api.h"
#include "evidence/core/fd.h"
#include "test/support/fake_driver.h"
#include "test/support/machine_daemon.h"

namespace attest {
namespace {

using namespace attest::test;
using cmc::Call;

class CmcApiAttack : public testing::Test {
 protected:
  void start(const std::string& more = "") {
    machine_.members = R"("cmc": {"sockets": [{"path": ")" + path("cmc.sock") + R"(", "mode": "0666"}, {"path": ")" +
                       path("front.sock") + R"(", "remote": true}], "tcp": ["127.0.0.1:0"], "one_root": true, "roots": ["signers.pem"])" +
                       more + "},\n";
    ASSERT_TRUE(machine_.start([this] { return device_.open(); }));
    ASSERT_TRUE(machine_.ready());
  }
  std::string path(const std::string& name) const { return machine_.path(name); }
  std::string tcp() const {
    std::string log = machine_.log(), mark = "tcp://";
    std::size_t at = log.find(mark);
    EXPECT_NE(at, std::string::npos) << log;
    return log.substr(at, log.find('\n', at) - at);
  }
  // refusal is the agent's text for a call; "" if it served.
  static std::string refusal(const std::string& address, cmc::ApiRequest request) {
    CmcClientOptions options;
    options.address = address;
    options.encoding = cmc::Encoding::json;
    options.timeout = std::chrono::seconds(20);
    auto answer = cmc_call(options, request);
    return answer ? "" : answer.error().what;
  }
  static cmc::ApiRequest request(Call call) {
    cmc::ApiRequest out;
    out.call = call;
    out.nonce = {1, 2, 3};
    return out;
  }
  // raw sends bytes over the Unix socket and returns what comes until the other end closes.
  std::string raw(const std::string& socket, std::string_view bytes, bool close_after = false) const {
    OwnedFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, socket.data(), socket.size());
    EXPECT_EQ(::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    Deadline deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    send_all(fd.get(), as_view(bytes), deadline);
    if (close_after) ::shutdown(fd.get(), SHUT_WR);
    std::string out;
    std::uint8_t byte = 0;
    while (receive_all(fd.get(), {&byte, 1}, deadline) == 0) out += static_cast<char>(byte);
    EXPECT_LT(std::chrono::steady_clock::now(), deadline) << "the connection was left open";
    return out;
  }
  static std::string frame(std::uint32_t length, std::uint32_t type, std::string_view payload) {
    Writer out;
    out.u32be(length);
    out.u32be(type);
    out.put(as_view(payload));
    return std::string(as_text(*std::move(out).finish("frame")));
  }
  FakeDevice device_;
  Authority authority_;
  MachineDaemon machine_{authority_};
};

TEST_F(CmcApiAttack, StrangersAreServedVerifyAndPeerCacheAlone) {
  start();
  for (const std::string& address : {tcp(), "unix://" + path("front.sock")}) {
    for (Call call : {Call::attest, Call::tls_create, Call::tls_sign, Call::tls_cert}) {
      std::string why = refusal(address, request(call));
      EXPECT_NE(why.find("without peer credentials"), std::string::npos) << address << ": " << why;
      EXPECT_NE(why.find("remote_calls"), std::string::npos) << "the switch is named: " << why;
    }
    for (Call call : {Call::measure, Call::update_certs, Call::update_metadata})
      EXPECT_NE(refusal(address, request(call)).find("use the Unix socket"), std::string::npos);
    EXPECT_EQ(refusal(address, request(Call::peer_cache)), "");
    EXPECT_EQ(refusal(address, request(Call::verify)), "");
  }
  EXPECT_EQ(device_.quotes(), 1U) << "the self-test's";
}

TEST_F(CmcApiAttack, ASwitchOpensItsCallAndNoOther) {
  start(R"(, "remote_calls": ["attest"])");
  EXPECT_NE(refusal(tcp(), request(Call::attest)).find("no TPM and no confidential hardware"), std::string::npos) << "it got as far as the driver";
  EXPECT_NE(refusal(tcp(), request(Call::tls_sign)).find("without peer credentials"), std::string::npos);
  EXPECT_NE(machine_.control(R"({"op":"status"})").find("cmc.remote"), std::string::npos) << "and status warns of it";
}

TEST_F(CmcApiAttack, NoncesOfHandshakesAreRefused) {
  start();
  cmc::ApiRequest bad = request(Call::attest);
  bad.nonce = to_bytes(as_view("attest/1 batch"));
  EXPECT_NE(refusal(path("cmc.sock"), bad).find("those of handshakes"), std::string::npos);
  bad.nonce.clear();
  EXPECT_NE(refusal(path("cmc.sock"), bad).find("empty"), std::string::npos);
  bad.nonce.assign(257, 1);
  EXPECT_NE(refusal(path("cmc.sock"), bad).find("256"), std::string::npos);
}

TEST_F(CmcApiAttack, LocalCallersNeedTheirRight) {
  machine_.callers = R"({"name": "judges", "uid": 0, "rights": ["judge"]})";
  start();
  std::string why = refusal(path("cmc.sock"), request(Call::attest));
  EXPECT_NE(why.find("no right to raw"), std::string::npos) << why;
  EXPECT_NE(refusal(path("cmc.sock"), request(Call::tls_sign)).find("no right to sign"), std::string::npos);
  EXPECT_EQ(refusal(path("cmc.sock"), request(Call::peer_cache)), "");
}

TEST_F(CmcApiAttack, FramesThatAreNoneEndWithAnAnswer) {
  start();
  std::string socket = path("cmc.sock"), good = R"({"version":"1.4.0","peer":"p"})";
  auto size = static_cast<std::uint32_t>(good.size());
  EXPECT_NE(raw(socket, frame(size, 6, good)).find(R"("cache":[])"), std::string::npos);
  EXPECT_NE(raw(socket, frame(0, 6, "")).find("empty"), std::string::npos) << "length 0 hangs nobody";
  EXPECT_NE(raw(socket, frame(0xffffffff, 6, "x")).find("at most"), std::string::npos);
  EXPECT_NE(raw(socket, frame(4, 6, "text")).find("neither"), std::string::npos) << "CMC closes without a word";
  EXPECT_NE(raw(socket, frame(size, 77, good)).find("Invalid Type: 77"), std::string::npos);
  EXPECT_NE(raw(socket, frame(size, 0, good)).find("Invalid Type: 0"), std::string::npos);
  EXPECT_NE(raw(socket, frame(size, 0x41540007, good)).find("a socket of their own"), std::string::npos)
      << "handshake frames are not served here";
  EXPECT_NE(raw(socket, frame(size, 6, good) + "trailing").find(R"("cache":[])"), std::string::npos);
  EXPECT_EQ(raw(socket, frame(size, 6, good).substr(0, 20), true), "") << "half a frame";
  EXPECT_EQ(raw(socket, frame(size, 6, good).substr(0, 5)), "") << "a header that never ends meets the deadline";
  EXPECT_NE(raw(machine_.socket(), frame(size, 6, good)).find("not served here"), std::string::npos)
      << "nor CMC's calls on the sockets of handshakes";
}

TEST(CmcConfigAttack, ListensOnLoopbackAlone) {
  for (const char* good : {"127.0.0.1:9955", "localhost:1", "[::1]:9955", "127.9.9.9:0"}) EXPECT_TRUE(parse_loopback(good)) << good;
  for (const char* bad : {"0.0.0.0:9955", "192.0.2.1:1", "[::]:1", "host.example:1", "127.0.0.1", "127.0.0.1:", "127.0.0.1:70000",
                          "127.0.0.1:1x", ":1", "", "[::1", "128.0.0.1:1"})
    EXPECT_FALSE(parse_loopback(bad)) << bad;
}

}  // namespace
}  // namespace attest
