#include "cmcd-lite/server/process/fair_queue.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>

#include "cmcd-lite/server/process/worker_pool.h"

namespace attest {
namespace {

TEST(FairQueue, TakesTurnsByUid) {
  FairQueue<int> queue(10);
  for (int i = 0; i < 4; i++) EXPECT_FALSE(queue.push(1000, i));
  EXPECT_FALSE(queue.push(33, 100));
  EXPECT_FALSE(queue.push(0, 200));
  EXPECT_EQ(queue.drain(10), (std::vector<int>{100, 0, 200, 1, 2, 3}));
  EXPECT_TRUE(queue.empty());
}

TEST(FairQueue, OneUidMayUseAllWhileNobodyElseDoes) {
  FairQueue<int> queue(3);
  for (int i = 0; i < 3; i++) EXPECT_FALSE(queue.push(1000, i));
  EXPECT_EQ(queue.push(1000, 3), 3) << "full: the newest of the only uid finds no place";
  EXPECT_EQ(queue.size(), 3U);
}

TEST(FairQueue, ANewcomerDisplacesTheGreediest) {
  FairQueue<int> queue(4);
  for (int i = 0; i < 4; i++) queue.push(1000, i);
  EXPECT_EQ(queue.push(33, 100), 3);
  EXPECT_EQ(queue.push(33, 101), 2);
  EXPECT_EQ(queue.push(33, 102), 102) << "two each is fair";
  EXPECT_EQ(queue.push(1000, 9), 9);
  EXPECT_EQ(queue.drain(4), (std::vector<int>{100, 0, 101, 1}));
}

TEST(FairQueue, StrangersLeaveListedPeersTheirHalf) {
  FairQueue<int> queue(4);
  for (int i = 0; i < 4; i++) queue.push(33, i);
  EXPECT_EQ(queue.push({33, true}, 100), 3);
  EXPECT_EQ(queue.push({33, true}, 101), 2);
  EXPECT_EQ(queue.push({33, true}, 102), 102) << "two each is fair";
  EXPECT_EQ(queue.push(33, 4), 4) << "and strangers do not take it back";
  EXPECT_EQ(queue.drain(4), (std::vector<int>{100, 0, 101, 1}));
}

TEST(FairQueue, ListedPeersLeaveStrangersTheirHalf) {
  FairQueue<int> queue(4);
  for (int i = 0; i < 4; i++) queue.push({33, true}, i);
  EXPECT_EQ(queue.push(33, 100), 3);
  EXPECT_EQ(queue.push(33, 101), 2);
  EXPECT_EQ(queue.push(33, 102), 102);
}

TEST(FairQueue, WhoCallsEverybodyListedGetsOneUsersShare) {
  FairQueue<int> queue(4);
  for (int i = 0; i < 2; i++) queue.push(1000, i), queue.push({1000, true}, 10 + i);
  EXPECT_EQ(queue.push(33, 100), 1) << "the liar's newest stranger";
  EXPECT_EQ(queue.push(33, 101), 11);
  EXPECT_EQ(queue.push({1000, true}, 12), 12);
  EXPECT_EQ(queue.push(1000, 2), 2);
  EXPECT_EQ(queue.drain(4), (std::vector<int>{100, 10, 101, 0})) << "and one turn of two";
}

TEST(FairQueue, WithoutRoomTakesNothing) {
  FairQueue<int> queue(0);
  EXPECT_EQ(queue.push(1, 5), 5);
  EXPECT_EQ(queue.pop(), std::nullopt);
}

TEST(FairQueue, DrainsNoMoreThanAsked) {
  FairQueue<int> queue(10);
  for (int i = 0; i < 6; i++) queue.push(static_cast<uid_t>(i % 2), i);
  EXPECT_EQ(queue.drain(3).size(), 3U);
  EXPECT_EQ(queue.size(), 3U);
}

TEST(WorkerPool, RunsEveryTaskOnce) {
  std::atomic<int> ran = 0;
  {
    WorkerPool pool(3, 1000);
    for (int i = 0; i < 500; i++) pool.post(static_cast<uid_t>(i % 5), [&](Status) { ran++; });
  }
  EXPECT_EQ(ran, 500);
}

TEST(WorkerPool, TellsATaskThatFoundNoPlace) {
  std::promise<void> started;  // outlive the pool, whose thread may still be inside set_value
  std::promise<void> go;
  WorkerPool pool(1, 1);
  pool.post(1, [&](Status) {
    started.set_value();
    go.get_future().wait();
  });
  started.get_future().wait();
  pool.post(1, [](Status) {});
  std::string refused;
  pool.post(1, [&](Status status) { refused = status ? "" : status.error().what; });
  EXPECT_NE(refused.find("daemon.overloaded"), std::string::npos);
  go.set_value();
}

TEST(WorkerPool, FailsWhatWaitsWhenItStops) {
  std::promise<void> started;
  std::promise<void> go;
  std::atomic<int> failed = 0;
  std::thread release;
  {
    WorkerPool pool(1, 10);
    pool.post(1, [&](Status) {
      started.set_value();
      go.get_future().wait();
    });
    started.get_future().wait();
    for (int i = 0; i < 3; i++) pool.post(1, [&](Status status) { failed += status ? 0 : 1; });
    release = std::thread([&] {
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
      go.set_value();
    });
  }
  release.join();
  EXPECT_EQ(failed, 3);
}

TEST(WorkerPool, TheLoopsThreadDoesWhatItPostedWhileAWorkerRunsTheLoop) {
  std::promise<void> went_on;
  std::atomic<bool> inside = false, done = false;
  {
    WorkerPool pool(2, 10);
    int steps = 0;
    pool.lead([&] {
      if (inside) return went_on.set_value(), false;
      auto me = std::this_thread::get_id();
      pool.post(1, [&, me](Status) {
        if (std::this_thread::get_id() != me || inside.exchange(true)) return;  // no worker was free yet
        done = went_on.get_future().wait_for(std::chrono::seconds(60)) == std::future_status::ready;
      });
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
      return ++steps < 60000;
    });
  }
  EXPECT_TRUE(inside) << "nothing was done by the thread that posted it";
  EXPECT_TRUE(done) << "the loop stood still meanwhile";
}

TEST(WorkerPool, TheLoopNeverWaitsForAJudgement) {
  std::promise<void> loop_went_on;
  auto went_on = loop_went_on.get_future().share();
  auto in_time = [went_on] { return went_on.wait_for(std::chrono::seconds(20)) == std::future_status::ready; };
  std::atomic<bool> begun = false, mine = true, others = true;
  std::thread other;
  {
    WorkerPool pool(1, 10);
    int steps = 0;
    std::this_thread::sleep_for(std::chrono::milliseconds(100));  // the worker is free by now
    pool.lead([&] {
      if (++steps > 1) return loop_went_on.set_value(), false;
      pool.post(1, [&](Status) { mine = in_time(); });  // for this thread, as long as the worker is free to lead
      other = std::thread([&] { pool.post(2, [&](Status) { begun = true, others = in_time(); }); });
      for (int i = 0; i < 2000 && !begun; i++) std::this_thread::sleep_for(std::chrono::milliseconds(1));
      return true;  // and now it is not
    });
    other.join();
  }
  EXPECT_TRUE(mine && others) << "everybody judged and nobody ran the loop";
}

TEST(WorkerPool, RunsEveryTaskOnceUnderALoopThatOneThreadRunsAtATime) {
  std::atomic<int> ran = 0, in_loop = 0, most = 0;
  int steps = 0;  // of the loop alone
  {
    WorkerPool pool(3, 10000);
    std::thread other([&] {
      for (int i = 0; i < 500; i++) pool.post(2, [&](Status) { ran++; });
    });
    pool.lead([&] {
      most = std::max(most.load(), ++in_loop);
      for (int i = 0; i < steps % 3; i++) pool.post(1, [&](Status) { ran++; });
      in_loop--;
      return ++steps < 1500;
    });
    other.join();
  }
  EXPECT_EQ(most, 1);
  EXPECT_EQ(ran, 500 + 1500);
}

TEST(WorkerPool, ALoopThatEndsLeavesTheWorkersAtWork) {
  std::promise<void> ran;
  WorkerPool pool(1, 10);
  pool.lead([] { return false; });
  pool.post(1, [&](Status) { ran.set_value(); });
  EXPECT_EQ(ran.get_future().wait_for(std::chrono::seconds(60)), std::future_status::ready);
}

}  // namespace
}  // namespace attest
