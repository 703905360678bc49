#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <set>

#include "provider/daemon.h"
#include "test/support/key_daemon.h"

namespace attest::test {
namespace {

Result<Bytes> echo_key(FrameType, View) { return encode_key_answer({{1, 2, 3}, false}); }

struct PoolTest : testing::Test {
  PoolTest() { options.socket = daemon.socket(); }
  FrameServer daemon{echo_key};
  ClientOptions options;
};

bool works(const DaemonPool& pool) {
  auto lease = pool.lease();
  if (!lease) return false;
  auto connection = lease->connection();
  return connection && (*connection)->key({"web"});
}

TEST_F(PoolTest, OpensNothingBeforeItIsNeededAndReusesAfterwards) {
  DaemonPool pool(options);
  EXPECT_EQ(daemon.accepted(), 0);
  for (int i = 0; i < 5; i++) EXPECT_TRUE(works(pool));
  EXPECT_EQ(daemon.accepted(), 1);
  EXPECT_EQ(pool.idle(), 1U);
}

TEST_F(PoolTest, LendsAConnectionToOneAtATimeAndKeepsSixteen) {
  DaemonPool pool(options);
  std::vector<DaemonPool::Lease> leases;
  for (int i = 0; i < 20; i++) {
    auto lease = pool.lease();
    ASSERT_TRUE(lease);
    leases.push_back(*std::move(lease));
  }
  std::set<Connection*> distinct;
  for (auto& lease : leases) distinct.insert(*lease.connection());
  EXPECT_EQ(distinct.size(), 20U);
  EXPECT_EQ(pool.idle(), 0U);
  leases.clear();
  EXPECT_EQ(pool.idle(), DaemonPool::kIdle);
}

TEST_F(PoolTest, ManyThreadsShareThePool) {
  DaemonPool pool(options);
  std::atomic<int> good{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; i++)
    threads.emplace_back([&] {
      for (int j = 0; j < 50; j++) good += works(pool) ? 1 : 0;
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(good, 400);
  EXPECT_LE(daemon.accepted(), 8);
}

TEST_F(PoolTest, ALeaseOutlivesItsPool) {
  auto pool = std::make_unique<DaemonPool>(options);
  auto lease = pool->lease();
  pool.reset();
  ASSERT_TRUE(lease);
  EXPECT_TRUE((*lease->connection())->key({"web"}));
}

TEST_F(PoolTest, ARestartedDaemonIsNoticed) {
  DaemonPool pool(options);
  EXPECT_TRUE(works(pool));
  daemon.stop();
  auto lease = pool.lease();
  ASSERT_FALSE(lease);
  EXPECT_EQ(lease.error().what.substr(0, 20), "daemon.unreachable: ") << lease.error().what;
  EXPECT_NE(lease.error().what.find(options.socket), std::string::npos);
  daemon.start();
  EXPECT_TRUE(works(pool));
}

TEST_F(PoolTest, AFailedConnectionIsNotGivenBack) {
  DaemonPool pool(options);
  auto lease = pool.lease();
  ASSERT_TRUE(lease);
  daemon.stop();
  EXPECT_FALSE((*lease->connection())->key({"web"}));
  EXPECT_FALSE(lease->connection());
  { auto dropped = *std::move(lease); }
  EXPECT_EQ(pool.idle(), 0U);
}

TEST_F(PoolTest, AWrongOwnerIsRefused) {
  options.daemon_uid = ::getuid() + 1;
  auto lease = DaemonPool(options).lease();
  ASSERT_FALSE(lease);
  EXPECT_EQ(lease.error().what.substr(0, 20), "daemon.wrong-owner: ");
}

// in_child runs body in a forked process and returns what it returned.
template <class F>
int in_child(F body) {
  pid_t pid = ::fork();
  if (pid == 0) ::_exit(body());
  int status = -1;
  ::waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST_F(PoolTest, AChildOpensItsOwnAndLeavesTheParentsAlone) {
  DaemonPool pool(options);
  EXPECT_TRUE(works(pool));
  EXPECT_EQ(in_child([&] { return works(pool) && pool.idle() == 1 ? 0 : 1; }), 0);
  EXPECT_EQ(daemon.accepted(), 2);
  EXPECT_TRUE(works(pool));  // the parent's connection still speaks
  EXPECT_EQ(daemon.accepted(), 2);
}

TEST_F(PoolTest, ALeaseFromBeforeForkIsRefusedInTheChild) {
  DaemonPool pool(options);
  auto lease = pool.lease();
  ASSERT_TRUE(lease);
  EXPECT_EQ(in_child([&] {
              auto connection = lease->connection();
              return !connection && connection.error().what.starts_with("daemon.forked: ") ? 0 : 1;
            }),
            0);
  EXPECT_TRUE((*lease->connection())->key({"web"}));
}

// A program that becomes a daemon closes every descriptor; the number then names a file of its own.
TEST_F(PoolTest, ADescriptorThatBecameAnotherFileIsNeitherUsedNorClosed) {
  DaemonPool pool(options);
  TempDir folder;
  int before = ::open("/dev/null", O_RDONLY);
  ::close(before);  // the next descriptor: the connection's
  EXPECT_TRUE(works(pool));
  int file = ::open(folder.file("log").c_str(), O_RDWR | O_CREAT, 0600);
  ASSERT_EQ(::dup2(file, before), before);
  EXPECT_TRUE(works(pool));
  EXPECT_EQ(::fcntl(before, F_GETFD), 0);      // still open
  EXPECT_EQ(::lseek(before, 0, SEEK_END), 0);  // nothing was written to it
  ::close(before);
  ::close(file);
}

}  // namespace
}  // namespace attest::test
