// Containers as they are measured: canonical JSON, normalised configurations, events.
#include <gtest/gtest.h>

#include "evidence/container/event.h"
#include "evidence/container/rules.h"
#include "evidence/core/file.h"
#include "evidence/core/hex.h"
#include "evidence/json/canonical.h"

namespace attest::container {
namespace {

std::string dockerd(const std::string& path) { return path.starts_with("/proc/") ? "/usr/bin/dockerd" : path; }

const std::string kDockerId = std::string(60, 'b') + "0123";

std::string canonical(std::string_view text) {
  auto value = read_strict_json(as_view(text));
  if (!value) return value.error().what;
  auto out = canonical_json(*value);
  return out ? *out : out.error().what;
}

TEST(CanonicalJson, FollowsTheExamplesOfTheRfc) {
  EXPECT_EQ(canonical(R"({"numbers":[333333333.33333329,1E30,4.50,2e-3,0.000000000000000000000000001],
    "string":"\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/","literals":[null,true,false]})"),
            R"({"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],)"
            R"("string":"€$\u000f\nA'B\"\\\\\"/"})");
  EXPECT_EQ(canonical("{\"\\u20ac\":1,\"\\r\":2,\"\\ufb33\":3,\"1\":4,\"\\ud83d\\ude00\":5,\"\\u0080\":6,\"\\u00f6\":7}"),
            "{\"\\r\":2,\"1\":4,\"\xc2\x80\":6,\"\xc3\xb6\":7,\"\xe2\x82\xac\":1,\"\xf0\x9f\x98\x80\":5,\"\xef\xac\xb3\":3}");
}

TEST(CanonicalJson, WritesNumbersAsEcmascriptDoes) {
  const std::pair<double, const char*> rows[] = {{0.0, "0"}, {-0.0, "0"}, {5e-324, "5e-324"}, {1.7976931348623157e308, "1.7976931348623157e+308"},
                                                 {9007199254740992, "9007199254740992"}, {295147905179352830000.0, "295147905179352830000"},
                                                 {1e21, "1e+21"}, {999999999999999900000.0, "999999999999999900000"}, {1e-6, "0.000001"},
                                                 {1e-7, "1e-7"}, {-1.5, "-1.5"}, {333333333.33333325, "333333333.33333325"}, {123, "123"}};
  for (const auto& [value, text] : rows) EXPECT_EQ(ecmascript_number(value), text);
  EXPECT_EQ(canonical("[9223372036854775807,18446744073709551615]"), "[9223372036854776000,18446744073709552000]");
}

TEST(CanonicalJson, RefusesWhatHasNoCanonicalForm) {
  for (const char* text : {R"({"a":1,"a":2})", R"({"x":{"a":1,"b":2,"a":2}})", "{", "{} x", "", "[1e999]", "\"\xff\""})
    EXPECT_NE(canonical(text).find(":"), std::string::npos) << text << " gave " << canonical(text);
  EXPECT_FALSE(read_strict_json(as_view(std::string(100, '[') + std::string(100, ']'))));
}

Json docker_config() {
  return Json::parse(R"({"ociVersion":"1.0.2","hostname":"web","root":{"path":"rootfs"},"annotations":{"a":"b","io.katacontainers.config.x":"y"},
   "process":{"terminal":true,"consoleSize":{"height":1,"width":2},"user":{"uid":0,"gid":0},"args":["sh"],"cwd":"/",
     "env":["PATH=/bin","HOSTNAME=)" + kDockerId.substr(0, 12) + R"(","SECRET=hunter2"],
     "capabilities":{"bounding":["CAP_Z","CAP_A"]}},
   "mounts":[{"destination":"/etc/hosts","source":"/var/lib/docker/containers/)" + kDockerId + R"(/hosts"},
     {"destination":"/data","source":"/var/lib/docker/volumes/0123abcd/_data"},
     {"destination":"/k","source":"/run/kata-containers/shared/containers/)" + kDockerId + R"(-0123456789abcdef-hosts"}],
   "hooks":{"prestart":[{"path":"/proc/321/exe","args":["libnetwork-setkey","-exec-root=/var/run/docker",")" + kDockerId +
                     R"(","0a1b2c3d4e5f"],"env":["TOKEN=abc"]}]},
   "linux":{"cgroupsPath":"system.slice:docker:)" + kDockerId + R"(","namespaces":[{"type":"pid"},{"type":"network"}],
     "maskedPaths":["/b","/a"],"seccomp":{"defaultAction":"x","architectures":["b","a"],"syscalls":[{"names":["z","a"],"action":"y"}]}}})");
}

Digest digest_of(const Json& config, const std::string& id) {
  auto normal = normalise_config(config, {id, dockerd, Environment::clear});
  EXPECT_TRUE(normal) << normal.error().what;
  return normal ? *config_digest(*normal) : Digest();
}

TEST(ContainerConfig, TakesOutWhatDiffersFromStartToStart) {
  auto normal = normalise_config(docker_config(), {kDockerId, dockerd, Environment::clear});
  ASSERT_TRUE(normal) << normal.error().what;
  std::string text = *canonical_json(*normal);
  EXPECT_EQ(text.find(kDockerId.substr(0, 12)), std::string::npos) << text;
  for (const char* gone : {"hostname", "terminal", "consoleSize", "rootfs", R"("a":"b")", "0123abcd", "0123456789abcdef", "0a1b2c3d4e5f", "/proc/"})
    EXPECT_EQ(text.find(gone), std::string::npos) << gone;
  for (const char* there : {"<container-id>/hosts", "<docker-volume>", "<container-id>-<kata-mount-hash>-hosts", "<docker-network-controller-id>",
                            "/usr/bin/dockerd", "io.katacontainers.config.x", "HOSTNAME=<container-id>", R"(["CAP_A","CAP_Z"])", R"(["/a","/b"])"})
    EXPECT_NE(text.find(there), std::string::npos) << there << " in " << text;

  std::string other(64, 'c');
  std::string again = docker_config().dump();
  for (std::size_t at = again.find(kDockerId); at != std::string::npos; at = again.find(kDockerId)) again.replace(at, 64, other);
  again.replace(again.find("HOSTNAME=") + 9, 12, other.substr(0, 12));
  EXPECT_EQ(digest_of(Json::parse(again), other), digest_of(docker_config(), kDockerId));
}

// The orders CMC's tools bring lists into; those that have none there stay as they are.
TEST(ContainerConfig, ListsAreInTheOrderOfCmc) {
  Json config = Json::parse(R"({"process": {}, "linux": {
    "devices": [{"path": "/dev/z"}, {"path": "/dev/a"}],
    "resources": {"devices": [{"allow": true, "type": "c", "major": 10, "minor": 200, "access": "rwm"}, {"allow": true, "type": "c", "major": 5, "minor": 1},
      {"allow": true, "type": "c", "major": 5}, {"allow": false, "access": "rwm"}, {"allow": true, "type": "b", "major": 9}]},
    "seccomp": {"syscalls": [{"names": ["z"], "action": "A"}, {"names": ["c", "a"], "action": "B"}, {"names": ["a", "c"], "action": "A", "args": [1]},
      {"names": ["a", "b", "z"], "action": "C"}]}}})");
  sort_config(config);
  EXPECT_EQ(config["linux"]["devices"], Json::parse(R"([{"path": "/dev/z"}, {"path": "/dev/a"}])"));
  EXPECT_EQ(config["linux"]["resources"]["devices"],
            Json::parse(R"([{"allow": false, "access": "rwm"}, {"allow": true, "type": "b", "major": 9}, {"allow": true, "type": "c", "major": 5},
              {"allow": true, "type": "c", "major": 5, "minor": 1}, {"allow": true, "type": "c", "major": 10, "minor": 200, "access": "rwm"}])"));
  EXPECT_EQ(config["linux"]["seccomp"]["syscalls"],
            Json::parse(R"([{"names": ["a", "b", "z"], "action": "C"}, {"names": ["a", "c"], "action": "A", "args": [1]}, {"names": ["a", "c"], "action": "B"},
              {"names": ["z"], "action": "A"}])"));
}

TEST(ContainerConfig, DockersVolumesAreAllAlikeAndNothingElseIs) {
  auto source = [](const std::string& path) {
    Json config = {{"process", Json::object()}, {"mounts", {{{"destination", "/d"}, {"source", path}}}}};
    return (*normalise_config(config, {}))["mounts"][0]["source"].get<std::string>();
  };
  for (const char* volume : {"/var/lib/docker/volumes/web/_data", "/var/lib/docker/volumes/0123/_data/sub", "/var/lib/docker/volumes/x"})
    EXPECT_EQ(source(volume), "<docker-volume>");
  for (const char* other : {"/var/lib/docker/volumes/", "/var/lib/docker/volumes/x/../../../../etc", "/var/lib/docker/volumes/..",
                            "/var/lib/docker/volumes/.", "/var/lib/docker/volumes//", "/var/lib/docker/volumes/x/./y", "/var/lib/docker/volumesx/a"})
    EXPECT_EQ(source(other), other);
}

TEST(ContainerConfig, EverythingElseChangesTheDigest) {
  Digest good = digest_of(docker_config(), kDockerId);
  for (const char* where : {"/process/args/0", "/process/env/0", "/process/env/2", "/process/cwd", "/process/capabilities/bounding/0",
                            "/mounts/0/destination", "/annotations/io.katacontainers.config.x", "/linux/seccomp/defaultAction"}) {
    Json changed = docker_config();
    changed[Json::json_pointer(where)] = "other";
    EXPECT_NE(digest_of(changed, kDockerId), good) << where;
  }
}

// With a replacement by text, an id of "a" made "cat" and "c<container-id>t" alike, so that different configurations shared a digest.
TEST(ContainerConfig, NoChoiceOfIdRewritesTheConfiguration) {
  Json honest = docker_config(), hostile = docker_config();
  honest["process"]["args"] = {"/bin/true"};
  hostile["process"]["args"] = {"/bin/evil"};
  for (const std::string id : {"a", "e", "evil", "true", "/bin/true", "/bin/evil", "bin", "sh", "/", ":"}) {
    EXPECT_NE(digest_of(honest, id), digest_of(hostile, id)) << id;
    auto normal = normalise_config(hostile, {id, {}, Environment::clear});
    ASSERT_TRUE(normal);
    EXPECT_EQ((*normal)["process"]["args"], Json::array({"/bin/evil"})) << id;
    EXPECT_EQ((*normal)["mounts"].size(), 3u);
  }
  Json named = docker_config();
  named["linux"]["cgroupsPath"] = "/machine/web1:web1/xweb1";
  EXPECT_EQ((*normalise_config(named, {"web1", {}, {}}))["linux"]["cgroupsPath"], "/machine/<container-id>:<container-id>/xweb1");
  EXPECT_FALSE(normalise_config(named, {std::string(257, 'a'), {}, {}}));
  for (const char* bad : {"[]", "{}", R"({"process":[]})", "3"}) EXPECT_FALSE(normalise_config(Json::parse(bad), {})) << bad;
}

TEST(ContainerConfig, ValuesOfVariablesDoNotTravel) {
  Json spec = *normalise_config(docker_config(), {kDockerId, {}, Environment::clear});
  Json sent = spec;
  redact_environment(sent);
  std::string text = sent.dump();
  EXPECT_EQ(text.find("hunter2"), std::string::npos);
  EXPECT_EQ(text.find("=abc"), std::string::npos) << "of a hook";
  EXPECT_NE(text.find("SECRET=<redacted>"), std::string::npos);
  EXPECT_TRUE(redacted(sent));
  restore_environment(sent, variables_of(spec));
  EXPECT_FALSE(redacted(sent));
  EXPECT_EQ(sent, spec);
  Json hidden = *normalise_config(docker_config(), {kDockerId, {}, Environment::digests});
  Json same = hidden;
  redact_environment(same);
  EXPECT_EQ(same, hidden);
  EXPECT_EQ(hidden.dump().find("hunter2"), std::string::npos);
  EXPECT_NE(hidden.dump().find("SECRET=sha256:" + to_hex(sha256(as_view("hunter2")).view())), std::string::npos);
}

cmc::Component event_of(const Json& spec) {
  Measurement measured{"web", 3, "SW", *config_digest(spec), sha256(as_view("rootfs"))};
  return make_event(measured, spec);
}

// The digest was computed with Go's types of the runtime specification and another canonicaliser.
TEST(ContainerConfig, ADockerContainerHasTheDigestOfCmc) {
  auto text = read_file(std::string(ATTEST_SOURCE_DIR) + "/test/fixtures/containers/docker.json", 1 << 20);
  ASSERT_TRUE(text);
  auto config = read_strict_json(*text);
  ASSERT_TRUE(config);
  auto normal = normalise_config(*config, {kDockerId, [](const std::string& path) { return path == "/bin/sh" ? "/usr/bin/dash" : path; }, Environment::clear});
  ASSERT_TRUE(normal);
  EXPECT_EQ(to_hex(config_digest(*normal)->view()), "cde0cb483f47a0e6db14ce3f5989835abc65afad4888e0cf3676214c1ce42f7a");
}

// A runtime's hook may know an order that we do not: what it sends has its digest as it comes.
TEST(ContainerEvent, AConfigurationIsHashedAsItCame) {
  Json spec = Json::parse(R"({"process": {"env": ["B=2", "A=1"]}, "linux": {"maskedPaths": ["/b", "/a"]}})");
  cmc::Component event = event_of(spec);
  EXPECT_TRUE(check_event(event, 3));
  EXPECT_EQ(event.ctr->oci_spec->at("process").at("env"), Json::parse(R"(["B=<redacted>", "A=<redacted>"])"));
}

TEST(ContainerEvent, IsRecomputedBeforeItCounts) {
  Json spec = *normalise_config(docker_config(), {kDockerId, {}, Environment::clear});
  cmc::Component good = event_of(spec);
  ASSERT_TRUE(check_event(good, 3));
  EXPECT_EQ(good.ctr->oci_spec->dump().find("hunter2"), std::string::npos) << "kept in clear";
  auto refused = [&](auto&& change) {
    cmc::Component event = event_of(spec);
    change(event);
    return !check_event(event, 3);
  };
  EXPECT_TRUE(refused([](auto& e) { e.hashes[0].content[0] ^= 1; }));
  EXPECT_TRUE(refused([](auto& e) { e.ctr->config_sha256[0] ^= 1; }));
  EXPECT_TRUE(refused([](auto& e) { e.ctr->rootfs_sha256.pop_back(); }));
  EXPECT_TRUE(refused([](auto& e) { (*e.ctr->oci_spec)["process"]["args"] = {"evil"}; })) << "a spec beside another digest";
  EXPECT_TRUE(refused([](auto& e) { e.ctr.reset(); }));
  EXPECT_TRUE(refused([](auto& e) { e.hashes.clear(); }));
  EXPECT_TRUE(refused([](auto& e) { e.hashes.push_back(e.hashes[0]); }));
  EXPECT_TRUE(refused([](auto& e) { e.properties.clear(); }));
  EXPECT_TRUE(refused([](auto& e) { e.properties.edit()[1].value = "4"; }));
  EXPECT_TRUE(refused([](auto& e) { e.name.clear(); }));
}

TEST(ContainerEvent, VariablesInAFormThatNobodyWouldRedactAreRefused) {
  for (const char* part : {R"({"process": {"env": {"SECRET": "hunter2"}}})", R"({"process": {"env": "SECRET=hunter2"}})",
                           R"({"process": {"env": [["SECRET=hunter2"]]}})", R"({"process": [{"env": ["SECRET=hunter2"]}]})",
                           R"({"hooks": {"prestart": {"env": ["SECRET=hunter2"]}}})", R"({"hooks": [{"env": ["SECRET=hunter2"]}]})",
                           R"({"hooks": {"prestart": [[{"env": ["SECRET=hunter2"]}]]}})"}) {
    Json spec = Json::parse(part);
    cmc::Component event = event_of(spec);
    EXPECT_FALSE(check_event(event, 3)) << part;
    if (!spec.contains("process")) spec["process"] = Json::object();
    EXPECT_FALSE(normalise_config(spec, {"", {}, Environment::clear})) << part;
  }
  cmc::Component plain = event_of(Json::parse(R"({"process": {"env": null}, "hooks": {"prestart": null}})"));
  EXPECT_TRUE(check_event(plain, 3));
}

TEST(ContainerRules, AllowWhatTheySayAndNothingElse) {
  Json due = Json::parse(R"({"a":1,"b":"x","l":[1,2,3],"env":["A=1","B=2"],"o":{"p":1,"q":2},"m":[{"s":1,"d":2},{"s":3,"d":4}]})");
  auto matches = [&](const char* patch, const char* rules) {
    Json measured = due;
    measured.merge_patch(Json::parse(patch));
    return bool(match_rules(due, measured, Json::parse(rules)));
  };
  EXPECT_TRUE(matches("{}", "{}"));
  EXPECT_FALSE(matches(R"({"a":2})", "{}"));
  EXPECT_FALSE(matches(R"({"a":2})", R"({"a":"mandatory"})"));
  EXPECT_FALSE(matches(R"({"a":2})", R"({"a":"optional"})"));
  EXPECT_FALSE(matches(R"({"a":2})", R"({"a":"anything goes"})"));
  EXPECT_TRUE(matches(R"({"a":null})", R"({"a":"optional"})"));
  EXPECT_FALSE(matches(R"({"a":null})", "{}"));
  EXPECT_TRUE(matches(R"({"a":2})", R"({"a":"modifiable"})"));
  EXPECT_TRUE(matches(R"({"a":null})", R"({"a":"modifiable"})"));
  EXPECT_TRUE(matches(R"({"l":[3,1]})", R"({"l":"subset"})"));
  EXPECT_FALSE(matches(R"({"l":[3,4]})", R"({"l":"subset"})"));
  EXPECT_FALSE(matches(R"({"l":null})", R"({"l":"subset"})"));
  EXPECT_FALSE(matches(R"({"new":"v"})", "{}"));
  EXPECT_TRUE(matches(R"({"new":"v"})", R"({"new":"additional"})"));
  EXPECT_TRUE(matches(R"({"new":"v"})", R"({"new":"additional:v"})"));
  EXPECT_FALSE(matches(R"({"new":"w"})", R"({"new":"additional:v"})"));
  EXPECT_FALSE(matches(R"({"a":2})", R"({"a":"additional"})")) << "not for what the reference has";
  EXPECT_TRUE(matches(R"({"o":{"p":7}})", R"({"o":{"p":"modifiable"}})"));
  EXPECT_FALSE(matches(R"({"o":{"q":7}})", R"({"o":{"p":"modifiable"}})"));
  EXPECT_TRUE(matches(R"({"m":[{"s":9,"d":2},{"s":3,"d":4}]})", R"({"m":[{"s":"modifiable"}]})"));
  EXPECT_FALSE(matches(R"({"m":[{"s":1,"d":2},{"s":9,"d":4}]})", R"({"m":[{"s":"modifiable"}]})")) << "past the rules";
  EXPECT_FALSE(matches(R"({"m":[{"s":9,"d":2}]})", R"({"m":[{"s":"modifiable"}]})"));
}

TEST(ContainerRules, VariablesAreReplacedOrAddedByName) {
  Json due = Json::parse(R"({"env":["A=1","B=2"]})");
  auto matches = [&](const char* env, const char* rule) {
    return bool(match_rules(due, {{"env", Json::parse(env)}}, {{"env", rule}}));
  };
  EXPECT_TRUE(matches(R"(["B=2","A=9"])", "replace:A=*"));
  EXPECT_FALSE(matches(R"(["A=1","B=9"])", "replace:A=*"));
  EXPECT_FALSE(matches(R"(["A=9","A=8","B=2"])", "replace:A=*"));
  EXPECT_FALSE(matches(R"(["A","B=2"])", "replace:A=*"));
  EXPECT_TRUE(matches(R"(["A=9","B=2","C=x"])", "replace:A=*;additional:C=x,D=*"));
  EXPECT_TRUE(matches(R"(["A=1","B=2","D=anything"])", "additional:C=x,D=*"));
  EXPECT_FALSE(matches(R"(["A=1","B=2","C=y"])", "additional:C=x,D=*"));
  EXPECT_FALSE(matches(R"(["A=1","B=2","LD_PRELOAD=evil"])", "replace:A=*;additional:C=x"));
  EXPECT_FALSE(matches(R"(["A=1"])", "replace:B=*")) << "a variable that is gone";
  for (const char* bad : {"replace:A", "replace:A=*;x", "additional:=*"}) EXPECT_FALSE(matches(R"(["A=9","B=2"])", bad)) << bad;
  std::string hidden = "[\"A=1\",\"B=2\",\"C=sha256:" + to_hex(sha256(as_view("x")).view()) + "\"]";
  EXPECT_TRUE(matches(hidden.c_str(), "additional:C=x")) << "digests in place of values";
}

}  // namespace
}  // namespace attest::container
