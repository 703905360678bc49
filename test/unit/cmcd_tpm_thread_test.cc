#include "cmcd-lite/server/devices/tpm_thread.h"

#include <gtest/gtest.h>

#include <future>

#include "test/support/fake_driver.h"

namespace attest {
namespace {

using namespace std::chrono_literals;

class TpmThreadTest : public testing::Test {
 protected:
  void start(std::size_t queue = 100) {
    TpmThread::Options options;
    options.open = [this] { return device_.open(); };
    options.state = [this] { return state_; };
    options.keys = &keys_;
    options.queue = queue;
    options.first_retry = 20ms;
    options.last_retry = 40ms;
    options.patience = 1000ms;
    options.silence = silence_;
    options.farewell = 50ms;
    options.abandon = abandon_;
    thread_ = std::make_unique<TpmThread>(std::move(options));
  }
  // ready waits for the self-test's quote.
  void ready() {
    start();
    ASSERT_TRUE(device_.wait_for_quotes(1));
    ASSERT_TRUE(reaches("ready"));
  }
  bool reaches(const std::string& state) {
    for (int i = 0; i < 400; i++) {
      if (thread_->status().state == state) return true;
      std::this_thread::sleep_for(5ms);
    }
    return false;
  }
  std::future<Result<Bytes>> attest(uid_t uid, bool listed = false) {
    auto promise = std::make_shared<std::promise<Result<Bytes>>>();
    AttestJob job;
    job.uid = uid;
    job.listed = listed;
    job.binder = Digest::filled(HashAlg::sha256, static_cast<std::uint8_t>(uid));
    job.service = "test";
    job.room = 100000;
    job.done = [promise](Result<Bytes> evidence) { promise->set_value(std::move(evidence)); };
    thread_->attest(std::move(job));
    return promise->get_future();
  }
  test::FakeDevice device_;
  std::chrono::milliseconds silence_{10000};
  std::function<void()> abandon_;
  KeyDirectory keys_;
  std::shared_ptr<const State> state_ = std::make_shared<const State>();
  std::unique_ptr<TpmThread> thread_;
};

std::uint32_t batch_size(const Result<Bytes>& evidence) {
  if (!evidence) return 0;
  auto decoded = decode_evidence(*evidence);
  return decoded ? decoded->path.count : 0;
}

TEST_F(TpmThreadTest, WhatWaitsIsOneBatch) {
  ready();
  device_.hold();
  auto first = attest(1);
  ASSERT_TRUE(device_.wait_for_quotes(2));
  std::vector<std::future<Result<Bytes>>> rest;
  for (uid_t uid = 2; uid < 42; uid++) rest.push_back(attest(uid));
  device_.release();
  EXPECT_EQ(batch_size(first.get()), 1U);
  for (auto& one : rest) EXPECT_EQ(batch_size(one.get()), 40U);
  for (int i = 0; i < 400 && thread_->status().handshakes < 41; i++) std::this_thread::sleep_for(5ms);
  TpmStatus status = thread_->status();
  EXPECT_EQ(status.quotes, 3U);  // self-test, the first, the rest
  EXPECT_EQ(status.handshakes, 41U);
  EXPECT_EQ(status.state, "ready");
}

TEST_F(TpmThreadTest, NoUidCrowdsOutAnother) {
  start(10);
  ASSERT_TRUE(device_.wait_for_quotes(1));
  device_.hold();
  auto running = attest(1);
  ASSERT_TRUE(device_.wait_for_quotes(2));
  std::vector<std::future<Result<Bytes>>> greedy;
  for (int i = 0; i < 30; i++) greedy.push_back(attest(1000));
  auto newcomer = attest(33);
  device_.release();
  EXPECT_TRUE(newcomer.get());
  int refused = 0;
  for (auto& one : greedy) {
    auto answer = one.get();
    if (answer) continue;
    refused++;
    EXPECT_NE(answer.error().what.find("daemon.overloaded"), std::string::npos);
  }
  EXPECT_EQ(refused, 21);
  EXPECT_TRUE(running.get());
}

TEST_F(TpmThreadTest, AFloodOfStrangersLeavesListedPeersTheirShare) {
  start(8);
  ASSERT_TRUE(device_.wait_for_quotes(1));
  ASSERT_TRUE(reaches("ready"));
  device_.hold();
  auto running = attest(1);
  ASSERT_TRUE(device_.wait_for_quotes(2));
  std::vector<std::future<Result<Bytes>>> flood, listed;
  for (int i = 0; i < 50; i++) flood.push_back(attest(1));
  for (int i = 0; i < 4; i++) listed.push_back(attest(1, true));
  for (int i = 0; i < 50; i++) flood.push_back(attest(1));
  device_.release();
  for (auto& answer : listed) EXPECT_TRUE(answer.get()) << "half of the queue is theirs";
  std::size_t served = 0, told = 0;
  for (auto& one : flood) {
    auto answer = one.get();
    served += answer ? 1 : 0;
    told += !answer && answer.error().what.starts_with("daemon.overloaded") ? 1 : 0;
  }
  EXPECT_EQ(served, 4U);
  EXPECT_EQ(told, 96U) << "nobody waits for ever";
  EXPECT_TRUE(running.get());
}

TEST_F(TpmThreadTest, TasksTakeTurnsWithBatches) {
  ready();
  device_.hold();
  auto running = attest(1);
  ASSERT_TRUE(device_.wait_for_quotes(2));
  std::vector<std::size_t> quotes_before;
  std::future<Result<Bytes>> newcomer;
  std::promise<void> end;
  for (int i = 0; i < 3; i++)
    thread_->run(5, [&, i](Result<TpmThread::Devices*>) {
      quotes_before.push_back(device_.quotes());
      if (i == 0) newcomer = attest(2);
      if (i == 2) end.set_value();
    });
  device_.release();
  end.get_future().wait();
  EXPECT_EQ(quotes_before, (std::vector<std::size_t>{2, 3, 3}))
      << "who came during the first task was served before the second";
  EXPECT_TRUE(newcomer.get());
  EXPECT_TRUE(running.get());
}

TEST_F(TpmThreadTest, StartsWithoutTheDeviceAndSaysSo) {
  device_.set_broken(true);
  start();
  ASSERT_TRUE(reaches("unavailable"));
  auto refused = attest(1).get();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::io);
  EXPECT_NE(refused.error().what.find("tpm.unavailable: fake: no device"), std::string::npos)
      << refused.error().what;
  std::promise<std::string> told;
  thread_->run(1, [&](Result<TpmThread::Devices*> devices) {
    told.set_value(devices ? "open" : devices.error().what);
  });
  EXPECT_NE(told.get_future().get().find("tpm.unavailable"), std::string::npos);
  device_.set_broken(false);
  EXPECT_TRUE(reaches("ready")) << "tries again in the background";
  EXPECT_TRUE(attest(1).get());
}

TEST_F(TpmThreadTest, ADeviceThatReturnsInTimeCostsNobodyAHandshake) {
  ready();
  device_.set_broken(true);
  auto waiting = attest(1);
  std::this_thread::sleep_for(100ms);
  device_.set_broken(false);
  auto evidence = waiting.get();
  EXPECT_TRUE(evidence) << evidence.error().what;
  EXPECT_EQ(thread_->status().opened, 2U);
}

TEST_F(TpmThreadTest, ADeviceThatStaysAwayIsAnError) {
  ready();
  device_.set_broken(true);
  auto start_time = std::chrono::steady_clock::now();
  auto refused = attest(1).get();
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().what.find("tpm.unavailable"), std::string::npos);
  EXPECT_LT(std::chrono::steady_clock::now() - start_time, 5s);
  EXPECT_EQ(thread_->status().state, "unavailable");
}

TEST_F(TpmThreadTest, WithoutAnyDriverNobodyGetsEvidence) {
  TpmThread::Options options;
  options.open = []() -> Result<std::vector<OpenedDriver>> { return std::vector<OpenedDriver>(); };
  options.state = [this] { return state_; };
  options.keys = &keys_;
  thread_ = std::make_unique<TpmThread>(std::move(options));
  ASSERT_TRUE(reaches("none"));
  auto refused = attest(1).get();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::denied);
}

TEST_F(TpmThreadTest, ARetestIsOneMoreQuoteForNobody) {
  ready();
  thread_->retest();
  ASSERT_TRUE(device_.wait_for_quotes(2));
  EXPECT_TRUE(attest(1).get());
  for (int i = 0; i < 1000 && thread_->status().quotes < 3; i++) std::this_thread::sleep_for(10ms);  // counted after
  EXPECT_EQ(thread_->status().quotes, 3U);
  EXPECT_EQ(thread_->status().handshakes, 1U);
}

TEST_F(TpmThreadTest, ADeviceThatHangsCostsNobodyMoreThanItsSilence) {
  silence_ = 50ms;
  ready();
  device_.hold();
  auto running = attest(1);
  ASSERT_TRUE(device_.wait_for_quotes(2));
  auto waiting = attest(2);
  std::promise<std::string> task;
  thread_->run(1, [&](Result<TpmThread::Devices*> devices) { task.set_value(devices ? "open" : devices.error().what); });
  thread_->watch();  // may come before the silence is over; nothing waits for ever if a later one follows
  for (int i = 0; i < 2000 && thread_->status().state != "hanging"; i++) {
    std::this_thread::sleep_for(5ms);
    thread_->watch();
  }
  ASSERT_EQ(thread_->status().state, "hanging");
  EXPECT_NE(thread_->status().problem.find("has not answered for"), std::string::npos);
  auto told = waiting.get();
  ASSERT_FALSE(told);
  EXPECT_EQ(told.error().what.find("tpm.unavailable: the TPM has not answered for"), 0U) << told.error().what;
  EXPECT_EQ(task.get_future().get().find("tpm.unavailable"), 0U);
  auto late = attest(3);
  ASSERT_EQ(late.wait_for(0s), std::future_status::ready) << "who comes now is told at once";
  EXPECT_FALSE(late.get());
  device_.release();
  EXPECT_TRUE(running.get());
  ASSERT_TRUE(reaches("ready"));
  EXPECT_TRUE(attest(4).get());
}

TEST_F(TpmThreadTest, ADeviceThatHangsDoesNotKeepTheEnd) {
  bool left = false;
  abandon_ = [&] {
    left = true;
    device_.release();  // a process would be gone
  };
  ready();
  device_.hold();
  auto running = attest(1);
  ASSERT_TRUE(device_.wait_for_quotes(2));
  thread_.reset();
  EXPECT_TRUE(left);
  EXPECT_TRUE(running.get());
}

TEST_F(TpmThreadTest, WhatWaitsAtTheEndIsTold) {
  ready();
  device_.hold();
  auto running = attest(1);
  ASSERT_TRUE(device_.wait_for_quotes(2));
  auto waiting = attest(2);
  std::thread release([&] {
    std::this_thread::sleep_for(50ms);
    device_.release();
  });
  thread_.reset();
  release.join();
  EXPECT_TRUE(running.get());
  auto stopped = waiting.get();
  ASSERT_FALSE(stopped);
  EXPECT_NE(stopped.error().what.find("daemon.stopping"), std::string::npos);
}

}  // namespace
}  // namespace attest
