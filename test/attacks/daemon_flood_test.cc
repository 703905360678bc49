// The TPM flooded: by strangers through a server, and by a local program that calls them all listed peers.
#include <gtest/gtest.h>

#include <atomic>

#include "evidence/native/request.h"
#include "test/support/fake_driver.h"
#include "test/support/machine_daemon.h"

namespace attest {
namespace {

using namespace attest::test;

constexpr uid_t kNginx = 4033;
constexpr uid_t kLiar = 5000;
constexpr std::size_t kQueue = 8;

// Callers ask for evidence all at once, each on a connection and a thread of its own, and wait for their answers.
class Callers {
 public:
  ~Callers() { join(); }
  void ask(Connection connection, const std::string& peer, const TestCert& web) {
    threads_.emplace_back([this, peer, &web, to = std::move(connection)]() mutable {
      auto answer = to.attest({shake(Role::server, *encode_request({}), web.der()), 60000, 0, {}, peer});
      if (answer)
        served_++;
      else if (answer.error().what.starts_with("daemon.overloaded"))
        told_++;
      else
        ADD_FAILURE() << answer.error().what;
    });
  }
  // told waits until so many found no place.
  bool told(std::size_t count) const {
    for (int i = 0; i < 3000 && told_ < count; i++) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    return told_ == count;
  }
  void join() {
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
  }
  std::size_t served() const { return served_; }

 private:
  std::atomic<std::size_t> served_ = 0, told_ = 0;
  std::vector<std::thread> threads_;
};

class DaemonFlood : public testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "only root can connect as other users";
    machine_.callers += R"(, {"name": "nginx", "uid": 4033, "roles": ["server"], "keys": ["any"], "rights": ["attest"]},
                             {"name": "liar", "uid": 5000, "roles": ["server"], "keys": ["any"], "rights": ["attest"]})";
    machine_.limits = R"("limits": {"queue": 8})";
    std::string rule = R"(", "ak_names": ["000b00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"]})";
    machine_.put_policy("default", R"({"peers": [{"name": "*)" + rule + "]}");
    machine_.put_policy("partners", R"({"peers": [{"name": "192.0.2.7)" + rule + R"(, {"name": "*)" + rule + "]}");
    ASSERT_TRUE(machine_.start([this] { return device_.open(); }));
    ASSERT_TRUE(machine_.ready());
    device_.hold();
    ask(first_, kNginx, "203.0.113.1", 1);
    ASSERT_TRUE(device_.wait_for_quotes(2)) << "after the self-test the TPM is busy with the first of them";
  }
  void TearDown() override { device_.release(); }
  void ask(Callers& callers, uid_t uid, const std::string& peer, std::size_t times) {
    for (std::size_t i = 0; i < times; i++) {
      auto connection = machine_.connect_as(uid);
      ASSERT_TRUE(connection) << connection.error().what;
      callers.ask(*std::move(connection), peer, web_);
    }
  }
  FakeDevice device_;
  Authority authority_;
  MachineDaemon machine_{authority_};
  TestCert web_ = leaf("a.example");
  Callers first_;
};

TEST_F(DaemonFlood, StrangersLeaveAListedPeerItsShare) {
  Callers strangers, partner;
  ask(strangers, kNginx, "203.0.113.2", 40);
  ASSERT_TRUE(strangers.told(40 - kQueue)) << "the queue is full of strangers";
  ask(partner, kNginx, "192.0.2.7", kQueue / 2);
  ASSERT_TRUE(strangers.told(40 - kQueue / 2)) << "the partner took the places of the newest";
  ask(strangers, kNginx, "", 10);
  ASSERT_TRUE(strangers.told(50 - kQueue / 2)) << "and they do not come back";
  device_.release();
  partner.join(), strangers.join();
  EXPECT_EQ(partner.served(), kQueue / 2);
  EXPECT_EQ(strangers.served(), kQueue / 2);
}

TEST_F(DaemonFlood, AProgramThatCallsEverybodyListedTakesNothingFromOtherUsers) {
  Callers lies, honest;
  ask(lies, kLiar, "192.0.2.7", 20);
  ask(lies, kLiar, "", 20);
  ASSERT_TRUE(lies.told(40 - kQueue));
  ask(honest, kNginx, "203.0.113.2", kQueue / 2);
  ASSERT_TRUE(lies.told(40 - kQueue / 2));
  ask(lies, kLiar, "192.0.2.7", 10);
  ASSERT_TRUE(lies.told(50 - kQueue / 2));
  device_.release();
  honest.join(), lies.join();
  EXPECT_EQ(honest.served(), kQueue / 2);
  EXPECT_EQ(lies.served(), kQueue / 2);
}

}  // namespace
}  // namespace attest
