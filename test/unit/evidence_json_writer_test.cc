#include "evidence/json/writer.h"

#include <gtest/gtest.h>

#include "evidence/json/config.h"

namespace attest {
namespace {

TEST(JsonWriter, WritesNestedValuesOnOneLine) {
  JsonWriter out;
  out.object().field("name", "nginx").field("count", 3).field("on", true).key("list").array();
  out.number(-1).number(18446744073709551615ULL).null().object().end_object();
  out.end_array().key("raw").raw("{\"a\":1}").end_object();
  EXPECT_EQ(std::move(out).finish(),
            R"({"name":"nginx","count":3,"on":true,"list":[-1,18446744073709551615,null,{}],"raw":{"a":1}})");
}

TEST(JsonWriter, EscapesWhatBreaksALineOrATerminal) {
  EXPECT_EQ(json_quote("a\"b\\c\nd\te\x1b[31m\x7f"), R"("a\"b\\c\nd\te\u001b[31m\u007f")");
}

TEST(JsonWriter, KeepsUtf8AndReplacesWhatIsNone) {
  EXPECT_EQ(json_quote("\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"), "\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\"");
  EXPECT_EQ(json_quote("\xc3"), "\"?\"");                 // cut short
  EXPECT_EQ(json_quote("\xc0\xaf"), "\"??\"");            // overlong
  EXPECT_EQ(json_quote("\xed\xa0\x80"), "\"???\"");       // a surrogate
  EXPECT_EQ(json_quote("\xf4\x90\x80\x80"), "\"????\"");  // beyond U+10FFFF
  EXPECT_EQ(json_quote(std::string_view("a\0b", 3)), R"("a\u0000b")");
}

TEST(JsonWriter, IsReadBackByOurReader) {
  JsonWriter out;
  out.object().field("text", "line one\n\"two\" \xc3\xa9").end_object();
  auto file = parse_config(out.so_far(), "test");
  ASSERT_TRUE(file) << file.error().what;
  EXPECT_EQ(file->root().string("text"), "line one\n\"two\" \xc3\xa9");
  EXPECT_TRUE(file->finish());
}

}  // namespace
}  // namespace attest
