// The attest-* parameters, and openssl.cnf line by line.
#include <gtest/gtest.h>

#include <map>

#include "provider/params.h"

namespace attest {
namespace {

using Values = std::map<std::string, std::string>;

Result<Settings> read(const Values& values, const ConfLines& lines = {}) {
  return read_settings(
      [&](const char* name) {
        auto found = values.find(name);
        return found == values.end() ? nullptr : found->second.c_str();
      },
      lines);
}

std::string error(const Values& values, const ConfLines& lines = {}) {
  auto settings = read(values, lines);
  return settings ? "" : settings.error().what;
}

TEST(Params, DefaultsDemandEvidenceOfServersAndGiveIt) {
  auto s = read({});
  ASSERT_TRUE(s);
  EXPECT_EQ(s->client, Mode::require);
  EXPECT_EQ(s->server, Mode::off);
  EXPECT_TRUE(s->evidence);
  EXPECT_FALSE(s->name_checked);
  EXPECT_EQ(s->daemon.socket, "/run/attest/attest.sock");
  EXPECT_FALSE(s->daemon.daemon_uid);
}

TEST(Params, EveryOneIsRead) {
  auto s = read({{"attest-socket", "/tmp/s"},
                 {"attest-daemon-uid", "7"},
                 {"attest-server", "prefer"},
                 {"attest-client", "off"},
                 {"attest-policy", "web"},
                 {"attest-peer", "db.example"},
                 {"attest-x509-name-checked", "yes"},
                 {"attest-evidence", "no"},
                 {"attest-connect-ms", "1"},
                 {"attest-quote-ms", "2"},
                 {"attest-judge-ms", "600000"},
                 {"attest-debug", "file:/tmp/a,b,level:3"}});
  ASSERT_TRUE(s);
  EXPECT_EQ(s->daemon.socket, "/tmp/s");
  EXPECT_EQ(s->daemon.daemon_uid, std::optional<uid_t>(7));
  EXPECT_EQ(s->server, Mode::prefer);
  EXPECT_EQ(s->client, Mode::off);
  EXPECT_EQ(s->policy, "web");
  EXPECT_EQ(s->peer, "db.example");
  EXPECT_TRUE(s->name_checked);
  EXPECT_FALSE(s->evidence);
  EXPECT_EQ(s->daemon.connect_timeout.count(), 1);
  EXPECT_EQ(s->daemon.quote_timeout.count(), 2);
  EXPECT_EQ(s->daemon.judge_timeout.count(), 600000);
  EXPECT_EQ(s->debug_path, "/tmp/a,b");
  EXPECT_EQ(s->debug_level, 3);
  EXPECT_EQ(read({{"attest-daemon-uid", "root"}})->daemon.daemon_uid, std::optional<uid_t>(0));
}

TEST(Params, BadValuesNameParameterValueAndWhatIsExpected) {
  const Values bad[] = {{{"attest-server", "Require"}},
                        {{"attest-client", ""}},
                        {{"attest-socket", "run/s"}},
                        {{"attest-socket", "/" + std::string(107, 'x')}},
                        {{"attest-daemon-uid", "-1"}},
                        {{"attest-daemon-uid", "4294967295"}},
                        {{"attest-policy", ""}},
                        {{"attest-peer", std::string(257, 'p')}},
                        {{"attest-x509-name-checked", "1"}},
                        {{"attest-evidence", "true"}},
                        {{"attest-connect-ms", "0"}},
                        {{"attest-quote-ms", "600001"}},
                        {{"attest-judge-ms", "5s"}},
                        {{"attest-debug", "/tmp/x"}},
                        {{"attest-debug", "file:x,level:1"}},
                        {{"attest-debug", "file:/x,level:0"}}};
  for (const Values& values : bad) {
    const auto& [name, value] = *values.begin();
    std::string text = error(values);
    EXPECT_TRUE(text.starts_with("config.bad: " + name + " = \"" + value + "\"")) << text;
    EXPECT_NE(text.find("expected"), std::string::npos) << text;
  }
}

constexpr const char* kConf = R"(# a comment
openssl_conf = main
[ main ]
providers = provs   # where
[provs]
attest = a
[a]
module = /x/attest.so
attest-server = \
  maybe
attest-clinet = require
)";

TEST(Params, ErrorsNameFileAndLine) {
  ConfLines lines = parse_conf_lines(kConf, "o.cnf");
  std::string unknown = error({}, lines);
  EXPECT_TRUE(
      unknown.starts_with("config.bad: unknown parameter attest-clinet (o.cnf:11); there are attest-socket"))
      << unknown;
  lines.pop_back();
  std::string bad = error({{"attest-server", "maybe"}}, lines);
  EXPECT_EQ(bad, "config.bad: attest-server = \"maybe\" (o.cnf:9): require, prefer or off expected");
}

TEST(ConfLines, SectionsCommentsContinuationsAndQualifiedNames) {
  ConfLines lines =
      parse_conf_lines(std::string(kConf) + "b::x = '#1' # c\n.include = /y\nno value\n[broken\nz=", "f");
  ASSERT_EQ(lines.size(), 9U);
  EXPECT_EQ(lines[0].section, "default");
  EXPECT_EQ(lines[1].section, "main");
  EXPECT_EQ(lines[1].value, "provs");
  EXPECT_EQ(lines[4].value, "maybe");
  EXPECT_EQ(lines[6].section, "b");
  EXPECT_EQ(lines[6].name, "x");
  EXPECT_EQ(lines[6].value, "'#1'");
  EXPECT_EQ(lines[7].name, ".include");
  EXPECT_EQ(lines[7].value, "/y");
  EXPECT_EQ(lines[8].value, "");
  EXPECT_TRUE(parse_conf_lines("", "f").empty());
  EXPECT_LE(parse_conf_lines(
                [] {
                  std::string many;
                  for (int i = 0; i < 10000; i++) many += "a = b\n";
                  return many;
                }(),
                "f")
                .size(),
            4096U);
}

TEST(ConfLines, TheSwitchInForce) {
  EXPECT_EQ(find_switch(parse_conf_lines(kConf, "f")), Switch::providers);
  std::string both = std::string(kConf) + "[provs]\ndefault = d\n";
  EXPECT_EQ(find_switch(parse_conf_lines(both, "f")), Switch::none);
  std::string empty_suites =
      both + "[main]\nssl_conf = s\n[s]\nsystem_default = t\n[t]\nMinProtocol = TLSv1.3\nCiphersuites =\n";
  EXPECT_EQ(find_switch(parse_conf_lines(empty_suites, "f")), Switch::ciphersuites);
  EXPECT_EQ(find_switch(parse_conf_lines(empty_suites + "Ciphersuites = TLS_AES_128_GCM_SHA256\n", "f")),
            Switch::none);
  EXPECT_EQ(find_switch(parse_conf_lines("", "f")), Switch::unknown);
}

}  // namespace
}  // namespace attest
