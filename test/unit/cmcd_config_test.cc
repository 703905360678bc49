#include "cmcd-lite/server/config/config.h"

#include <gtest/gtest.h>

#include <fstream>

#include "test/support/temp_dir.h"

namespace attest {
namespace {

class ConfigTest : public testing::Test {
 protected:
  Result<Config> load(const std::string& text) {
    std::ofstream(dir_.file("cmcd.json")) << text;
    return load_config(dir_.file("cmcd.json"));
  }
  // error_of: the error, without the folder.
  std::string error_of(const std::string& text) {
    auto config = load(text);
    if (config) return "accepted";
    const std::string& what = config.error().what;
    EXPECT_TRUE(what.starts_with(dir_.file("cmcd.json") + ":")) << what;
    return what.substr(dir_.path().string().size() + 1);
  }
  test::TempDir dir_;
};

constexpr const char* kWhole = R"({ // a comment
  "state_dir": "/var/lib/attest",
  "sockets": [{"path": "/run/attest/a.sock"}, {"path": "/run/attest/b.sock", "mode": "0660", "callers": ["web"]}],
  "callers": [{"name": "web", "uid": "root", "service": "nginx", "roles": ["server", "client"],
               "keys": ["cert:/etc/ssl/web.pem", "key:web", "machine", "any",
                        "spki:00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"],
               "rights": ["attest", "judge", "sign"]},
              {"name": "all", "uid": "any", "rights": ["judge"]}, {"name": "ops", "gid": 0, "rights": ["control", "raw"]}],
  "tpm": {"tcti": "swtpm:path=/x", "ak_handle": "0x81010200", "ak_algorithm": "rsa-2048", "bank": "sha384", "pcrs": [0, 7],
          "event_log": "log", "ima_list": "", "ak_chain": "ak.pem"},
  "sw": {"key": "sw.key"},
  "metadata": {"folder": "metadata", "signers": ["/etc/attest/roots/metadata.pem"], "image": "web-server"},
  "policies": "/etc/attest/policies",
  "machine_cert": {"chain": "machine.pem", "key": "machine"},
  "audit_log": "audit.jsonl", "observe": true,
  "limits": {"connections": 10, "queue": 20, "nonce_seconds": 5, "judge_threads": 3}
})";

TEST_F(ConfigTest, ReadsTheWholeFile) {
  auto config = load(kWhole);
  ASSERT_TRUE(config) << config.error().what;
  EXPECT_EQ(config->sockets[1].mode, 0660U);
  EXPECT_EQ(config->sockets[1].callers, std::vector<std::string>{"web"});
  const CallerRule& web = config->callers[0];
  EXPECT_EQ(web.uid, 0U);
  EXPECT_EQ(web.service, "nginx");
  ASSERT_EQ(web.keys.size(), 5U);
  EXPECT_EQ(web.keys[0].text, "/etc/ssl/web.pem");
  EXPECT_EQ(web.keys[4].spki.size(), 32U);
  EXPECT_TRUE(web.has(Right::sign));
  EXPECT_FALSE(web.has(Right::control));
  EXPECT_TRUE(config->callers[1].any_uid);
  EXPECT_EQ(config->callers[1].service, "all");
  EXPECT_EQ(config->callers[2].gid, 0U);
  ASSERT_TRUE(config->drivers.tpm);
  EXPECT_EQ(config->drivers.tpm->ak_handle, 0x81010200U);
  EXPECT_EQ(config->drivers.tpm->pcrs, (PcrSelection{HashAlg::sha384, {0, 7}}));
  EXPECT_EQ(config->drivers.tpm->event_log, "/var/lib/attest/log");
  EXPECT_TRUE(config->drivers.tpm->ima_list.empty());
  EXPECT_EQ(config->drivers.sw->key, "/var/lib/attest/sw.key");
  EXPECT_EQ(config->metadata.folder, "/var/lib/attest/metadata");
  EXPECT_EQ(config->machine_cert.chain, "/var/lib/attest/machine.pem");
  EXPECT_TRUE(config->observe);
  EXPECT_EQ(config->limits.connections_per_uid, 5U);
  EXPECT_EQ(config->limits.nonce_seconds, 5);
}

TEST_F(ConfigTest, TheLeastFileHasDefaults) {
  auto config = load(R"({"sockets": [{"path": "/run/a"}]})");
  ASSERT_TRUE(config) << config.error().what;
  EXPECT_FALSE(config->drivers.tpm);
  EXPECT_FALSE(config->drivers.sw);
  EXPECT_TRUE(config->metadata.folder.empty());
  EXPECT_EQ(config->policies, "/etc/attest/policies");
  EXPECT_EQ(config->audit_log, "/var/lib/attest/audit.jsonl");
  EXPECT_EQ(config->sockets[0].mode, 0666U);
  EXPECT_EQ(config->limits.connections, 4096U);
}

// Every mistake names the file and the line it stands in.
struct Mistake {
  const char* text;
  const char* line;  // "cmcd.json:2"
  const char* part;
};
constexpr const char* kSocket = "\n\"sockets\": [{\"path\": \"/run/a\"}]";

TEST_F(ConfigTest, EveryMistakeNamesItsLine) {
  const std::vector<Mistake> mistakes = {
      {"{\"sockets\": []}", "cmcd.json:1", "sockets"},
      {"{\n\"socket\": []}", "cmcd.json:", "socket"},
      {"{\n\"observe\": 1,%}", "cmcd.json:2", "observe"},
      {"{\n\n\"tpm\": {\"pcrs\": [7, 0]},%}", "cmcd.json:3", "pcrs"},
      {"{\n\"tpm\": {\"pcrs\": [24]},%}", "cmcd.json:2", "pcrs"},
      {"{\n\"tpm\": {\n\"ak_handle\": \"0x80000000\"},%}", "cmcd.json:3", "ak_handle"},
      {"{\n\"tpm\": {\"ak_algorithm\": \"ec-p521\"},%}", "cmcd.json:2", "ak_algorithm"},
      {"{\n\"tpm\": {\n\"pcr\": [1]},%}", "cmcd.json:3", "pcr"},
      {"{\n\"metadata\": {\"folder\": \"m\"},%}", "cmcd.json:2", "signers"},
      {"{\n\"state_dir\": \"var\",%}", "cmcd.json:2", "state_dir"},
      {"{\n\"limits\": {\n\"connections\": 0},%}", "cmcd.json:3", "connections"},
      {"{\n\"limits\": {\"queue\": 4294967296},%}", "cmcd.json:2", "queue"},
      {"{\n\"sockets\": [{\"path\": \"run\"}]}", "cmcd.json:2", "path"},
      {"{\n\"sockets\": [{\"path\": \"/run/a\",\n\"mode\": \"rw\"}]}", "cmcd.json:3", "mode"},
      {"{\n\"sockets\": [{\"path\": \"/run/a\",\n\"callers\": [\"nobody-here\"]}]}", "cmcd.json:3",
       "nobody-here"},
  };
  for (const Mistake& mistake : mistakes) {
    std::string text = mistake.text;
    if (auto at = text.find('%'); at != std::string::npos) text.replace(at, 1, kSocket);
    std::string error = error_of(text);
    EXPECT_TRUE(error.starts_with(mistake.line)) << error;
    EXPECT_NE(error.find(mistake.part), std::string::npos) << error;
  }
}

TEST_F(ConfigTest, EveryMistakeInACallerNamesItsLine) {
  const std::vector<std::pair<const char*, const char*>> entries = {
      {R"("name": "a", "rights": ["judge"])", "uid"},
      {R"("name": "a", "uid": "no-such-user-here", "rights": ["judge"])", "no-such-user-here"},
      {R"("name": "a", "gid": "no-such-group-here", "rights": ["judge"])", "no-such-group-here"},
      {R"("name": "a", "uid": -1, "rights": ["judge"])", "uid"},
      {R"("name": "a", "uid": 4294967295, "rights": ["judge"])", "uid"},
      {R"("name": "a", "uid": 1)", "rights"},
      {R"("name": "a", "uid": 1, "rights": ["root"])", "root"},
      {R"("name": "a", "uid": 1, "rights": ["attest"], "keys": ["any"])", "roles"},
      {R"("name": "a", "uid": 1, "rights": ["sign"], "roles": ["client"])", "keys"},
      {R"("name": "a", "uid": 1, "rights": ["sign"], "roles": ["peer"], "keys": ["any"])", "peer"},
      {R"("name": "a", "uid": 1, "rights": ["sign"], "roles": ["client"], "keys": ["cert:web.pem"])",
       "cert:web.pem"},
      {R"("name": "a", "uid": 1, "rights": ["sign"], "roles": ["client"], "keys": ["spki:0011"])",
       "spki:0011"},
      {R"("name": "a", "uid": "any", "rights": ["raw"])", "raw"},
      {R"("name": "a", "uid": "any", "rights": ["control"])", "control"},
      {R"("name": "", "uid": 1, "rights": ["judge"])", "name"},
      {R"("name": "a", "uid": 1, "rights": ["judge"], "user": "b")", "user"},
      {R"("name": "b", "uid": 1, "rights": ["judge"])", "twice"},
  };
  for (const auto& [entry, part] : entries) {
    std::string error =
        error_of(std::string("{\n\"callers\": [{\"name\": \"b\", \"uid\": 2, \"rights\": [\"judge\"]},\n{") +
                 entry + "}]," + kSocket + "}");
    EXPECT_TRUE(error.starts_with("cmcd.json:3")) << error;
    EXPECT_NE(error.find(part), std::string::npos) << error << " for " << entry;
  }
}

TEST_F(ConfigTest, AMissingFileIsNamed) {
  auto config = load_config(dir_.file("none.json"));
  ASSERT_FALSE(config);
  EXPECT_EQ(config.error().code, Errc::io);
  EXPECT_NE(config.error().what.find("none.json"), std::string::npos);
}

TEST_F(ConfigTest, ReadsEveryKindOfHardware) {
  auto config = load("{" + std::string(kSocket) + R"(, "state_dir": "/s", "tdx": {"event_log": ""}, "sgx": {}, "snp": {"certificates": "vcek.pem"},
    "tpm": {"tcti": "swtpm:path=/x", "ak": "platform", "ak_handle": "0x81000003", "ak_algorithm": "rsa-2048"},
    "azure": {"certificates": "chain.pem", "td_quote": "td.quote", "quote_service": "http://169.254.169.254/acc/tdquote"}})");
  ASSERT_TRUE(config) << config.error().what;
  EXPECT_EQ(config->drivers.tdx->root, "/sys/kernel/config/tsm/report");
  EXPECT_TRUE(config->drivers.tdx->event_log.empty());
  EXPECT_EQ(config->drivers.sgx->root, "/dev/attestation");
  EXPECT_EQ(config->drivers.snp->certificates, "/s/vcek.pem");
  EXPECT_TRUE(config->drivers.tpm->platform_ak);
  EXPECT_EQ(config->drivers.azure->tcti, "swtpm:path=/x") << "the TPM of the tpm driver";
  EXPECT_EQ(config->drivers.azure->td_quote, "/s/td.quote");
  EXPECT_EQ(config->drivers.azure->quote_service, "http://169.254.169.254/acc/tdquote");
  EXPECT_NE(error_of("{" + std::string(kSocket) + R"(, "state_dir": "/s", "tpm": {}, "azure": {"quote_service": "169.254.169.254"}})").find("quote_service"),
            std::string::npos);
  EXPECT_NE(error_of("{" + std::string(kSocket) + R"(, "state_dir": "/s", "azure": {}})").find("tpm"), std::string::npos);
  EXPECT_NE(error_of("{" + std::string(kSocket) + R"(, "state_dir": "/s", "tpm": {"ak": "other"}})").find("ak"), std::string::npos);
}

}  // namespace
}  // namespace attest
