#include "evidence/json/config.h"

#include <gtest/gtest.h>

namespace attest {
namespace {

ConfigFile parsed(std::string_view text) {
  auto file = parse_config(text, "cmcd.json");
  EXPECT_TRUE(file) << file.error().what;
  return *std::move(file);
}

std::string parse_failure(std::string_view text) {
  auto file = parse_config(text, "cmcd.json");
  return file ? "accepted" : file.error().what;
}

std::string finish_failure(const ConfigFile& file) {
  auto status = file.finish();
  return status ? "accepted" : status.error().what;
}

TEST(Config, ReadsEveryKindWithComments) {
  ConfigFile file = parsed(R"({ // a comment
  "name": "web", /* another
  one */ "observe": true, "limit": 7,
  "peers": [ {"name": "a"}, {"name": "b"} ],
  "tpm": {"tcti": "swtpm"}, "pcrs": [0, 7], "roots": ["x", "y"], "mode": "strict"
})");
  Object root = file.root();
  EXPECT_EQ(root.string("name"), "web");
  EXPECT_TRUE(root.boolean("observe", false));
  EXPECT_EQ(root.integer("limit", 0, 10), 7);
  EXPECT_EQ(root.integers("pcrs", 0, 23), (std::vector<std::int64_t>{0, 7}));
  EXPECT_EQ(root.strings("roots"), (std::vector<std::string>{"x", "y"}));
  EXPECT_EQ(root.choice("mode", {"strict", "lax"}, "lax"), "strict");
  auto peers = root.objects("peers");
  ASSERT_EQ(peers.size(), 2u);
  EXPECT_EQ(peers[0].string("name"), "a");
  EXPECT_EQ(peers[1].string("name"), "b");
  auto tpm = root.object("tpm");
  ASSERT_TRUE(tpm);
  EXPECT_EQ(tpm->string("tcti", ""), "swtpm");
  EXPECT_EQ(root.string("absent", "fallback"), "fallback");
  EXPECT_FALSE(root.object("none"));
  EXPECT_TRUE(file.finish()) << finish_failure(file);
}

TEST(Config, UnknownKeyIsNamedWithLineAndKnownKeys) {
  ConfigFile file = parsed("{\n  \"name\": \"web\",\n  \"nmae\": 1\n}");
  file.root().string("name");
  file.root().has("other");
  EXPECT_EQ(finish_failure(file), "cmcd.json:3: unknown key \"nmae\" (known keys: name, other)");
}

TEST(Config, UnknownKeyInsideANestedObjectIsFoundByOneFinish) {
  ConfigFile file = parsed("{\n\"peers\": [\n{\"name\": \"a\"},\n{\"nam\": \"b\"}\n]}");
  for (const Object& peer : file.root().objects("peers")) peer.string("name", "");
  EXPECT_EQ(finish_failure(file), "cmcd.json:4: unknown key \"nam\" (known keys: name)");
}

TEST(Config, WrongTypesNameTheLineOfTheKey) {
  ConfigFile file = parsed("{\n\"limit\":\n\n 70000\n}");
  EXPECT_EQ(file.root().integer("limit", 1, 65535, 5), 5);
  EXPECT_EQ(finish_failure(file), "cmcd.json:2: \"limit\" must be a whole number from 1 to 65535");

  ConfigFile text = parsed("{\n\n\"name\": 7}");
  EXPECT_EQ(text.root().string("name"), "");
  EXPECT_EQ(finish_failure(text), "cmcd.json:3: \"name\" must be a string");

  ConfigFile list = parsed("{\"pcrs\": [\n1,\n24\n]}");
  list.root().integers("pcrs", 0, 23);
  EXPECT_EQ(finish_failure(list), "cmcd.json:3: \"pcrs\" must be a list, each a whole number from 0 to 23");

  ConfigFile real = parsed("{\"limit\": 1.5}");
  real.root().integer("limit", 0, 9);
  EXPECT_EQ(finish_failure(real), "cmcd.json:1: \"limit\" must be a whole number from 0 to 9");

  ConfigFile choice = parsed("{\"role\": \"both\"}");
  EXPECT_EQ(choice.root().choice("role", {"server", "client"}, ""), "");
  EXPECT_EQ(finish_failure(choice), "cmcd.json:1: \"role\" must be one of \"server\", \"client\"");
}

TEST(Config, MissingKeyNamesTheObjectsLine) {
  ConfigFile file = parsed("{\n\"tpm\": {}\n}");
  file.root().object("tpm")->string("tcti");
  EXPECT_EQ(finish_failure(file), "cmcd.json:2: \"tcti\" is missing; it must be a string");
}

TEST(Config, FirstErrorStays) {
  ConfigFile file = parsed("{\"a\": 1,\n\"b\": 2}");
  file.root().fail("a", "must be an absolute path");
  file.root().string("b");
  EXPECT_EQ(finish_failure(file), "cmcd.json:1: \"a\" must be an absolute path");
}

TEST(Config, IntegersBeyond64BitsAreNoWholeNumbers) {
  ConfigFile file = parsed("{\"n\": 18446744073709551615}");
  file.root().integer("n", INT64_MIN, INT64_MAX, 0);
  EXPECT_FALSE(file.finish());
}

TEST(Config, KeysKeepTheOrderOfTheFile) {
  ConfigFile file = parsed("{\"z\": 1, \"a\": {\"q\": 1}, \"m\": 3}");
  EXPECT_EQ(file.root().keys(), (std::vector<std::string>{"z", "a", "m"}));
}

TEST(Config, RefusesBadTexts) {
  EXPECT_EQ(parse_failure("{\"a\": 1,\n \"b\": 2,\n\"a\": 3}"),
            "cmcd.json:3: key \"a\" stands twice (first in line 1)");
  EXPECT_EQ(parse_failure("[1]"), "cmcd.json:1: the file must be one object { }");
  EXPECT_EQ(parse_failure(""),
            "cmcd.json:1: not JSON: error while parsing value - unexpected end of input; expected '[', '{', "
            "or a literal");
  EXPECT_EQ(parse_failure("{\"a\": 1\n\n"),
            "cmcd.json:2: not JSON: error while parsing object - unexpected end of input; expected '}'");
  EXPECT_NE(parse_failure("{} {}"), "accepted");
  EXPECT_NE(parse_failure("{\"a\": 1,}"), "accepted");
  for (char c : parse_failure("{\"a\": \"\xff\x01\"}")) EXPECT_TRUE(c >= 0x20 && c <= 0x7e);
  EXPECT_NE(parse_failure("{\"a\": 1"), "accepted");
}

TEST(Config, BoundsNestingAndValues) {
  std::string deep = "{\"a\": " + std::string(100000, '[');
  EXPECT_EQ(parse_failure(deep), "cmcd.json:1: nested more than 32 deep");
  std::string many = "{\"a\": [0";
  for (int i = 0; i < 300000; i++) many += ",0";
  EXPECT_EQ(parse_failure(many + "]}"), "cmcd.json:1: more than 262144 values");
  EXPECT_EQ(parse_failure(std::string(kMaxConfigBytes + 1, ' ')), "cmcd.json:1: more than 16777216 bytes");
}

TEST(Config, ReadingAFileThatIsNotThereIsIo) {
  auto file = read_config("/nonexistent/cmcd.json");
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().code, Errc::io);
}

}  // namespace
}  // namespace attest
