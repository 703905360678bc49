#include "cmcd-lite/server/freshness/nonces.h"

#include <gtest/gtest.h>

#include "evidence/native/request.h"

namespace attest {
namespace {

constexpr Moment kStart{1000000, 2000000000};

Moment after(std::int64_t boot_ms, std::int64_t wall_ms) {
  return {kStart.boot_ms + boot_ms, kStart.wall_ms + wall_ms};
}

BeginAnswer issue(Nonces& nonces, Moment when = kStart) {
  auto answer = nonces.issue({Role::client, Mode::require, "web", "db.example", true},
                             {RequestHeader::kRequires, {Bytes(8, 7)}, 0, {}, {}}, when);
  EXPECT_TRUE(answer) << answer.error().what;
  return answer ? *answer : BeginAnswer{};
}

TEST(Nonces, AreBelievedOnce) {
  Nonces nonces(4, 30000);
  BeginAnswer answer = issue(nonces);
  auto request = decode_request(answer.request);
  ASSERT_TRUE(request) << request.error().what;
  EXPECT_EQ(request->header.flags, RequestHeader::kRequires);
  EXPECT_EQ(request->known_digests, std::vector<Bytes>{Bytes(8, 7)});
  auto taken = nonces.take(answer.handle, answer.request, Role::server, after(10, 10));
  ASSERT_TRUE(taken) << taken.error().what;
  EXPECT_EQ(taken->call.policy, "web");
  EXPECT_TRUE(taken->call.x509_name_checked);
  auto again = nonces.take(answer.handle, answer.request, Role::server, after(10, 10));
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, Errc::denied);
}

TEST(Nonces, DifferEveryTime) {
  Nonces nonces(4, 30000);
  BeginAnswer a = issue(nonces);
  BeginAnswer b = issue(nonces);
  EXPECT_NE(a.request, b.request);
  EXPECT_NE(a.handle, b.handle);
}

TEST(Nonces, OfAnotherConnectionAreNotBelieved) {
  Nonces mine(4, 30000);
  Nonces other(4, 30000);
  BeginAnswer answer = issue(other);
  issue(mine);
  EXPECT_FALSE(mine.take(answer.handle, answer.request, Role::server, kStart));
  EXPECT_TRUE(other.take(answer.handle, answer.request, Role::server, kStart));
}

TEST(Nonces, ExpireByTheClockThatRanFurther) {
  Nonces nonces(8, 30000);
  auto age = [&](std::int64_t boot_ms, std::int64_t wall_ms) {
    BeginAnswer answer = issue(nonces);
    return nonces.take(answer.handle, answer.request, Role::server, after(boot_ms, wall_ms));
  };
  EXPECT_TRUE(age(30000, 30000));
  EXPECT_FALSE(age(30001, 5));    // the wall clock was set back
  EXPECT_FALSE(age(5, 30001));    // the machine was held
  EXPECT_TRUE(age(5, -3600000));  // a clock set back makes nothing older, nothing younger
  auto old = age(31000, 0);
  ASSERT_FALSE(old);
  EXPECT_EQ(old.error().code, Errc::stale);
}

TEST(Nonces, StandForTheirOwnRequestAlone) {
  Nonces nonces(8, 30000);
  BeginAnswer changed = issue(nonces);
  Bytes request = changed.request;
  request[1] ^= RequestHeader::kRequires;
  EXPECT_EQ(nonces.take(changed.handle, request, Role::server, kStart).error().code, Errc::mismatch);
  EXPECT_FALSE(nonces.take(changed.handle, changed.request, Role::server, kStart))
      << "a failed attempt spends the nonce";
  BeginAnswer longer = issue(nonces);
  request = longer.request;
  request.push_back(0);
  EXPECT_FALSE(nonces.take(longer.handle, request, Role::server, kStart));
  BeginAnswer swapped = issue(nonces);
  BeginAnswer second = issue(nonces);
  EXPECT_FALSE(nonces.take(swapped.handle, second.request, Role::server, kStart));
}

TEST(Nonces, JudgeTheOtherSideAlone) {
  Nonces nonces(8, 30000);
  BeginAnswer answer = issue(nonces);
  EXPECT_EQ(nonces.take(answer.handle, answer.request, Role::client, kStart).error().code, Errc::mismatch);
}

TEST(Nonces, OldestGoesFirstWhenThereAreTooMany) {
  Nonces nonces(3, 30000);
  BeginAnswer first = issue(nonces);
  BeginAnswer second = issue(nonces);
  issue(nonces);
  issue(nonces);
  EXPECT_EQ(nonces.pending(), 3U);
  EXPECT_FALSE(nonces.take(first.handle, first.request, Role::server, kStart));
  EXPECT_TRUE(nonces.take(second.handle, second.request, Role::server, kStart));
}

TEST(Nonces, ExpiredOnesDoNotStayInMemory) {
  Nonces nonces(100, 30000);
  for (int i = 0; i < 50; i++) issue(nonces);
  issue(nonces, after(60000, 60000));
  EXPECT_EQ(nonces.pending(), 1U);
}

TEST(Nonces, RefuseMoreKnownDigestsThanARequestHolds) {
  Nonces nonces(1, 30000);
  EXPECT_FALSE(nonces.issue({}, {0, std::vector<Bytes>(kMaxKnownDigests + 1, Bytes(8, 1)), 0, {}, {}}, kStart));
  EXPECT_EQ(nonces.pending(), 0U);
}

}  // namespace
}  // namespace attest
