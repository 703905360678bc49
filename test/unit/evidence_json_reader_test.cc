#include "evidence/json/reader.h"
#include "evidence/json/utf8.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace attest {
namespace {

Status skim(std::string_view text) {
  JsonReader json(text);
  json.skip();
  return json.done("text");
}

std::string failure(std::string_view text) {
  auto status = skim(text);
  return status ? "accepted" : status.error().what;
}

TEST(JsonReader, ReadsEveryKind) {
  JsonReader json(
      R"( {"s":"a\"\u00e9\ud83d\ude00","t":true,"n":null,"i":-7,"l":[1,2],"o":{"x":{}},"e":[]} )");
  std::string s;
  bool t = false;
  std::int64_t i = 0, sum = 0;
  int nulls = 0;
  json.object([&](std::string_view key) {
    if (key == "s")
      s = json.text();
    else if (key == "t")
      t = json.boolean();
    else if (key == "i")
      i = json.integer(-10, 10);
    else if (key == "l")
      json.array([&] { sum += json.integer(0, 9); });
    else if (json.null())
      nulls++;
    else
      json.skip();
  });
  ASSERT_TRUE(json.done("text"));
  EXPECT_EQ(s, "a\"é😀");
  EXPECT_TRUE(t);
  EXPECT_EQ(i, -7);
  EXPECT_EQ(sum, 3);
  EXPECT_EQ(nulls, 1);
}

TEST(JsonReader, RefusesWhatJsonRefuses) {
  for (std::string_view bad : {"",
                               " ",
                               "{",
                               "[",
                               "[1,]",
                               "[,1]",
                               "{\"a\":1,}",
                               "{\"a\"}",
                               "{a:1}",
                               "{\"a\":}",
                               "01",
                               "-",
                               "1.",
                               ".5",
                               "1e",
                               "+1",
                               "tru",
                               "nul",
                               "\"",
                               "\"\\",
                               "\"\\u",
                               "\"\\u12",
                               "\"\\u12g4\"",
                               "\"\\x\"",
                               "\"\\ud800\"",
                               "\"\\ud800\\u0041\"",
                               "\"\\udc00\"",
                               "\"\n\"",
                               "1 2",
                               "{} {}",
                               "[1 2]",
                               "{\"a\":1 \"b\":2}",
                               "]",
                               "[1}",
                               "{\"a\":1]",
                               "// c\n1",
                               "NaN",
                               "\xff",
                               "\"\xc0\xaf\"",
                               "\"\xed\xa0\x80\"",
                               "\"\xf4\x90\x80\x80\"",
                               "\"\xe2\x82\"",
                               "\"\x80\""}) {
    EXPECT_FALSE(skim(bad)) << bad;
    EXPECT_FALSE(nlohmann::json::accept(bad)) << bad;
  }
  for (std::string_view good : {"1", "-0", "1.5e-3", "\"\\u0041\"", "[]", "{}", "\"\xf4\x8f\xbf\xbf\"",
                                " [ 1 , 2 ] ", "true", "0e1"}) {
    EXPECT_TRUE(skim(good)) << good << failure(good);
    EXPECT_TRUE(nlohmann::json::accept(good)) << good;
  }
}

// Texts are passed over eight characters at a time where they are plain.
TEST(JsonReader, EveryPlaceOfALongTextIsLookedAt) {
  const std::string plain = "abcdefghijklmnopqrstuvwx~ !#[]";
  for (std::size_t at = 0; at < plain.size(); at++)
    for (int c = 0; c < 256; c++) {
      std::string text = plain;
      text[at] = static_cast<char>(c);
      std::string json = '"' + text + '"';
      JsonReader in(json);
      std::string read(in.text());
      bool fine = c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
      EXPECT_EQ(in.done("text") && read == text, fine) << at << " " << c;
    }
}

TEST(JsonReader, Utf8AtEveryPlace) {
  for (std::size_t at = 0; at < 20; at++) {
    std::string text = std::string(at, 'x') + "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80" + std::string(9, 'y');
    EXPECT_TRUE(valid_utf8(text)) << at;
    for (const char* bad : {"\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\x80", "\xe2\x82", "\xff"})
      EXPECT_FALSE(valid_utf8(std::string(at, 'x') + bad)) << at << " " << bad;
  }
  EXPECT_TRUE(valid_utf8(""));
}

TEST(JsonReader, RefusesDuplicatesHoweverWritten) {
  EXPECT_EQ(failure(R"({"a":1,"b":2,"a":3})"), "text: member \"a\" stands twice (at byte 16)");
  EXPECT_NE(failure(R"({"a":1,"\u0061":3})"), "accepted");
  EXPECT_NE(failure(R"({"\u0061":1,"\u0061":3})"), "accepted");
  EXPECT_EQ(failure(R"({"a":{"a":1},"b":{"a":1}})"), "accepted");
  std::string many = "{";
  for (int i = 0; i < 1000; i++) many += "\"k" + std::to_string(i) + "\":0,";
  EXPECT_EQ(failure(many + "\"z\":0}"), "accepted");
  EXPECT_NE(failure(many + "\"k999\":0}"), "accepted");
  EXPECT_NE(failure(many + "\"k0\":0}"), "accepted");
}

TEST(JsonReader, BoundsNestingAndMembers) {
  EXPECT_EQ(failure(std::string(64, '[') + std::string(64, ']')), "accepted");
  EXPECT_NE(failure(std::string(65, '[') + std::string(65, ']')), "accepted");
  EXPECT_NE(failure(std::string(1 << 20, '[')), "accepted");
  std::string many = "{\"k\":0";
  for (int i = 0; i < 65536; i++) many += ",\"k" + std::to_string(i) + "\":0";
  EXPECT_NE(failure(many + "}"), "accepted");
}

TEST(JsonReader, IntegersAreWholeAndInRange) {
  auto integer = [](std::string_view text) {
    JsonReader json(text);
    json.integer(0, INT64_MAX);
    return bool(json.done("n"));
  };
  EXPECT_TRUE(integer("9223372036854775807"));
  for (auto bad : {"9223372036854775808", "-1", "1.0", "1e2", "\"1\"", "18446744073709551616", "1e400"})
    EXPECT_FALSE(integer(bad)) << bad;
}

TEST(JsonReader, AMemberThatIsNotReadIsAFailure) {
  JsonReader json(R"({"a":1})");
  json.object([](std::string_view) {});
  EXPECT_FALSE(json.done("text"));
}

TEST(JsonReader, WrongKindsFailAndStayFailed) {
  JsonReader json(R"({"a":1,"b":"x"})");
  int members = 0;
  json.object([&](std::string_view) {
    members++;
    EXPECT_EQ(json.text(), "");
  });
  EXPECT_EQ(members, 1);
  EXPECT_EQ(json.text(), "");
  EXPECT_EQ(json.integer(0, 1), 0);
  EXPECT_EQ(json.done("text").error().what, "text: a string was expected (at byte 5)");
}

}  // namespace
}  // namespace attest
