// What a machine can claim of its containers in CMC's software evidence, and what its log takes from their runtime.
#include <gtest/gtest.h>

#include <filesystem>

#include "drivers/container/container_log.h"
#include "evidence/cmc/item.h"
#include "evidence/cmc/sw_evidence.h"
#include "evidence/container/event.h"
#include "evidence/core/file.h"
#include "evidence/core/hex.h"
#include "test/support/temp_dir.h"
#include "test/support/test_ca.h"
#include "verifier/cmc/judge.h"

namespace attest::cmc {
namespace {

using namespace attest::test;
using nlohmann::json;

json config(const std::string& token, const std::string& cwd = "/") {
  return {{"process", {{"args", {"web"}}, {"cwd", cwd}, {"env", {"PATH=/bin", "TOKEN=" + token}}}}, {"mounts", json::array()}};
}

// Measured is a container: its normalised configuration and the event.
struct Measured {
  json spec;
  Component event;
};
Measured measured(const json& config, container::Environment environment = container::Environment::clear) {
  json spec = *container::normalise_config(config, {"", {}, environment});
  container::Measurement m{"web", 0, "SW", *container::config_digest(spec), sha256(as_view("rootfs"))};
  return {spec, container::make_event(m, spec)};
}

class Claims : public testing::Test {
 protected:
  static std::string times() {
    return R"("version":")" + format_rfc3339(kTestNow) + R"(","validity":{"notBefore":")" + format_rfc3339(kTestNow - kDay) +
           R"(","notAfter":")" + format_rfc3339(kTestNow + kDay) + "\"}";
  }
  Bytes item(const std::string& payload) const {
    JwsSigner by{signer_.key.get(), {signer_.der()}};
    auto out = sign_item(as_view(payload), {&by, 1});
    EXPECT_TRUE(out) << out.error().what;
    return out ? *out : Bytes();
  }
  // manifest has one reference, with its configuration in clear, as CMC's tools write it.
  Bytes manifest(const Measured& reference) const {
    JsonSink out;
    write_component(out, reference.event);
    Bytes component = out.finish();
    return item(R"({"type":"Manifest","name":"os",)" + times() + R"(,"sbom":{"bomFormat":"CycloneDX","specVersion":"1.7","components":[)" +
                std::string(as_text(component)) + R"(]},"baseLayers":["os"]})");
  }
  Bytes image(const std::string& rules) const {
    return item(R"({"type":"Image Description","name":"box",)" + times() +
                R"(,"descriptions":[{"type":"Manifest Description","name":"d","manifest":"os")" + (rules.empty() ? "" : ",\"ociRules\":" + rules) + "}]}");
  }
  // report is what a machine sends that claims these events; the statement signs sums of signed_events.
  Bytes report(std::vector<Bytes> items, const std::vector<Component>& events, const std::vector<Component>& signed_events) const {
    ReportContext context;
    context.type = "Context";
    context.alg = "SHA-256";
    context.nonce = nonce_;
    context.collateral = {*make_sw_collateral(key_.get(), {std::string(kSwEventlog), 0, events})};
    for (Bytes& one : items) {
      std::string digest = to_hex(sha256(one).view());
      context.digests.push_back(digest);
      context.metadata[digest] = std::move(one);
    }
    Bytes encoded = encode_context(context, Encoding::json);
    Digest bound = sha256(hashed_context(encoded, Encoding::json));
    Report out;
    out.version = kReportVersion;
    out.type = kReportType;
    out.name = "box";
    out.evidences = {{std::string(kSwEvidence), *make_sw_evidence(key_.get(), bound.view(), signed_events), {}, {}}};
    out.context = context;
    return encode_report(out, encoded);
  }
  Judged judged(const Measured& reference, const std::string& rules, const Component& event) const {
    Bytes bytes = report({manifest(reference), image(rules)}, {event}, {event});
    return judge(question(bytes));
  }
  // question lends bytes.
  Question question(const Bytes& bytes) const {
    Question q;
    q.report = bytes;
    q.nonce = nonce_;
    q.now = kTestNow;
    q.signers = &store_;
    q.attestation_keys = &store_;
    return q;
  }
  static Component sent(Measured m) {
    container::redact_environment(*m.event.ctr->oci_spec);
    return m.event;
  }
  TestCert root_ = make_root("signers");
  TestCert signer_ = make_signer(root_);
  OwnedPkey key_ = make_key("P-256");
  Bytes nonce_ = Bytes(32, 7);
  TrustStore store_ = *TrustStore::make({root_.der()});
};

TEST_F(Claims, TheContainerOfTheReferencePasses) {
  Measured reference = measured(config("secret"));
  Judged good = judged(reference, "", sent(reference));
  EXPECT_TRUE(good.trusted) << good.result.summary.details;
  Component plain = reference.event;
  plain.ctr->oci_spec.reset();
  EXPECT_TRUE(judged(reference, "", plain).trusted) << "without its configuration";
  EXPECT_FALSE(judged(reference, "", sent(measured(config("secret", "/tmp")))).trusted);
  EXPECT_FALSE(judged(reference, "", sent(measured(config("other")))).trusted);
}

// A reference as CMC's tools write it: the hash is the root file system's, the configuration stands in clear, without digests.
TEST_F(Claims, AReferenceOfCmcNamesRootFileSystemAndConfiguration) {
  Measured cmcs = measured(config("secret"));
  Component honest = sent(cmcs), elsewhere = sent(measured(config("secret", "/tmp")));
  cmcs.event.hashes[0].content = cmcs.event.ctr->rootfs_sha256;
  cmcs.event.ctr->rootfs_sha256.clear();
  cmcs.event.ctr->config_sha256.clear();
  cmcs.event.ctr->oci_spec = cmcs.spec;
  Judged good = judged(cmcs, "", honest);
  EXPECT_TRUE(good.trusted) << good.result.summary.details;
  EXPECT_FALSE(judged(cmcs, "", elsewhere).trusted);
  EXPECT_TRUE(judged(cmcs, R"({"process":{"cwd":"modifiable"}})", elsewhere).trusted);
  cmcs.event.hashes[0].content[0] ^= 1;
  EXPECT_FALSE(judged(cmcs, "", honest).trusted) << "another root file system";
  cmcs.event.hashes.clear();
  EXPECT_FALSE(judged(cmcs, "", honest).trusted) << "none";
}

// A reference in a manifest says NAME=<redacted>; that is no value that a container may have in place of the one that was pinned.
TEST_F(Claims, ARedactedReferenceIsNoConfigurationOfItsOwn) {
  Measured reference = measured(config("secret"));
  container::redact_environment(*reference.event.ctr->oci_spec);
  json literal = config("secret");
  literal["process"]["env"] = {"PATH=<redacted>", "TOKEN=<redacted>"};
  EXPECT_FALSE(judged(reference, "", sent(measured(literal))).trusted);
  EXPECT_FALSE(judged(reference, R"({"process":{"cwd":"modifiable"}})", sent(measured(literal))).trusted);
  reference.event.ctr->config_sha256.clear();
  EXPECT_FALSE(judged(reference, "", sent(measured(literal))).trusted) << "without a digest it pins nothing";
}

// Two absent digests are not the same digest.
TEST_F(Claims, AnEventWithoutADigestOfItsConfigurationMeetsNoReference) {
  Measured cmcs = measured(config("secret"));
  cmcs.event.ctr->config_sha256.clear();
  Component event = cmcs.event;
  event.hashes[0].content = to_bytes(container::template_digest({}, event.ctr->rootfs_sha256).view());
  event.ctr->oci_spec.reset();
  EXPECT_FALSE(judged(cmcs, "", event).trusted);
}

// As attestctl measure writes references.
TEST_F(Claims, AReferenceNamesWhatItsEventHas) {
  json spec = *container::normalise_config(config("secret"), {});
  container::Measurement m{"web", 0, "SW", *container::config_digest(spec), sha256(as_view("rootfs"))};
  Measured reference{spec, container::make_reference(m, {})};
  EXPECT_EQ(reference.event.hashes[0].content, reference.event.ctr->rootfs_sha256);
  Judged good = judged(reference, "", sent(measured(config("secret"))));
  EXPECT_TRUE(good.trusted) << good.result.summary.details;
  EXPECT_FALSE(judged(reference, "", sent(measured(config("other")))).trusted);
}

TEST_F(Claims, AnOptionalContainerThatDoesNotRunIsShownAndNoFailure) {
  Measured reference = measured(config("secret"));
  reference.event.optional = true;
  Bytes bytes = report({manifest(reference), image("")}, {}, {});
  Judged good = judge(question(bytes));
  EXPECT_TRUE(good.trusted) << good.result.summary.details;
  const auto& shown = good.result.measurements.at(0).artifacts;
  ASSERT_EQ(shown.size(), 1U);
  EXPECT_TRUE(shown[0].success && !shown[0].launched);
}

TEST_F(Claims, RulesAllowWhatTheyNameAlone) {
  Measured reference = measured(config("secret"));
  const std::string cwd = R"({"process":{"cwd":"modifiable"}})";
  Judged allowed = judged(reference, cwd, sent(measured(config("secret", "/tmp"))));
  EXPECT_TRUE(allowed.trusted) << allowed.result.summary.details;
  json other = config("secret", "/tmp");
  other["process"]["args"] = {"evil"};
  EXPECT_FALSE(judged(reference, cwd, sent(measured(other))).trusted);
  EXPECT_FALSE(judged(reference, R"({"process":{"env":"replace:TOKEN=*"}})", sent(measured(config("other")))).trusted)
      << "a value nobody can see cannot be judged";
  auto digests = container::Environment::digests;
  EXPECT_TRUE(judged(measured(config("secret"), digests), R"({"process":{"env":"replace:TOKEN=*"}})", sent(measured(config("other"), digests))).trusted);
}

// The copy of a harmless configuration stood beside the digest of another one, and rules were applied to the copy.
TEST_F(Claims, TheConfigurationThatIsJudgedIsTheOneThatWasMeasured) {
  Measured reference = measured(config("secret"));
  json evil = config("secret");
  evil["process"]["args"] = {"evil"};
  Component event = sent(measured(evil));
  event.ctr->oci_spec = reference.spec;
  EXPECT_FALSE(judged(reference, R"({"process":{"cwd":"modifiable"}})", event).trusted);
  Component digest = sent(reference);
  digest.ctr->config_sha256 = measured(evil).event.ctr->config_sha256;
  EXPECT_FALSE(judged(reference, R"({"process":{"args":"modifiable"}})", digest).trusted) << "its template is not what was measured";
}

TEST_F(Claims, TheSignedSumIsThatOfTheListedContainers) {
  Measured reference = measured(config("secret"));
  Component event = sent(reference), evil = sent(measured(config("x")));
  std::vector<Bytes> items = {manifest(reference), image("")};
  auto trusted = [&](const std::vector<Component>& events, const std::vector<Component>& signed_events) {
    Bytes bytes = report(items, events, signed_events);
    return judge(question(bytes)).trusted;
  };
  EXPECT_TRUE(trusted({event}, {event}));
  EXPECT_FALSE(trusted({event}, {event, evil})) << "one left out";
  EXPECT_FALSE(trusted({event}, {}));
  EXPECT_FALSE(trusted({event, evil}, {event, evil})) << "one without a reference";
  EXPECT_FALSE(trusted({}, {})) << "none, where one is due";
}

// An event that does not say what container it is, has no configuration and no root file system to compare.
TEST_F(Claims, AnEventWithoutItsTwoDigestsIsNoContainer) {
  Measured reference = measured(config("secret"));
  Component bare = sent(reference);
  bare.ctr.reset();
  EXPECT_FALSE(judged(reference, "", bare).trusted);
}

// What CMC shows of a container it did not expect, people have to see too; its secrets they have not.
TEST_F(Claims, AnUnexpectedContainerIsShownWithoutItsSecrets) {
  Judged refused = judged(measured(config("secret")), "", measured(config("hunter2", "/tmp")).event);
  ASSERT_FALSE(refused.trusted);
  const DigestFinding& shown = refused.result.measurements.at(0).artifacts.at(0);
  EXPECT_EQ(shown.type, "Measurement");
  ASSERT_TRUE(shown.ctr && shown.ctr->oci_spec);
  EXPECT_EQ((*shown.ctr->oci_spec)["process"]["cwd"], "/tmp");
  EXPECT_EQ(std::string(as_text(encode_result(refused.result, Encoding::json))).find("hunter2"), std::string::npos);
}

// The form of JWS with two points is evidence too, as in CMC; as metadata it is none.
TEST_F(Claims, TheStatementMayBeCompact) {
  Measured reference = measured(config("secret"));
  Component event = sent(reference);
  Bytes bytes = report({manifest(reference), image("")}, {event}, {event});
  json text = json::parse(bytes.begin(), bytes.end());
  json& evidence = text["evidences"][0]["evidence"];
  Bytes flattened = *from_base64(evidence.get<std::string>(), 1 << 20);
  json jws = json::parse(flattened.begin(), flattened.end());
  std::string compact = jws["protected"].get<std::string>() + "." + jws["payload"].get<std::string>() + "." + jws["signature"].get<std::string>();
  auto trusted = [&](const std::string& statement) {
    evidence = to_base64(as_view(statement));
    Bytes again = to_bytes(as_view(text.dump()));
    return judge(question(again)).trusted;
  };
  EXPECT_TRUE(trusted(compact));
  EXPECT_FALSE(trusted(compact + "A"));
  EXPECT_FALSE(trusted(compact + "."));
  EXPECT_FALSE(trusted("." + compact));
  EXPECT_FALSE(trusted(compact.substr(0, compact.rfind('.'))));
}

TEST(ContainerLog, KeepsWhatItCheckedAcrossARestart) {
  TempDir folder;
  std::string path = folder.file("containers.json");
  Measured first = measured(config("hunter2")), second = measured(config("other"));
  {
    auto log = ContainerLog::open({path, 0});
    ASSERT_TRUE(log) << log.error().what;
    ASSERT_TRUE((*log)->record(first.event));
    ASSERT_TRUE((*log)->record(second.event));
    ASSERT_TRUE((*log)->record(first.event)) << "again";
    Component wrong = second.event;
    wrong.ctr->config_sha256[0] ^= 1;
    EXPECT_FALSE((*log)->record(wrong));
    EXPECT_EQ((*log)->artifact().events.size(), 2u);
    EXPECT_FALSE(ContainerLog::open({path, 0})) << "another process writes it";
  }
  Bytes kept = *read_file(path, 1 << 20);
  EXPECT_EQ(as_text(kept).find("hunter2"), std::string_view::npos);
  auto again = ContainerLog::open({path, 0});
  ASSERT_TRUE(again) << again.error().what;
  ASSERT_EQ((*again)->artifact().events.size(), 2u);
  EXPECT_EQ(container_sum((*again)->artifact().events), container_sum({first.event, second.event}));
  again->reset();
  EXPECT_FALSE(ContainerLog::open({path, 1})) << "of another register";
  std::string text(as_text(kept));
  for (const std::string& bad : {std::string(), text.substr(0, text.size() - 3), text + "x", std::string("[{}]")}) {
    ASSERT_TRUE(write_file_atomic(path, as_view(bad)));
    EXPECT_FALSE(ContainerLog::open({path, 0})) << bad.size();
  }
}

}  // namespace
}  // namespace attest::cmc
