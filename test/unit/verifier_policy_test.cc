#include "verifier/policy.h"

#include <gtest/gtest.h>
#include <openssl/pem.h>

#include <filesystem>

#include "evidence/core/file.h"
#include "evidence/core/hex.h"

namespace attest {
namespace {

namespace fs = std::filesystem;

const std::string kAk(68, 'a');

class PolicyFile : public testing::Test {
 protected:
  PolicyFile() {
    std::string pattern = (fs::temp_directory_path() / "policyXXXXXX").string();
    folder_ = mkdtemp(pattern.data());
    fs::copy(std::string(ATTEST_SOURCE_DIR) + "/test/fixtures/metadata/ca.pem", folder_ / "ak.pem");
  }
  ~PolicyFile() override { fs::remove_all(folder_); }

  Result<Policy> load(const std::string& text) {
    std::string path = (folder_ / "default.json").string();
    EXPECT_TRUE(write_file_atomic(path, as_view(text)));
    return load_policy(path);
  }
  // refused: the file is refused, and the error names file, line and the word.
  void refused(const std::string& text, int line, const std::string& word) {
    auto policy = load(text);
    ASSERT_FALSE(policy) << text;
    std::string where = (folder_ / "default.json").string() + ":" + std::to_string(line) + ":";
    EXPECT_TRUE(policy.error().what.starts_with(where)) << policy.error().what;
    EXPECT_NE(policy.error().what.find(word), std::string::npos) << policy.error().what;
  }
  fs::path folder_;
};

std::string pinned(const std::string& name, const std::string& more = "") {
  return "{\"name\":\"" + name + "\",\"ak_names\":[\"" + kAk + "\"]" + more + "}";
}

TEST_F(PolicyFile, DocumentedExampleLoads) {
  auto policy = load(R"({
    // who may be what
    "observe": false,
    "ak_issuers": ["ak.pem"], "ak_crls": [], "denied_aks": [")" + std::string(68, 'B') + R"("],
    "required_pcrs": [7,0,0], "banks": ["sha256"], "ima": true, "max_events": 1000,
    "peers": [ {"name":"A.example","role":"server","ak_names":[")" + kAk + R"("],"image_descriptions":["web-server"],"services":["nginx"],
                "required_anchors":["tpm"],"allowed_anchors":["tpm","sw"]},
               {"name":"*","image_descriptions":["web-server"]} ] })");
  ASSERT_TRUE(policy) << policy.error().what;
  EXPECT_EQ(policy->name, "default");
  EXPECT_EQ(policy->hash.size(), 32U);
  EXPECT_EQ(policy->required_pcrs, (std::vector<std::uint8_t>{0, 7}));
  EXPECT_EQ(policy->banks, std::vector{HashAlg::sha256});
  EXPECT_TRUE(policy->ima_required);
  EXPECT_EQ(policy->max_events, 1000U);
  EXPECT_EQ(policy->denied_aks.at(0), std::string(68, 'b'));
  ASSERT_NE(policy->ak_trust, nullptr);
  ASSERT_EQ(policy->peers.size(), 2U);
  EXPECT_EQ(policy->peers[0].role, Role::server);
  EXPECT_EQ(policy->peers[0].allowed_anchors, (std::vector{AnchorKind::tpm, AnchorKind::sw}));
  EXPECT_EQ(policy->peers[1].required_anchors, std::vector{AnchorKind::tpm});
}

TEST_F(PolicyFile, UnknownKeysAreErrorsWithTheirLine) {
  refused("{\n\"peers\": [" + pinned("a") + "],\n\"observed\": true }", 3, "observed");
  refused("{\n\"peers\": [\n" + pinned("a", ",\n\"images\":[]") + "]}", 4, "images");
}

TEST_F(PolicyFile, TlsKeysInTheTpmAreDemandedByName) {
  const std::string digest(64, 'c');
  auto policy = load("{\"tls_key_policies\":[\"" + digest + "\"],\n\"peers\":[" + pinned("a", ",\"tls_key\":\"certified\"") + "," +
                     pinned("b", ",\"tls_key\":\"any\"") + "," + pinned("c") + "]}");
  ASSERT_TRUE(policy) << policy.error().what;
  EXPECT_TRUE(policy->peers[0].certified_key);
  EXPECT_FALSE(policy->peers[1].certified_key);
  EXPECT_FALSE(policy->peers[2].certified_key);
  ASSERT_EQ(policy->tls_key_policies.size(), 1U);
  EXPECT_EQ(policy->tls_key_policies[0], Bytes(32, 0xcc));
  refused("{\n\"peers\":[" + pinned("a", ",\n\"tls_key\":\"tpm\"") + "]}", 3, "tls_key");
  refused("{\n\"peers\":[" + pinned("a", ",\n\"allowed_anchors\":[\"sw\"],\n\"tls_key\":\"certified\"") + "]}", 4, "no TPM");
  refused("{\"tls_key_policies\":\n[\"cc\"],\"peers\":[" + pinned("a") + "]}", 1, "authPolicy");
}

TEST_F(PolicyFile, ARuleMustDemandSomething) {
  refused("{\"ak_issuers\":[\"ak.pem\"],\n\"peers\":[{\"name\":\"a\",\"services\":[\"nginx\"]}]}", 2, "demands neither");
}

TEST_F(PolicyFile, ARuleNeedsAWayToTrustAKey) {
  refused("{\n\"peers\":[{\"name\":\"a\",\"image_descriptions\":[\"x\"]}]}", 2, "no attestation key could be trusted");
}

TEST_F(PolicyFile, SoftwareDriverMustBePinned) {
  refused("{\"ak_issuers\":[\"ak.pem\"],\n\"peers\":[{\"name\":\"a\",\"image_descriptions\":[\"x\"],\"allowed_anchors\":[\"sw\"]}]}", 2,
          "must pin its key");
  auto policy = load("{\"peers\":[" + pinned("a", R"(,"allowed_anchors":["sw"])") + "]}");
  ASSERT_TRUE(policy) << policy.error().what;
  EXPECT_EQ(policy->peers[0].required_anchors, std::vector{AnchorKind::sw});
}

TEST_F(PolicyFile, RequiredAnchorsMustBeAllowed) {
  refused("{\"peers\":[\n" + pinned("a", R"(,"allowed_anchors":["sw"],"required_anchors":["tpm"])") + "]}", 2, "required_anchors");
  refused("{\"peers\":[\n" + pinned("a", R"(,"allowed_anchors":[])") + "]}", 2, "at least one");
  refused("{\"peers\":[\n" + pinned("a", R"(,"allowed_anchors":["abacus"])") + "]}", 2, "allowed_anchors");
}

TEST_F(PolicyFile, EmptyOrHiddenRulesAreRefused) {
  refused("{\n\"peers\":[]}", 2, "at least one rule");
  refused("{}", 1, "at least one rule");
  refused("{\"peers\":[" + pinned("*") + ",\n" + pinned("a") + "]}", 2, "never reached");
  refused("{\"peers\":[" + pinned("a", ",\"role\":\"server\"") + "," + pinned("A", ",\"role\":\"client\"") + ",\n" + pinned("a") + "]}",
          2, "never reached");
  EXPECT_TRUE(load("{\"peers\":[" + pinned("a", ",\"role\":\"server\"") + "," + pinned("a") + "," + pinned("*") + "]}"));
}

TEST_F(PolicyFile, BadValuesAreRefused) {
  std::string peers = "\"peers\":[" + pinned("a") + "]}";
  refused("{\"required_pcrs\":[],\n" + peers, 1, "at least one PCR");
  refused("{\"required_pcrs\":[24],\n" + peers, 1, "required_pcrs");
  refused("{\"banks\":[\"sha1\"],\n" + peers, 1, "sha256");
  refused("{\"denied_aks\":[\"xyz\"],\n" + peers, 1, "denied_aks");
  refused("{\"max_events\":200001,\n" + peers, 1, "max_events");
  refused("{\"ak_issuers\":[\"absent.pem\"],\n" + peers, 1, "absent.pem");
  refused("{\"peers\":[\n" + pinned("*.") + "]}", 2, "name");
  refused("{\"peers\":[\n" + pinned("a.*") + "]}", 2, "name");
  refused("{\"peers\":[\n" + pinned("a", ",\"role\":\"peer\"") + "]}", 2, "role");
}

TEST_F(PolicyFile, AFileThatIsAbsentIsAnIoError) {
  auto policy = load_policy((folder_ / "absent.json").string());
  ASSERT_FALSE(policy);
  EXPECT_EQ(policy.error().code, Errc::io);
}

Policy rules(std::vector<std::pair<std::string, std::optional<Role>>> names) {
  Policy policy;
  for (auto& [name, role] : names) {
    PeerRule rule;
    rule.name = name;
    rule.role = role;
    policy.peers.push_back(rule);
  }
  return policy;
}

TEST(FindRule, FirstMatchOfNameAndRole) {
  Policy p = rules({{"a.example", Role::client}, {"a.example", Role::server}, {"*.example", {}}});
  EXPECT_EQ(find_rule(p, "A.Example.", Role::server), &p.peers[1]);
  EXPECT_EQ(find_rule(p, "a.example", Role::client), &p.peers[0]);
  EXPECT_EQ(find_rule(p, "b.example", Role::server), &p.peers[2]);
  EXPECT_EQ(find_rule(p, "x.b.example", Role::server), nullptr);
  EXPECT_EQ(find_rule(p, ".example", Role::server), nullptr);
  EXPECT_EQ(find_rule(p, "example", Role::server), nullptr);
  EXPECT_EQ(find_rule(p, "", Role::server), nullptr);
}

TEST(FindRule, StarMatchesTheEmptyName) {
  Policy p = rules({{"*", Role::server}});
  EXPECT_EQ(find_rule(p, "", Role::server), &p.peers[0]);
  EXPECT_EQ(find_rule(p, "", Role::client), nullptr);
}

TEST_F(PolicyFile, FreshnessIsOffUnlessSaid) {
  std::string peers = R"("peers": [)" + pinned("a.example") + "]}";
  auto policy = load("{" + peers);
  ASSERT_TRUE(policy) << policy.error().what;
  EXPECT_EQ(policy->max_age_s, 0U);
  EXPECT_TRUE(policy->distributors.empty());
  OwnedPkey key(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256"));
  OwnedBio bio(BIO_new_file((folder_ / "epochd.pem").c_str(), "w"));
  ASSERT_EQ(PEM_write_bio_PUBKEY(bio.get(), key.get()), 1);
  bio.reset();
  policy = load(R"({"max_age": 30, "epoch_distributors": ["epochd.pem"], "epoch_skew": 2, )" + peers);
  ASSERT_TRUE(policy) << policy.error().what;
  EXPECT_EQ(policy->max_age_s, 30U);
  EXPECT_EQ(policy->epoch_skew_s, 2U);
  ASSERT_EQ(policy->distributors.size(), 1U);
  EXPECT_EQ(policy->distributors[0].name, sha256(View(policy->distributors[0].spki_der)));
  refused("{\"max_age\": 3601,\n" + peers, 1, "max_age");
  refused("{\n\"epoch_distributors\": [\"epochd.pem\"],\n" + peers, 2, "max_age");
  refused("{\"max_age\": 5,\n\"epoch_distributors\": [\"ak.pem\"],\n" + peers, 2, "cannot be used");
  refused("{\"max_age\": 5,\n\"epoch_distributors\": [\"epochd.pem\", \"epochd.pem\", \"epochd.pem\"],\n" + peers, 2, "two");
}

// Hardware vouches for the key of an Azure machine: neither pin nor issuer is due, a quote of the vTPM is.
TEST_F(PolicyFile, AzureRulesNeedTheQuoteAndNoIssuer) {
  auto policy = load(R"({"azure": {"configuration": {"secure-boot": true, "vmUniqueId": "X"}}, "peers": [
    {"name": "*", "image_descriptions": ["web"], "required_anchors": ["tpm", "azure"]}]})");
  ASSERT_TRUE(policy) << policy.error().what;
  EXPECT_EQ(policy->azure.configuration.size(), 2U);
  refused("{\"peers\": [\n{\"name\": \"*\", \"image_descriptions\": [\"web\"], \"required_anchors\": [\"azure\"]}]}", 2, "tpm");
}

TEST_F(PolicyFile, IntelsTeesAreJudgedByWhatThePolicySays) {
  auto policy = load(R"({"intel": {"accepted_tcb_statuses": ["UpToDate", "SWHardeningNeeded"]}, "tdx": {"pks": false}, "sgx": {"min_isv_svn": 3},
    "peers": [{"name": "*", "image_descriptions": ["web"], "required_anchors": ["tdx"], "allowed_anchors": ["tdx", "sgx"]}]})");
  ASSERT_TRUE(policy) << policy.error().what;
  EXPECT_EQ(policy->dcap.tcb.accepted.size(), 2U);
  EXPECT_EQ(policy->dcap.tdx.pks, false);
  EXPECT_EQ(policy->dcap.sgx.min_isv_svn, 3);
  EXPECT_NE(policy->dcap_trust, nullptr) << "Intel's own root";
  refused("{\"intel\": {\n\"accepted_tcb_statuses\": [\"Revoked\"]}, " + std::string("\"peers\": [") + pinned("*") + "]}", 2, "Revoked");
}

}  // namespace
}  // namespace attest
