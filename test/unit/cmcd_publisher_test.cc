// The daemon's half of publishing: verdicts become results, findings and events in queues on disk.
#include "cmcd-lite/server/verdicts/publisher.h"

#include <gtest/gtest.h>

#include <chrono>
#include <nlohmann/json.hpp>

#include "test/support/temp_dir.h"
#include "verifier/appraise.h"

namespace attest {
namespace {

using nlohmann::json;

VerdictRecord refusal() {
  Appraisal appraisal;
  appraisal.peer = "db.example";
  appraisal.image = "db 2026";
  appraisal.verdict.pass("quote.signature");
  Mismatch mismatch;
  mismatch.check = "pcr.unexpected-event";
  mismatch.anchor = "tpm";
  mismatch.reg = 10;
  mismatch.measured_name = "evil";
  mismatch.measured_digest = std::string(64, 'a');
  appraisal.verdict.mismatch(mismatch);
  appraisal.verdict.fail("pcr.unexpected-event", "it ran");
  VerdictRecord record;
  record.when = 1795341600;
  record.peer = "db.example";
  record.name = "pcr.unexpected-event";
  record.appraisal = appraisal_json(appraisal);
  return record;
}

class PublisherTest : public testing::Test {
 protected:
  publish::Config config() const {
    publish::Config out;
    out.queue = folder_.path() / "publish";
    for (const char* name : {"results", "ocsf", "network"}) out.targets.push_back({name, "https://x.example/"});
    return out;
  }
  std::vector<std::string> queued(const std::string& target) const {
    auto spool = publish::Spool::open((folder_.path() / "publish" / target).string(), {});
    EXPECT_TRUE(spool);
    std::vector<std::string> out;
    for (auto batch = spool->oldest(); batch && !batch->texts.empty(); batch = spool->oldest()) {
      out.insert(out.end(), batch->texts.begin(), batch->texts.end());
      EXPECT_TRUE(spool->take(batch->number));
    }
    return out;
  }
  test::TempDir folder_;
};

TEST_F(PublisherTest, EveryVerdictIsTold) {
  {
    Publisher publisher({});
    publisher.add(refusal());  // nobody is to be told yet
    publisher.configure(config());
    publisher.add(refusal());
    VerdictRecord good = refusal();
    Appraisal fine;
    fine.verdict.pass("quote.signature");
    good.appraisal = appraisal_json(fine);
    publisher.add(good);
    VerdictRecord odd = refusal();
    odd.appraisal = "{";
    publisher.add(odd);
  }
  auto results = queued("results"), findings = queued("ocsf"), events = queued("network");
  ASSERT_EQ(results.size(), 3u);
  json result = json::parse(results[0]);
  EXPECT_EQ(result["version"], "3.4.0");
  EXPECT_EQ(result["summary"]["status"], "fail");
  EXPECT_EQ(result["prover"]["hostname"], "db.example");
  json artifact = result["measurements"][0]["artifacts"][0];
  EXPECT_EQ(artifact["name"], "evil");
  EXPECT_EQ(artifact["index"], 10);
  EXPECT_EQ(artifact["launched"], true);
  EXPECT_EQ(json::parse(results[1])["summary"]["status"], "success");
  EXPECT_EQ(json::parse(results[2])["summary"]["status"], "fail");
  ASSERT_EQ(findings.size(), 2u);
  EXPECT_EQ(json::parse(findings[0])["evidences"][0]["file"]["name"], "evil");
  ASSERT_EQ(events.size(), 3u);
  EXPECT_EQ(json::parse(events[1])["status"], "success");
}

TEST_F(PublisherTest, AResultOfCmcsIsToldWhole) {
  auto result = std::make_shared<cmc::AttestationResult>();
  result->summary.fail(cmc::kVerifyMeasurement, "TPM measurement");
  result->prover.hostname = "box.example";
  result->cert_level = 3;
  result->measurements.emplace_back().type = "TPM Result";
  VerdictRecord record = refusal();
  record.appraisal = "{}";
  record.result = result;
  {
    Publisher publisher({});
    publisher.configure(config());
    publisher.add(record);
  }
  auto results = queued("results");
  ASSERT_EQ(results.size(), 1U);
  json told = json::parse(results[0]);
  EXPECT_EQ(told["certLevel"], 3);
  EXPECT_EQ(told["measurements"][0]["type"], "TPM Result");
  EXPECT_EQ(told["prover"]["hostname"], "box.example");
  EXPECT_FALSE(told["verifier"]["hostname"].get<std::string>().empty());
  EXPECT_EQ(told["summary"]["errorCodes"][0], 67);
}

TEST_F(PublisherTest, WhatFindsNoRoomIsCounted) {
  publish::Config small = config();
  small.targets.resize(1);
  small.items = 2;
  std::vector<std::string> log;
  {
    Publisher publisher([&](const std::string& line) { log.push_back(line); });
    publisher.configure(small);
    for (int i = 0; i < 5; i++) {
      publisher.add(refusal());
      for (int wait = 0; wait < 2000 && publisher.health().queued < static_cast<std::uint64_t>(i + 1); wait++)
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    EXPECT_EQ(publisher.health().queued, 5u);
    EXPECT_EQ(publisher.health().lost, 3u);
    VerdictRecord huge = refusal();
    huge.why = std::string(Publisher::kMaxWaitingBytes, 'x');
    publisher.add(huge);
    EXPECT_EQ(publisher.health().lost, 4u);
  }
  EXPECT_EQ(queued("results").size(), 2u);
  ASSERT_FALSE(log.empty());
  EXPECT_NE(log[0].find("publish.lost"), std::string::npos);
}

TEST_F(PublisherTest, AFolderThatCannotBeMadeLosesVerdictsAndNothingElse) {
  publish::Config broken = config();
  broken.queue = "/proc/none";
  Publisher publisher({});
  publisher.configure(broken);
  publisher.add(refusal());
  for (int wait = 0; wait < 2000 && publisher.health().lost < 3; wait++) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  EXPECT_EQ(publisher.health().lost, 3u) << "a result, a finding, an event";
}

}  // namespace
}  // namespace attest
