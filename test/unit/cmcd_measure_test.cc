// Measure: containers that a runtime tells the agent of, in the register of the TPM or vouched for by software, and what
// verifiers make of the reports.
#include <gtest/gtest.h>

#include "evidence/cmc/report.h"
#include "evidence/container/event.h"
#include "evidence/core/file.h"
#include "evidence/core/hex.h"
#include "test/support/cmc_machine.h"

namespace attest {
namespace {

using namespace attest::test;
using cmc::Call;
using cmc::Encoding;
using nlohmann::json;

constexpr std::int64_t kRegister = 14;
constexpr const char* kSecret = "hunter2hunter2";

// Started is a container as its runtime measures it: the normalised configuration and the event, in clear.
struct Started {
  cmc::Component event;
  explicit Started(const std::string& name, const std::string& cwd = "/", std::int64_t index = kRegister) {
    json config = {{"process", {{"args", {name}}, {"cwd", cwd}, {"env", {"PATH=/bin", std::string("TOKEN=") + kSecret}}}},
                   {"mounts", json::array()}};
    json spec = *container::normalise_config(config, {"", {}, container::Environment::clear});
    container::Measurement m{name, index, "SW", *container::config_digest(spec), sha256(as_view("rootfs of " + name))};
    event = container::make_event(m, spec);
  }
};

std::string status_of(const Result<std::string>& result) {
  return result ? member_text(member_raw(*result, "summary"), "status") : "error: " + result.error().what;
}

class Measure : public testing::TestWithParam<const char*> {
 protected:
  bool in_tpm() const { return std::string(GetParam()) == "tpm"; }
  void SetUp() override {
    ASSERT_TRUE(machine_.good());
    ASSERT_TRUE(machine_.start(R"(, "containers": {"driver": ")" + std::string(GetParam()) + "\"}")) << machine_.machine.daemon.log();
  }
  Result<bool> measure(const cmc::Component& event, Encoding encoding = Encoding::cbor) const {
    cmc::ApiRequest request;
    request.call = Call::measure;
    request.event = event;
    TRY(cmc::ApiResponse answer, cmc_call(machine_.client(encoding), request));
    return answer.success;
  }
  bool recorded(const cmc::Component& event, Encoding encoding = Encoding::cbor) const {
    auto answer = measure(event, encoding);
    EXPECT_TRUE(answer) << answer.error().what;
    return answer && *answer;
  }
  std::string judged(Encoding encoding = Encoding::json) {
    Bytes nonce(32, ++nonce_);
    auto report = machine_.attest(encoding, nonce);
    if (!report) return "error: " + report.error().what;
    EXPECT_EQ(as_text(*report).find(kSecret), std::string_view::npos) << "values of variables stay on the machine";
    EXPECT_EQ(as_text(*report).find(to_base64(as_view(kSecret)).substr(0, 12)), std::string_view::npos);
    return status_of(machine_.verify(Encoding::json, nonce, *report, ""));
  }
  // describe signs a manifest of containers, and an image description whose rules let the folder they work in differ.
  void describe(const std::vector<cmc::Component>& references) {
    cmc::Metadata app;
    app.type = cmc::kManifest;
    app.name = "app";
    app.developer = "Test";
    app.base_layers = {"test.boot"};
    app.cert_level = 1;
    app.sbom = cmc::Sbom{"CycloneDX", "1.7", 1, references};
    for (cmc::Component& one : app.sbom->components.edit())
      for (cmc::Property& p : one.properties.edit())
        if (p.name == "cmc.ta") p.value = in_tpm() ? "TPM" : "SW";
    machine_.hold("app.json", app);
    cmc::Metadata image;
    image.type = cmc::kImageDescription;
    image.name = "test-image";
    image.descriptions = {{"Manifest Description", "test.boot.description", "", "test.boot", std::nullopt},
                          {"Manifest Description", "app.description", "", "app", json::parse(R"({"process":{"cwd":"modifiable"}})")}};
    machine_.hold("image.json", image);
    ASSERT_TRUE(machine_.reload());
  }
  Result<cmc::Report> report() {
    TRY(Bytes bytes, machine_.attest(Encoding::cbor, Bytes(32, ++nonce_)));
    return cmc::decode_report(bytes);
  }
  std::string log_file() const { return machine_.machine.daemon.path("containers.json"); }
  Authority authority_;
  CmcMachine machine_{authority_, "tis"};
  std::uint8_t nonce_ = 0;
};

TEST_P(Measure, AContainerIsInEveryReportFromThenOn) {
  EXPECT_EQ(judged(), "success") << "none was started";
  Started web("web"), moved("web", "/srv"), other("other");
  EXPECT_TRUE(recorded(web.event, Encoding::json));
  EXPECT_EQ(judged(), "fail") << "no manifest knows it";
  describe({web.event});
  for (Encoding encoding : {Encoding::json, Encoding::cbor}) EXPECT_EQ(judged(encoding), "success");
  EXPECT_TRUE(recorded(web.event)) << "again";
  EXPECT_TRUE(recorded(moved.event));
  EXPECT_EQ(judged(), "success") << "rules allow another folder";
  auto told = report();
  ASSERT_TRUE(told) << told.error().what;
  std::size_t containers = 0;
  for (const cmc::Collateral& collateral : told->context.collateral)
    for (const cmc::Artifact& artifact : collateral.artifacts)
      for (const cmc::Component& event : artifact.events)
        if (event.ctr) {
          containers++;
          EXPECT_EQ(artifact.type, in_tpm() ? cmc::kPcrEventlog : cmc::kSwEventlog);
          EXPECT_EQ(artifact.index, kRegister);
          EXPECT_EQ(*event.property("cmc.ta"), in_tpm() ? "TPM" : "SW");
          EXPECT_NE(event.ctr->oci_spec->dump().find("TOKEN=<redacted>"), std::string::npos);
        }
  EXPECT_EQ(containers, 2U);
  EXPECT_TRUE(recorded(other.event));
  EXPECT_EQ(judged(), "fail");
  EXPECT_EQ(judged(Encoding::cbor), "fail");
}

TEST_P(Measure, WhatDoesNotHoldTogetherIsNotRecorded) {
  Started good("web");
  cmc::Component bad = good.event;
  bad.ctr->config_sha256[0] ^= 1;
  EXPECT_FALSE(recorded(bad)) << "the hash is not that of its parts";
  bad = good.event;
  (*bad.ctr->oci_spec)["process"]["args"] = {"harmless"};
  EXPECT_FALSE(recorded(bad)) << "a configuration that is not the measured one";
  bad = good.event;
  bad.ctr.reset();
  EXPECT_FALSE(recorded(bad));
  bad = good.event;
  bad.properties.clear();
  EXPECT_FALSE(recorded(bad)) << "no register";
  if (in_tpm()) {
    for (std::int64_t index : {0, 7, 10, 15, 16, 23, 24, -1}) EXPECT_FALSE(recorded(Started("web", "/", index).event)) << index;
  }
  EXPECT_EQ(judged(), "success") << "and none of it is in a report";
  EXPECT_NE(machine_.machine.daemon.log().find("cmc.measure: container \"web\" was not recorded: "), std::string::npos);
  EXPECT_TRUE(recorded(good.event));
  EXPECT_FALSE(recorded(Started("other", "/", kRegister - 2).event)) << "another register than the first";
}

TEST_P(Measure, TheLogOutlivesTheDaemon) {
  Started web("web");
  describe({web.event});
  EXPECT_EQ(judged(), "fail") << "it has to run";
  ASSERT_TRUE(recorded(web.event));
  ASSERT_EQ(judged(), "success");
  EXPECT_EQ(as_text(*read_file(log_file(), 1 << 20)).find(kSecret), std::string_view::npos);
  MachineDaemon& daemon = machine_.machine.daemon;
  daemon.stop();
  ASSERT_TRUE(daemon.start() && daemon.ready());
  EXPECT_EQ(judged(), "success");
  EXPECT_TRUE(recorded(web.event)) << "and it stands there once";
  EXPECT_EQ(judged(), "success");
}

// The handshakes' own evidence is of the same register, and explained as well.
TEST_P(Measure, EvidenceOfHandshakesIsStillExplained) {
  ASSERT_TRUE(recorded(Started("web").event));
  std::string answer = machine_.machine.daemon.control(R"({"op":"generate","nonce":"0102"})");
  EXPECT_TRUE(answer.starts_with("{\"ok\":true")) << answer;
}

INSTANTIATE_TEST_SUITE_P(Drivers, Measure, testing::Values("tpm", "sw"), [](const auto& one) { return std::string(one.param); });

class MeasureTpm : public Measure {};

// A log entry without its extend (the machine was started anew, or power failed in between) goes; an extend without a log
// entry does not stay hidden.
TEST_P(MeasureTpm, TheRegisterSaysWhichEntriesCount) {
  Started web("web"), later("later");
  describe({web.event});
  ASSERT_TRUE(recorded(web.event));
  Bytes held = *read_file(log_file(), 1 << 20);
  MachineDaemon& daemon = machine_.machine.daemon;
  daemon.stop();
  auto ahead = cmc::parse_artifact(held);
  ASSERT_TRUE(ahead) << ahead.error().what;
  cmc::Component never = later.event;
  never.ctr->oci_spec.reset();
  ahead->events.push_back(never);
  ASSERT_TRUE(write_file_atomic(log_file(), cmc::encode_artifact(*ahead, Encoding::cbor), 0600)) << "CMC's agents write CBOR, too";
  ASSERT_TRUE(daemon.start() && daemon.ready());
  EXPECT_EQ(judged(), "success") << "what was never extended never ran";
  EXPECT_TRUE(recorded(later.event));
  EXPECT_EQ(judged(), "fail") << "now it did";
  daemon.stop();
  ASSERT_TRUE(write_file_atomic(log_file(), held, 0600));
  ASSERT_TRUE(daemon.start() && daemon.ready());
  EXPECT_NE(judged().find("PCR 14"), std::string::npos) << "a log that was cut short explains nothing";
  EXPECT_FALSE(recorded(Started("third").event));
}

TEST_P(MeasureTpm, SomebodyElsesExtendIsNotTakenForAContainer) {
  ASSERT_TRUE(recorded(Started("web").event));
  ASSERT_TRUE(machine_.machine.measured->extend_unlogged(kRegister));
  EXPECT_FALSE(recorded(Started("later").event));
  EXPECT_NE(machine_.machine.daemon.log().find("neither the firmware nor this daemon logged"), std::string::npos);
  EXPECT_NE(judged().find("PCR 14"), std::string::npos);
}

TEST_P(MeasureTpm, AMachineThatStartsAnewHasStartedNothing) {
  Started web("web");
  describe({web.event});
  ASSERT_TRUE(recorded(web.event));
  ASSERT_EQ(judged(), "success");
  MachineDaemon& daemon = machine_.machine.daemon;
  daemon.stop();
  ASSERT_TRUE(machine_.machine.tpm->reset());
  ASSERT_TRUE(daemon.start() && daemon.ready()) << daemon.log();
  ASSERT_TRUE(machine_.machine.measured->play_again());
  EXPECT_EQ(judged(), "fail");
  EXPECT_TRUE(recorded(web.event)) << "it counts again";
  EXPECT_EQ(judged(), "success");
}

INSTANTIATE_TEST_SUITE_P(Drivers, MeasureTpm, testing::Values("tpm"), [](const auto& one) { return std::string(one.param); });

TEST(MeasureNowhere, IsRefusedWhereNothingIsConfigured) {
  Authority authority;
  CmcMachine machine(authority, "tis");
  ASSERT_TRUE(machine.good() && machine.start());
  cmc::ApiRequest request;
  request.call = Call::measure;
  request.event = Started("web").event;
  auto answer = cmc_call(machine.client(Encoding::json), request);
  ASSERT_FALSE(answer);
  EXPECT_NE(answer.error().what.find("\"containers\" of \"cmc\""), std::string::npos) << answer.error().what;
}

}  // namespace
}  // namespace attest
