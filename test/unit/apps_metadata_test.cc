// attestctl metadata create, convert, sign and verify, as its options say, in this process.
#include <gtest/gtest.h>

#include <filesystem>

#include "apps/attestctl/commands.h"
#include "evidence/cmc/cose.h"
#include "evidence/cmc/item.h"
#include "evidence/cmc/metadata.h"
#include "evidence/core/file.h"
#include "evidence/metadata/metadata.h"
#include "test/support/temp_dir.h"
#include "test/support/test_ca.h"

namespace attest::ctl {
namespace {

using namespace attest::test;

std::string recorded() { return std::string(ATTEST_TESTDATA) + "/cmc/metadata/"; }
Bytes bytes_of(const std::string& path) {
  auto bytes = read_file(path, 16 << 20);
  EXPECT_TRUE(bytes) << path;
  return bytes ? *bytes : Bytes();
}

// Tool runs one command; the exit code comes back.
int run(std::vector<std::string> args) {
  CLI::App app;
  Session session;
  app.add_flag("--json", session.json);
  app.fallthrough();
  add_metadata(app, session);
  args.insert(args.begin(), "metadata");
  std::ranges::reverse(args);
  try {
    app.parse(args);
  } catch (const CLI::ParseError& error) {
    return error.get_exit_code() == 0 ? 0 : 2;
  }
  return static_cast<int>(session.exit);
}

class MetadataTool : public testing::Test {
 protected:
  std::string path(const std::string& name) const { return (folder_.path() / name).string(); }
  std::string write(const std::string& name, std::string_view text) const {
    EXPECT_TRUE(write_file_atomic(path(name), as_view(text)));
    return path(name);
  }
  // signer writes NAME.pem and NAME.key, certified by the root.
  void signer(const std::string& name, const std::string& key, const std::string& usage = "codeSigning") const {
    UnixTime now = wall_clock_now();
    CertSpec spec{name, key, {{"keyUsage", "digitalSignature"}, {"extendedKeyUsage", usage}}, now - 60, now + kDay};
    TestCert made = issue(&root_, spec);
    write(name + ".pem", made.pem());
    write(name + ".key", made.key_pem());
  }
  void SetUp() override { write("root.pem", root_.pem()); }
  static TestCert fresh_root() {
    UnixTime now = wall_clock_now();
    return issue(nullptr, {"root", "P-256", {{"basicConstraints", "critical,CA:TRUE"}, {"keyUsage", "keyCertSign"}}, now - 60, now + kDay});
  }
  std::string component(const std::string& name, const char* index) const {
    return R"({"type":"firmware","name":")" + name + R"(","hashes":[{"alg":"SHA-256","content":")" + std::string(64, 'a') +
           R"("}],"purl":"pkg:deb/x@1","properties":[{"name":"cmc.ta","value":"TPM"},{"name":"cmc.index","value":")" + index + R"("}]})";
  }
  TempDir folder_;
  TestCert root_ = fresh_root();
};

TEST_F(MetadataTool, ConvertReproducesTheRecordedPayloadsByteForByte) {
  if (!std::filesystem::exists(recorded())) GTEST_SKIP() << "../shared/testdata/cmc is not there";
  for (const char* name : {"rtm.manifest", "os.manifest", "app.manifest", "image.description"}) {
    std::string raw = recorded() + "raw/" + name + ".json", cbor = path("out.cbor"), json = path("out.json");
    ASSERT_EQ(run({"convert", "--in", raw, "--out", cbor, "--outform", "cbor"}), 0) << name;
    EXPECT_EQ(bytes_of(cbor), bytes_of(recorded() + name + ".payload.cbor")) << name;
    ASSERT_EQ(run({"convert", cbor, "--out", json, "--outform", "json"}), 0) << name;
    Json back = Json::parse(bytes_of(json)), first = Json::parse(bytes_of(raw));
    for (const char* json_alone : {"location", "omspServer"}) first.erase(json_alone);
    EXPECT_EQ(back, first) << name;
  }
  EXPECT_EQ(run({"convert", recorded() + "signed-cbor/os.manifest.cbor", "--outform", "json"}), 3) << "signed";
  EXPECT_EQ(run({"convert", path("absent"), "--outform", "json"}), 3);
}

TEST_F(MetadataTool, RecordedItemsVerifyAtTheirTimeAndTamperedOnesDoNot) {
  if (!std::filesystem::exists(recorded())) GTEST_SKIP() << "../shared/testdata/cmc is not there";
  std::vector<std::string> then = {"--root", recorded() + "ca.pem", "--at", "2026-11-21T22:41:00Z"};
  for (const char* name : {"signed-json/os.manifest.json", "signed-cbor/os.manifest.cbor"}) {
    auto verify = [&](const std::string& file) {
      std::vector<std::string> args = {"verify", file};
      args.insert(args.end(), then.begin(), then.end());
      return run(args);
    };
    EXPECT_EQ(verify(recorded() + name), 0) << name;
    Bytes item = bytes_of(recorded() + name);
    auto changed = [&](Bytes twin) { return verify(write("twin", as_text(twin))); };
    Bytes tampered = item;
    tampered[item.size() / 3] ^= 1;
    EXPECT_EQ(changed(tampered), 1) << name;
    EXPECT_EQ(changed(Bytes(item.begin(), item.end() - 1)), 1) << name;
    Bytes longer = item;
    longer.push_back('0');
    EXPECT_EQ(changed(longer), 1) << name;
    EXPECT_EQ(run({"verify", recorded() + name, "--root", recorded() + "ca.pem", "--at", "2036-01-01T00:00:00Z"}), 1);
    EXPECT_EQ(run({"verify", recorded() + name, "--root", path("root.pem"), "--at", "2026-11-21T22:41:00Z"}), 1);
  }
}

TEST_F(MetadataTool, Ed25519SignsCborAlone) {
  signer("ed", "ED25519");
  std::string parts = write("parts.json", "[" + component("x", "0") + "]");
  for (const char* form : {"json", "cbor"}) {
    std::string plain = path(std::string("ed.") + form), item = path(std::string("ed.signed.") + form);
    ASSERT_EQ(run({"create", "manifest", "--name", "os", "--components", parts, "--format", form, "--out", plain}), 0);
    bool cbor = std::string(form) == "cbor";
    EXPECT_EQ(run({"sign", plain, "--signer", path("ed.pem"), "--signer-key", path("ed.key")}) == 0, cbor) << form;
    if (!cbor) continue;
    EXPECT_EQ(run({"verify", item, "--root", path("root.pem")}), 0);
  }
}

TEST_F(MetadataTool, SeveralSignersOfMixedKindsSignBothForms) {
  signer("a", "P-256");
  signer("b", "RSA-2048");
  signer("c", "P-384");
  std::string keys = path("a.key") + "," + path("b.key") + "," + path("c.key");
  std::string chains = path("a.pem") + "," + path("root.pem") + ":" + path("b.pem") + ":" + path("c.pem");
  std::string parts = write("parts.json", "[" + component("x", "0") + "," + component("y", "4") + "]");
  for (const char* form : {"json", "cbor"}) {
    std::string plain = path(std::string("m.") + form), item = path(std::string("m.signed.") + form);
    ASSERT_EQ(run({"create", "manifest", "--name", "os", "--components", parts, "--format", form, "--out", plain}), 0) << form;
    ASSERT_EQ(run({"sign", "--in", plain, "--keys", keys, "--x5cs", chains}), 0) << form;
    EXPECT_EQ(cmc::is_cose(bytes_of(item)), std::string(form) == "cbor");
    EXPECT_EQ(run({"verify", item, "--root", path("root.pem")}), 0) << form;
    EXPECT_EQ(run({"show", item, "--root", path("root.pem")}), 0) << form;
    auto verified = verify_metadata(bytes_of(item), {root_.der()}, wall_clock_now());
    ASSERT_TRUE(verified) << form << ": " << verified.error().what;
    EXPECT_EQ((*verified->metadata).manifest.references.size(), 2u);
    EXPECT_EQ((*verified->metadata).signer, "a");
    EXPECT_EQ(run({"sign", item, "--keys", path("a.key"), "--x5cs", path("a.pem"), "--out", path("again")}), 0) << "signed anew";
    EXPECT_EQ(run({"sign", plain, "--keys", path("a.key"), "--x5cs", path("b.pem")}), 3) << "not its certificate";
    EXPECT_EQ(run({"sign", plain, "--keys", keys, "--x5cs", path("a.pem")}), 2) << "three keys, one chain";
    EXPECT_EQ(run({"sign", plain}), 2);
  }
}

// A certificate for TLS signs nothing, alone or beside a good signer, in either form.
TEST_F(MetadataTool, AForeignRoleAmongTheSignersRefusesTheItem) {
  signer("good", "P-256");
  signer("tls", "P-256", "serverAuth");
  std::string parts = write("parts.json", component("x", "0"));
  for (const char* form : {"json", "cbor"}) {
    std::string item = path("m");
    ASSERT_EQ(run({"create", "manifest", "--name", "os", "--components", parts, "--format", form, "--out", item, "--sign", "--keys",
                   path("good.key") + "," + path("tls.key"), "--x5cs", path("good.pem") + ":" + path("tls.pem")}),
              0);
    EXPECT_EQ(run({"verify", item, "--root", path("root.pem")}), 1) << form;
    EXPECT_FALSE(verify_metadata(bytes_of(item), {root_.der()}, wall_clock_now())) << form;
  }
}

TEST_F(MetadataTool, AManifestIsPutTogetherFromItsParts) {
  std::string parts = write("parts.json", component("x", "0")), more = write("more.json", "[" + component("y", "9") + "]");
  std::string version = path("milan.json"), policy = path("snp.json"), out = path("m.json");
  ASSERT_EQ(run({"create", "snp-version", "--name", "Milan", "--tcb-ucode", "115", "--fw-major", "1", "--out", version}), 0);
  ASSERT_EQ(run({"create", "snp-policy", "--report-min-version", "2", "--report-max-version", "5", "--smt", "--abi-major", "0",
                 "--versions", version, "--format", "cbor", "--out", policy}),
            0);
  ASSERT_EQ(run({"create", "manifest", "--name", "os", "--components", parts + "," + more, "--snp-policy", policy, "--cert-level", "3",
                 "--base-layers", "rtm,bios", "--details", R"({"a":1})", "--developer-common-name", "dev", "--ca-fingerprints",
                 "aa,bb", "--omsp", "http://omsp.example/", "--version", "2026-11-01T00:00:00Z", "--not-after", "2027-01-01T00:00:00Z",
                 "--sbom-version", "7", "--out", out}),
            0);
  Json made = Json::parse(bytes_of(out));
  EXPECT_EQ(made["snpPolicy"]["versions"][0]["tcb"]["ucode"], 115);
  EXPECT_EQ(made["snpPolicy"]["policy"]["smt"], true);
  EXPECT_EQ(made["baseLayers"], Json::array({"rtm", "bios"}));
  EXPECT_EQ(made["sbom"]["version"], 7);
  EXPECT_EQ(made["sbom"]["components"].size(), 2u);
  EXPECT_EQ(made["sbom"]["components"][1]["purl"], "pkg:deb/x@1");
  EXPECT_EQ(made["validity"]["notAfter"], "2027-01-01T00:00:00Z");
  EXPECT_EQ(made["omspServer"], "http://omsp.example/");
  ASSERT_EQ(run({"create", "manifest", "--in", out, "--name", "other", "--pcrs", "9", "--out", path("n.json")}), 0);
  Json changed = Json::parse(bytes_of(path("n.json")));
  EXPECT_EQ(changed["name"], "other");
  EXPECT_EQ(changed["version"], made["version"]);
  EXPECT_EQ(changed["sbom"]["components"].size(), 1u);
  EXPECT_EQ(run({"create", "manifest", "--in", out, "--format", "cbor", "--out", path("n.cbor")}), 2) << "no place for omspServer";
  EXPECT_EQ(run({"create", "manifest", "--name", "x"}), 2);
  std::string without = write("bad.json", R"({"type":"firmware","name":"x"})");
  EXPECT_EQ(run({"create", "manifest", "--name", "x", "--components", without, "--out", path("bad.out")}), 3) << "no cmc.ta";
  EXPECT_FALSE(std::filesystem::exists(path("bad.out")));
}

TEST_F(MetadataTool, AnImageDescriptionReplacesOrAppendsDescriptionsByName) {
  std::string a = path("a.json"), b = path("b.cbor"), image = path("image.json"), again = path("again.json");
  std::string rules = write("rules.json", R"({"process":{"env":"optional"}})");
  ASSERT_EQ(run({"create", "manifest-description", "--name", "one", "--manifest", "os", "--out", a}), 0);
  ASSERT_EQ(run({"create", "manifest-description", "--name", "two", "--manifest", "app", "--oci-rules", rules, "--format", "cbor", "--out", b}), 0);
  ASSERT_EQ(run({"create", "image-description", "--name", "box", "--descriptions", a + "," + b, "--location", "Munich", "--out", image}), 0);
  ASSERT_EQ(run({"create", "manifest-description", "--in", a, "--manifest", "os2", "--out", a}), 0);
  ASSERT_EQ(run({"create", "image-description", "--in", image, "--add-description", a, "--out", again}), 0);
  Json made = Json::parse(bytes_of(again));
  ASSERT_EQ(made["descriptions"].size(), 2u);
  EXPECT_EQ(made["descriptions"][0]["manifest"], "os2");
  EXPECT_EQ(made["descriptions"][1]["ociRules"]["process"]["env"], "optional");
  EXPECT_EQ(made["location"], "Munich");
  EXPECT_EQ(run({"create", "image-description", "--name", "empty"}), 2);
}

}  // namespace
}  // namespace attest::ctl
