// The API of CMC's agent over its socket: reports made of a TPM, judged by the same daemon.
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <thread>

#include "cmcd-lite/server/cmc/api/api.h"
#include "cmcd-lite/server/config/config.h"
#include "drivers/table.h"
#include "evidence/cmc/report.h"
#include "evidence/core/file.h"
#include "evidence/core/hex.h"
#include "test/support/cmc_machine.h"
#include "verifier/cmc/judge.h"

namespace attest {
namespace {

using namespace attest::test;
using cmc::Call;
using cmc::Encoding;

const std::string kPeer(64, 'a');

// status of a JSON result.
std::string status(const std::string& result) { return member_text(member_raw(result, "summary"), "status"); }

class CmcDaemon : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(machine_.good());
    ASSERT_TRUE(machine_.start()) << machine_.machine.daemon.log();
  }
  std::vector<std::string> cache_of(const std::string& peer) {
    cmc::ApiRequest request;
    request.call = Call::peer_cache;
    request.peer = peer;
    auto answer = cmc_call(machine_.client(Encoding::cbor), request);
    EXPECT_TRUE(answer) << answer.error().what;
    return answer ? answer->cache : std::vector<std::string>();
  }
  Authority authority_;
  CmcMachine machine_{authority_, "tis"};
};

TEST_F(CmcDaemon, MakesReportsThatItAndOthersAccept) {
  for (Encoding encoding : {Encoding::json, Encoding::cbor}) {
    Bytes nonce(32, encoding == Encoding::json ? 1 : 2);
    auto report = machine_.attest(encoding, nonce);
    ASSERT_TRUE(report) << report.error().what;
    auto decoded = cmc::decode_report(*report);
    ASSERT_TRUE(decoded) << decoded.error().what;
    EXPECT_EQ(decoded->encoding, encoding) << "the report inside has the call's serialisation";
    EXPECT_EQ(decoded->context.nonce, nonce);
    EXPECT_EQ(decoded->context.digests.size(), 2U);
    auto result = machine_.verify(Encoding::json, nonce, *report, "");
    ASSERT_TRUE(result) << result.error().what;
    EXPECT_EQ(status(*result), "success") << *result;
    EXPECT_EQ(member_text(member_raw(*result, "prover"), "ip"), "192.0.2.7:4433");
    auto stale = machine_.verify(Encoding::json, Bytes(32, 9), *report, "");
    ASSERT_TRUE(stale) << "a failed verdict is a normal answer";
    EXPECT_EQ(status(*stale), "fail");
    Bytes bent = *report;
    bent[bent.size() / 2] ^= 1;
    auto refused = machine_.verify(Encoding::json, nonce, bent, "");
    ASSERT_TRUE(refused);
    EXPECT_EQ(status(*refused), "fail");
  }
  EXPECT_EQ(cache_of("").size(), 0U) << "nobody's metadata is held under no name";
}

TEST_F(CmcDaemon, MetadataThatIsHeldNeedNotTravel) {
  Bytes nonce(32, 3);
  auto whole = machine_.attest(Encoding::cbor, nonce);
  ASSERT_TRUE(whole);
  ASSERT_EQ(status(*machine_.verify(Encoding::json, nonce, *whole, kPeer)), "success");
  std::vector<std::string> held = cache_of(kPeer);
  ASSERT_EQ(held.size(), 2U);
  auto brief = machine_.attest(Encoding::cbor, nonce, held);
  ASSERT_TRUE(brief);
  EXPECT_TRUE(cmc::decode_report(*brief)->context.metadata.empty());
  EXPECT_LT(brief->size(), whole->size());
  EXPECT_EQ(status(*machine_.verify(Encoding::json, nonce, *brief, kPeer)), "success");
  EXPECT_EQ(status(*machine_.verify(Encoding::json, nonce, *brief, std::string(64, 'b'))), "fail")
      << "what one peer showed says nothing about another";
  EXPECT_EQ(cache_of(kPeer), held);
}

TEST_F(CmcDaemon, WhatIsMeasuredMeanwhileIsInTheNextReport) {
  Bytes nonce(32, 4);
  ASSERT_EQ(status(*machine_.verify(Encoding::json, nonce, *machine_.attest(Encoding::json, nonce), "")), "success");
  ASSERT_TRUE(machine_.machine.measured->measure_file("/usr/bin/stranger"));
  auto report = machine_.attest(Encoding::json, nonce);
  ASSERT_TRUE(report) << report.error().what;
  auto result = machine_.verify(Encoding::json, nonce, *report, "");
  ASSERT_TRUE(result);
  EXPECT_EQ(status(*result), "fail");
  EXPECT_NE(result->find("stranger"), std::string::npos) << "and it is named";
}

TEST_F(CmcDaemon, PoliciesOfACallCanOnlyRefuse) {
  Bytes nonce(32, 5);
  cmc::ApiRequest request;
  request.call = Call::verify;
  request.nonce = nonce;
  request.report = *machine_.attest(Encoding::json, nonce);
  auto judged = [&](const char* script) {
    request.policies = to_bytes(as_view(script));
    auto answer = cmc_call(machine_.client(Encoding::json), request);
    EXPECT_TRUE(answer) << answer.error().what;
    return answer ? status(std::string(as_text(answer->result))) : "";
  };
  EXPECT_EQ(judged("JSON.parse(json).type === 'Attestation Result'"), "success");
  EXPECT_EQ(judged("false"), "fail");
  EXPECT_EQ(judged(""), "fail") << "an empty policy says nothing, which is no yes";
  request.nonce = Bytes(32, 6);
  EXPECT_EQ(judged("true"), "fail") << "a policy makes nothing good";
}

TEST_F(CmcDaemon, UpdatesAndWhatThisAgentDoesNotDo) {
  cmc::ApiRequest request;
  for (Call call : {Call::update_certs, Call::update_metadata}) {
    request.call = call;
    auto answer = cmc_call(machine_.client(Encoding::json), request);
    ASSERT_TRUE(answer) << answer.error().what;
    EXPECT_TRUE(answer->success);
  }
  std::string verdicts = machine_.machine.daemon.control(R"({"op":"verdicts","count":5})");
  EXPECT_EQ(verdicts.find("\"cmc\""), std::string::npos) << "nothing was judged yet";
  machine_.verify(Encoding::cbor, {1}, {2}, "").operator bool();
  verdicts = machine_.machine.daemon.control(R"({"op":"verdicts","count":5})");
  EXPECT_NE(verdicts.find("\"cmc\""), std::string::npos) << verdicts;
}

TEST(CmcPeerCache, IsBoundedAndForgetsTheOldest) {
  PeerCache cache;
  Bytes item(100, 7);
  std::vector<View> lent{item};
  for (std::size_t i = 0; i <= PeerCache::kMaxPeers; i++) cache.put("peer" + std::to_string(i), HashAlg::sha256, lent);
  EXPECT_TRUE(cache.digests("peer0").empty());
  EXPECT_EQ(cache.digests("peer1").size(), 1U) << "one copy, however many peers have it";
  EXPECT_EQ(cache.digests("peer1")[0], to_hex(sha256(item).view()));
  for (std::uint8_t i = 0; i < 70; i++) {
    Bytes big(1 << 20, i);
    lent = {big};
    cache.put("big" + std::to_string(i), HashAlg::sha256, lent);
  }
  EXPECT_TRUE(cache.digests("big0").empty());
  EXPECT_EQ(cache.digests("big69").size(), 1U);
  cache.put("", HashAlg::sha256, lent);
  EXPECT_TRUE(cache.digests("").empty());
}

// SlowDriver's claims lack what a service gives that takes its time.
struct SlowService {
  std::atomic<int> asked = 0;
  std::promise<void> released;
  std::shared_future<void> gate = released.get_future().share();
};
class SlowDriver : public Driver {
 public:
  explicit SlowDriver(std::shared_ptr<SlowService> service) : service_(std::move(service)) {}
  AnchorKind kind() const override { return AnchorKind::azure; }
  AnchorIdentity identity() const override { return {AnchorKind::azure, Bytes(32, 1)}; }
  std::optional<PcrSelection> pcrs() const override { return std::nullopt; }
  std::string algorithm() const override { return "rsa-2048"; }
  Result<Anchor> quote(const Digest&) override {
    AzureAnchor claims;
    claims.hcl = Bytes(4096, 0);
    return Anchor(claims);
  }
  Finisher finisher() const override {
    return [service = service_](Anchor) -> Result<Anchor> {
      service->asked++;
      service->gate.wait();
      return Error{Errc::io, "the service has no quote"};
    };
  }
  Result<const MeasuredLog*> log(const Anchor&) override { return static_cast<const MeasuredLog*>(nullptr); }
  Result<Bytes> raw_log(LogKind) override { return Error{Errc::unsupported, "none"}; }

 private:
  std::shared_ptr<SlowService> service_;
};

TEST_F(CmcDaemon, ASlowPartOfAReportHoldsNobodyElseUp) {
  MachineDaemon& daemon = machine_.machine.daemon;
  auto config = load_config(daemon.write_config());
  ASSERT_TRUE(config) << config.error().what;
  auto service = std::make_shared<SlowService>();
  daemon.stop();
  ASSERT_TRUE(daemon.start([drivers = config->drivers, service]() -> Result<std::vector<OpenedDriver>> {
    std::vector<OpenedDriver> out;
    TRY(OpenedDriver tpm, find_driver("tpm")->open(drivers));
    out.push_back(std::move(tpm));
    out.emplace_back().driver = std::make_unique<SlowDriver>(service);
    return out;
  }) && daemon.ready());
  auto waiting = std::async(std::launch::async, [&] { return machine_.attest(Encoding::cbor, Bytes(8, 1)); });
  for (int i = 0; i < 3000 && service->asked == 0; i++) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  EXPECT_EQ(service->asked, 1) << daemon.log();
  std::string told = daemon.control(R"({"op":"enroll.request"})");  // of the TPM
  EXPECT_TRUE(told.starts_with("{\"ok\"")) << told;
  told = daemon.control(R"({"op":"key.create","name":"meanwhile","algorithm":"ec-p256","tpm":true})");
  EXPECT_TRUE(told.starts_with("{\"ok\"")) << told;
  EXPECT_EQ(waiting.wait_for(std::chrono::seconds(0)), std::future_status::timeout) << "the report is still waited for";
  service->released.set_value();
  auto report = waiting.get();
  ASSERT_FALSE(report);
  EXPECT_NE(report.error().what.find("the service has no quote"), std::string::npos) << report.error().what;
}

}  // namespace
}  // namespace attest
