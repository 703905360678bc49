// Containers as they are measured: canonical JSON, normalised configurations, root file systems, events.
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <filesystem>
#include <fstream>

#include "evidence/container/event.h"
#include "evidence/container/rootfs.h"
#include "evidence/container/rules.h"
#include "evidence/core/fd.h"
#include "evidence/core/hex.h"
#include "evidence/json/canonical.h"
#include "test/support/temp_dir.h"

namespace attest::container {
namespace {

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
  auto normal = normalise_config(config, {id, "/usr/bin/dockerd", Environment::clear});
  EXPECT_TRUE(normal) << normal.error().what;
  return normal ? *config_digest(*normal) : Digest();
}

TEST(ContainerConfig, TakesOutWhatDiffersFromStartToStart) {
  auto normal = normalise_config(docker_config(), {kDockerId, "/usr/bin/dockerd", Environment::clear});
  ASSERT_TRUE(normal) << normal.error().what;
  std::string text = *canonical_json(*normal);
  EXPECT_EQ(text.find(kDockerId.substr(0, 12)), std::string::npos) << text;
  for (const char* gone : {"hostname", "terminal", "consoleSize", "rootfs", R"("a":"b")", "0123abcd", "0123456789abcdef", "0a1b2c3d4e5f", "/proc/"})
    EXPECT_EQ(text.find(gone), std::string::npos) << gone;
  for (const char* there : {"<container-id>/hosts", "<docker-volume>", "<container-id>-<kata-mount-hash>-hosts", "<network-controller-id>",
                            "/usr/bin/dockerd", "io.katacontainers.config.x", "HOSTNAME=<container-id>", R"(["CAP_A","CAP_Z"])", R"(["/a","/b"])"})
    EXPECT_NE(text.find(there), std::string::npos) << there << " in " << text;

  std::string other(64, 'c');
  std::string again = docker_config().dump();
  for (std::size_t at = again.find(kDockerId); at != std::string::npos; at = again.find(kDockerId)) again.replace(at, 64, other);
  again.replace(again.find("HOSTNAME=") + 9, 12, other.substr(0, 12));
  EXPECT_EQ(digest_of(Json::parse(again), other), digest_of(docker_config(), kDockerId));
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
    auto normal = normalise_config(hostile, {id, "", Environment::clear});
    ASSERT_TRUE(normal);
    EXPECT_EQ((*normal)["process"]["args"], Json::array({"/bin/evil"})) << id;
    EXPECT_EQ((*normal)["mounts"].size(), 3u);
  }
  Json named = docker_config();
  named["linux"]["cgroupsPath"] = "/machine/web1:web1/xweb1";
  EXPECT_EQ((*normalise_config(named, {"web1", "", {}}))["linux"]["cgroupsPath"], "/machine/<container-id>:<container-id>/xweb1");
  EXPECT_FALSE(normalise_config(named, {std::string(257, 'a'), "", {}}));
  for (const char* bad : {"[]", "{}", R"({"process":[]})", "3"}) EXPECT_FALSE(normalise_config(Json::parse(bad), {})) << bad;
}

TEST(ContainerConfig, ValuesOfVariablesDoNotTravel) {
  Json spec = *normalise_config(docker_config(), {kDockerId, "", Environment::clear});
  Json sent = spec;
  redact_environment(sent);
  std::string text = sent.dump();
  EXPECT_EQ(text.find("hunter2"), std::string::npos);
  EXPECT_EQ(text.find("=abc"), std::string::npos) << "of a hook";
  EXPECT_NE(text.find("SECRET=<redacted>"), std::string::npos);
  restore_environment(sent, spec);
  EXPECT_EQ(sent, spec);
  Json hidden = *normalise_config(docker_config(), {kDockerId, "", Environment::digests});
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

TEST(ContainerEvent, IsRecomputedBeforeItCounts) {
  Json spec = *normalise_config(docker_config(), {kDockerId, "", Environment::clear});
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
    EXPECT_FALSE(normalise_config(spec, {"", "", Environment::clear})) << part;
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

class Rootfs : public testing::Test {
 protected:
  void SetUp() override {
    std::filesystem::create_directories(root() / "etc");
    put("etc/b", "content");
    put("etc/a", "");
    std::filesystem::create_symlink("../b", root() / "link");
    std::filesystem::create_hard_link(root() / "etc/b", root() / "hard");
  }
  std::filesystem::path root() const { return folder_.path() / "r"; }
  void put(const std::string& name, std::string_view text) const { std::ofstream(root() / name) << text; }
  Digest digest() const {
    auto out = rootfs_digest(root());
    EXPECT_TRUE(out) << out.error().what;
    return out ? *out : Digest();
  }
  test::TempDir folder_;
};

TEST_F(Rootfs, IsTheDigestOfAnArchiveInTheOrderOfNames) {
  for (const char* name : {"etc/a", "etc/b"}) ASSERT_EQ(chmod((root() / name).c_str(), 0644), 0);
  ASSERT_EQ(chmod((root() / "etc").c_str(), 0755), 0);
  unsigned uid = getuid(), gid = getgid();
  Bytes archive;
  auto add = [&](const Bytes& more) { archive.insert(archive.end(), more.begin(), more.end()); };
  add(tar_header({"etc/", "", '5', 0755, uid, gid, 0, 0, 0, {}}));
  add(tar_header({"etc/a", "", '0', 0644, uid, gid, 0, 0, 0, {}}));
  add(tar_header({"etc/b", "", '0', 0644, uid, gid, 0, 0, 7, {}}));
  Bytes content = to_bytes(as_view("content"));
  content.resize(512);
  add(content);
  add(tar_header({"hard", "etc/b", '1', 0644, uid, gid, 0, 0, 0, {}}));
  add(tar_header({"link", "../b", '2', 0777, uid, gid, 0, 0, 0, {}}));
  archive.resize(archive.size() + 1024);
  EXPECT_EQ(digest(), sha256(archive));
}

TEST_F(Rootfs, EveryChangeShowsAndTimesDoNot) {
  Digest before = digest();
  std::filesystem::last_write_time(root() / "etc/a", std::filesystem::file_time_type::clock::now() - std::chrono::hours(50));
  EXPECT_EQ(digest(), before);
  put("etc/a", "x");
  Digest written = digest();
  EXPECT_NE(written, before);
  ASSERT_EQ(chmod((root() / "etc/a").c_str(), 04755), 0);
  EXPECT_NE(digest(), written) << "set-user-id";
  Digest mode = digest();
  std::filesystem::rename(root() / "etc/a", root() / "etc/c");
  EXPECT_NE(digest(), mode);
  Digest renamed = digest();
  std::filesystem::remove(root() / "link");
  std::filesystem::create_symlink("../c", root() / "link");
  EXPECT_NE(digest(), renamed);
}

TEST_F(Rootfs, RefusesWhatItCannotMeasure) {
  EXPECT_FALSE(rootfs_digest(root() / "absent"));
  EXPECT_FALSE(rootfs_digest(root() / "hard")) << "a file";
  EXPECT_FALSE(rootfs_digest(root(), {3, 256, 1 << 20})) << "too many entries";
  EXPECT_FALSE(rootfs_digest(root(), {100, 0, 1 << 20})) << "too deep";
  EXPECT_FALSE(rootfs_digest(root(), {100, 256, 6})) << "too large";
  OwnedFd socket(::socket(AF_UNIX, SOCK_STREAM, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::string path = root() / "s";
  ASSERT_LT(path.size(), sizeof address.sun_path);
  path.copy(address.sun_path, path.size());
  ASSERT_EQ(bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  EXPECT_FALSE(rootfs_digest(root())) << "a socket";
}

TEST(Tar, LongNamesAndCapabilitiesGoIntoRecords) {
  auto octal = [](View block, std::size_t at, std::size_t n) { return std::stoul(std::string(as_text(block.subspan(at, n))), nullptr, 8); };
  for (const TarEntry& entry : {TarEntry{"a/" + std::string(300, 'n'), "", '0', 0644}, TarEntry{"x", std::string(200, 'l'), '2', 0777},
                                TarEntry{"\xc3\xa4", "", '0', 0644}, TarEntry{"cap", "", '0', 0755, 0, 0, 0, 0, 0, Bytes{1, 0, 2}}}) {
    Bytes out = tar_header(entry);
    ASSERT_EQ(out.size(), 3 * 512u) << entry.path;
    EXPECT_EQ(out[156], 'x');
    std::size_t size = octal(out, 124, 11);
    std::string text(as_text(View(out).subspan(512, size)));
    EXPECT_EQ(text.back(), '\n');
    EXPECT_EQ(std::stoul(text), size) << "one record whose length counts itself";
    for (std::size_t block : {std::size_t{0}, std::size_t{1024}}) {
      std::uint64_t sum = 8 * ' ';
      for (std::size_t i = 0; i < 512; i++) sum += i >= 148 && i < 156 ? 0 : out[block + i];
      EXPECT_EQ(octal(View(out).subspan(block), 148, 6), sum);
    }
  }
  EXPECT_EQ(tar_header({std::string(90, 'p') + "/" + std::string(90, 'n'), "", '0', 0644}).size(), 512u) << "prefix and name";
}

}  // namespace
}  // namespace attest::container
