// CMC's own configuration files, taken as they are.
#include <gtest/gtest.h>

#include "cmcd-lite/server/cmc/agent_file.h"
#include "cmcd-lite/server/config/config.h"
#include "evidence/core/file.h"
#include "test/support/temp_dir.h"

namespace attest {
namespace {

class AgentFile : public testing::Test {
 protected:
  Result<Converted> convert(const std::string& text, const AgentSwitches& switches = {true, {}}) {
    EXPECT_TRUE(write_file_atomic(dir_.file("cmcd-conf.json"), as_view(text)));
    return convert_agent_file(dir_.file("cmcd-conf.json"), switches);
  }
  Result<Config> loaded(const Converted& converted) {
    EXPECT_TRUE(write_file_atomic(dir_.file("cmcd.json"), as_view(converted.json)));
    return load_config(dir_.file("cmcd.json"));
  }
  // with is a file of CMC's with one member more.
  static std::string with(const std::string& member) {
    return R"({"cmcAddr": "127.0.0.1:9955", "api": "socket", "storage": "/var/lib/cmc", "drivers": ["tpm"], "rootCas": ["/etc/cmc/ca.pem"])" +
           (member.empty() ? "" : ", " + member) + "}";
  }
  std::string refusal(const std::string& member) {
    auto converted = convert(with(member));
    return converted ? "" : converted.error().what;
  }
  test::TempDir dir_;
};

TEST_F(AgentFile, LaterFilesOverruleEarlierOnes) {
  std::string first = dir_.file("a.json"), second = dir_.file("b.json");
  ASSERT_TRUE(write_file_atomic(first, as_view(with(R"("hashAlg": "SHA-512", "useOmsp": true)"))));
  ASSERT_TRUE(write_file_atomic(second, as_view(std::string_view(R"({"hashAlg": "sha384", "storage": "/srv/cmc"})"))));
  auto converted = convert_agent_file(first + "," + second, {true, {}});
  ASSERT_TRUE(converted) << converted.error().what;
  auto config = loaded(*converted);
  ASSERT_TRUE(config) << config.error().what;
  EXPECT_EQ(config->cmc.hash, HashAlg::sha384);
  EXPECT_TRUE(config->cmc.omsp);
  EXPECT_EQ(converted->state_dir, "/srv/cmc");
  EXPECT_FALSE(convert_agent_file(first + ",", {true, {}})) << "a file without a name";
  auto nowhere = convert(R"({"cmcAddr": "127.0.0.1:9955", "api": "socket"})");
  ASSERT_TRUE(nowhere) << nowhere.error().what;
  EXPECT_EQ(nowhere->state_dir, "/var/lib/attest");
  ASSERT_TRUE(write_file_atomic(second, as_view(std::string_view(R"({"colour": "blue"})"))));
  auto unknown = convert_agent_file(first + "," + second, {true, {}});
  ASSERT_FALSE(unknown);
  EXPECT_NE(unknown.error().what.find("colour"), std::string::npos) << unknown.error().what;
}

TEST_F(AgentFile, AWholeFileIsTakenOver) {
  auto converted = convert(R"({
    "cmcAddr": "unix:///run/cmc/cmcd.sock", "api": "socket", "provisionAuth": ["token", "attestation"], "provisionToken": "/etc/cmc/token",
    "endorsementMode": "est", "endorsementAddr": "https://endorse.example:9001", "enrollmentMode": "est",
    "enrollmentAddr": "https://est.example:9000", "metadata": ["file:///etc/cmc/metadata", "/etc/cmc/more"], "drivers": ["tpm"],
    "excludePcrs": [1, 23], "hashAlg": "SHA-384", "tpmKeyAlg": "RSA2048", "measurementLogs": true, "ctr": false, "ctrDriver": "tpm", "ctrLog": "/x",
    "policyEngine": "duktape", "policyOverwrite": false, "storage": "/var/lib/cmc", "cache": "/c", "peerCache": "/p",
    "rootCas": ["/etc/cmc/ca.pem"], "allowSystemCerts": false, "useOmsp": true, "omspFormat": "cbor", "logLevel": "debug"})");
  ASSERT_TRUE(converted) << converted.error().what;
  auto config = loaded(*converted);
  ASSERT_TRUE(config) << config.error().what << "\n" << converted->json;
  ASSERT_EQ(config->cmc.sockets.size(), 1U);
  EXPECT_EQ(config->cmc.sockets[0].path, "/run/cmc/cmcd.sock");
  EXPECT_FALSE(config->cmc.sockets[0].remote);
  EXPECT_EQ(config->cmc.enroll.host + ":" + config->cmc.enroll.port, "est.example:9000");
  EXPECT_EQ(config->cmc.enroll.token, "/etc/cmc/token");
  EXPECT_EQ(config->cmc.endorse.host + ":" + config->cmc.endorse.port, "endorse.example:9001");
  EXPECT_EQ(config->cmc.endorse.token, "/etc/cmc/token");
  EXPECT_TRUE(config->cmc.endorse_automatic);
  EXPECT_EQ(config->cmc.endorse.roots, std::vector<std::filesystem::path>{"/etc/cmc/ca.pem"});
  EXPECT_EQ(config->cmc.metadata, (std::vector<std::filesystem::path>{"/etc/cmc/metadata", "/etc/cmc/more"}));
  ASSERT_TRUE(config->drivers.tpm);
  EXPECT_EQ(config->drivers.tpm->ak_algorithm, "rsa-2048");
  EXPECT_EQ(config->drivers.tpm->pcrs.bank, HashAlg::sha384);
  EXPECT_EQ(config->drivers.tpm->pcrs.pcrs.size(), 16U) << "0, 2 to 16";
  EXPECT_FALSE(config->drivers.tpm->event_log.empty());
  EXPECT_EQ(config->cmc.hash, HashAlg::sha384);
  EXPECT_TRUE(config->cmc.omsp && config->cmc.one_root);
  EXPECT_EQ(config->state_dir, "/var/lib/cmc");
  ASSERT_TRUE(config->cmc.staple);
  EXPECT_EQ(config->cmc.staple->format, cmc::Encoding::cbor);
  EXPECT_EQ(config->cmc.staple->roots, std::vector<std::filesystem::path>{"/etc/cmc/ca.pem"});
  EXPECT_EQ(config->cmc.staple->folder, "/var/lib/cmc/cmc-omsp");
  EXPECT_EQ(converted->notes.size(), 5U) << "endorsement, revocation answers, cache, peerCache, logLevel";
}

TEST_F(AgentFile, AddressesOfEveryApi) {
  auto tcp = convert(with(""), {true, {"attest"}});
  ASSERT_TRUE(tcp) << tcp.error().what;
  auto config = loaded(*tcp);
  ASSERT_TRUE(config) << config.error().what;
  EXPECT_EQ(config->cmc.tcp, std::vector<std::string>{"127.0.0.1:9955"});
  EXPECT_EQ(config->cmc.remote_calls, std::vector<cmc::Call>{cmc::Call::attest});
  EXPECT_TRUE(config->drivers.tpm->event_log.empty()) << "measurementLogs is off where it is not named";
  for (const std::string api : {"grpc", "coap"}) {
    auto front = convert(R"({"cmcAddr": "127.0.0.1:9955", "api": ")" + api + R"(", "storage": "/s"})");
    ASSERT_TRUE(front) << front.error().what;
    ASSERT_EQ(front->notes.size(), 1U);
    EXPECT_NE(front->notes[0].find("cmc-" + api + " --listen 127.0.0.1:9955 --agent unix:///s/cmc-front.sock"), std::string::npos);
    auto behind = loaded(*front);
    ASSERT_TRUE(behind) << behind.error().what;
    EXPECT_TRUE(behind->cmc.sockets.at(0).remote);
  }
}

TEST_F(AgentFile, WhatIsNotDoneHereIsNamed) {
  EXPECT_EQ(refusal(""), "");
  for (const char* member : {R"("provisionAuth": ["certificate"])", R"("enrollmentMode": "acme")", R"("drivers": ["ias"])", R"("ctr": true)",
                             R"("metadata": ["https://est.example/m"])", R"("allowSystemCerts": true)", R"("policyOverwrite": true)",
                             R"("hashAlg": "SHA-1")"}) {
    std::string text = with(member), name = std::string(member).substr(0, std::string(member).find(':'));
    if (name == "\"drivers\"") text.replace(text.find(R"("drivers": ["tpm"], )"), 20, "");
    auto converted = convert(text);
    ASSERT_FALSE(converted) << member;
    EXPECT_NE(converted.error().what.find(name), std::string::npos) << converted.error().what;
    EXPECT_NE(converted.error().what.find("cmcd-conf.json:1"), std::string::npos);
  }
  EXPECT_NE(refusal(R"("newKey": 1)").find("newKey"), std::string::npos) << "unknown keys are errors";
  EXPECT_NE(refusal(R"("enrollmentAddr": "est.example:9000")").find("https://"), std::string::npos);
  EXPECT_NE(refusal(R"("endorsementMode": "est", "endorsementAddr": "http://est.example:9000")").find("https://"), std::string::npos);
  auto two = convert(with(""), {});
  ASSERT_FALSE(two);
  EXPECT_NE(two.error().what.find("--one-root"), std::string::npos);
  EXPECT_NE(convert(R"({"cmcAddr": "0.0.0.0:9955", "api": "socket", "storage": "/s"})").error().what.find("127.0.0.1"), std::string::npos);
}

TEST_F(AgentFile, IntelsHardware) {
  std::string text = with(R"("measurementLogs": true)");
  text.replace(text.find(R"(["tpm"])"), 7, R"(["tdx", "sgx"])");
  auto converted = convert(text);
  ASSERT_TRUE(converted) << converted.error().what;
  auto config = loaded(*converted);
  ASSERT_TRUE(config) << config.error().what;
  ASSERT_TRUE(config->drivers.tdx && config->drivers.sgx);
  EXPECT_FALSE(config->drivers.tdx->event_log.empty() || config->drivers.tpm);
  EXPECT_EQ(config->cmc.collateral, (std::vector<std::filesystem::path>{"/var/lib/cmc/intel-collateral"}));
}

TEST_F(AgentFile, AzureIsClaimsAndVtpm) {
  std::string text = with("");
  text.replace(text.find(R"(["tpm"])"), 7, R"(["azure"])");
  auto converted = convert(text);
  ASSERT_TRUE(converted) << converted.error().what;
  auto config = loaded(*converted);
  ASSERT_TRUE(config) << config.error().what;
  ASSERT_TRUE(config->drivers.azure && config->drivers.tpm);
  EXPECT_TRUE(config->drivers.tpm->platform_ak);
  EXPECT_EQ(config->drivers.azure->certificates, "/var/lib/cmc/azure-chain.pem");
  EXPECT_TRUE(config->drivers.azure->quote_service.ends_with("/acc/tdquote"));
  EXPECT_EQ(config->cmc.collateral, (std::vector<std::filesystem::path>{"/var/lib/cmc/intel-collateral"})) << "its TD quotes travel with it";
}

TEST_F(AgentFile, ValuesAreComparedWithoutRegardToCase) {
  auto plain = convert(with(R"("tpmKeyAlg": "RSA2048", "ctr": true, "ctrDriver": "tpm", "endorsementMode": "est", "endorsementAddr": "https://e.example")"));
  std::string text = with(R"("tpmKeyAlg": "rsa2048", "ctr": true, "ctrDriver": "TPM", "endorsementMode": "EST", "endorsementAddr": "https://e.example")");
  text.replace(text.find(R"(["tpm"])"), 7, R"(["TPM"])");
  text.replace(text.find(R"("socket")"), 8, R"("Socket")");
  auto other = convert(text);
  ASSERT_TRUE(plain && other) << (other ? "" : other.error().what);
  EXPECT_EQ(plain->json, other->json);
  EXPECT_NE(refusal(R"("tpmKeyAlg": "rsa20480")").find("tpmKeyAlg"), std::string::npos);
}

TEST_F(AgentFile, ContainersInTheTpmOrBySoftware) {
  auto tpm = convert(with(R"("ctr": true, "ctrDriver": "tpm", "ctrLog": "/var/lib/cmc/containers")"));
  ASSERT_TRUE(tpm) << tpm.error().what;
  auto config = loaded(*tpm);
  ASSERT_TRUE(config) << config.error().what;
  ASSERT_TRUE(config->cmc.containers && config->drivers.tpm->containers);
  EXPECT_TRUE(config->cmc.containers->in_tpm);
  EXPECT_EQ(config->drivers.tpm->containers->file, "/var/lib/cmc/containers");
  EXPECT_FALSE(config->drivers.tpm->containers->index) << "CMC's file has no word for it: the first event says it";
  std::string software = with(R"("ctr": true, "ctrDriver": "sw")");
  software.replace(software.find(R"(["tpm"])"), 7, R"(["tpm", "sw"])");
  auto sw = convert(software);
  ASSERT_TRUE(sw) << sw.error().what;
  auto loaded_sw = loaded(*sw);
  ASSERT_TRUE(loaded_sw) << loaded_sw.error().what;
  EXPECT_FALSE(loaded_sw->cmc.containers->in_tpm || loaded_sw->drivers.tpm->containers || loaded_sw->drivers.sw);
  EXPECT_NE(refusal(R"("ctr": true, "ctrDriver": "sw")").find("drivers"), std::string::npos) << "the driver is not named";
  auto other_bank = convert(with(R"("ctr": true, "ctrDriver": "tpm", "hashAlg": "SHA-384")"));
  ASSERT_TRUE(other_bank);
  auto refused = loaded(*other_bank);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().what.find("sha256 bank alone"), std::string::npos) << refused.error().what;
}

}  // namespace
}  // namespace attest
