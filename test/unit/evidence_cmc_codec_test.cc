// The reader and the writer of CMC's CBOR, beside libcbor and plain rules.
#include "evidence/cmc/codec.h"

#include <cbor.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "evidence/core/hex.h"

namespace attest::cmc {
namespace {

// loaded is how many bytes libcbor says the first item of these has; 0: it is none.
std::size_t loaded(View bytes) {
  cbor_load_result result{};
  cbor_item_t* item = cbor_load(bytes.data(), bytes.size(), &result);
  if (item == nullptr) return 0;
  cbor_decref(&item);
  return result.read;
}

// passed is the same by ours.
std::size_t passed(View bytes) {
  CborSource in(bytes, false);
  std::size_t size = in.raw().size();
  return in.good() ? size : 0;
}

// Every beginning of two bytes, before so many numbers: strings that fit and that do not, lists, longer heads, what is
// reserved. Maps are left out: with the same keys they are refused here alone; tags and floats: they are passed over.
TEST(CborHeads, AreReadAsLibcborReadsThem) {
  for (std::size_t behind : {0, 1, 23, 24, 255, 300})
    for (unsigned beginning = 0; beginning < 0x10000; beginning++) {
      Bytes bytes(2 + behind, 0);
      bytes[0] = static_cast<std::uint8_t>(beginning >> 8);
      bytes[1] = static_cast<std::uint8_t>(beginning);
      if (bytes[0] >> 5 > 4) continue;
      if (bytes[0] >> 5 == 4 && (bytes[1] >> 5 > 3 || (bytes[0] & 0x1f) > 24)) continue;  // a list of those, or of very many
      if (bytes[0] >> 5 < 4 && (bytes[0] & 0x1f) == 0x1f) continue;  // pieces
      ASSERT_EQ(passed(bytes), loaded(bytes)) << to_hex(View(bytes).first(2)) << " before " << behind;
    }
}

TEST(CborHeads, OfOneByteAloneAreRead) {
  for (unsigned first = 0; first < 0xa0; first++) {
    Bytes one{static_cast<std::uint8_t>(first)};
    ASSERT_EQ(passed(one), loaded(one)) << first;
  }
}

// What CMC's encoder writes for the same values: shortest whole numbers, floats of eight bytes.
TEST(CborNumbers, OfFreeValuesAreWrittenAsCmcWritesThem) {
  const std::pair<nlohmann::json, const char*> rows[] = {{UINT64_MAX, "1bffffffffffffffff"}, {std::uint64_t{1} << 63, "1b8000000000000000"}, {INT64_MAX, "1b7fffffffffffffff"},
                                                         {INT64_MIN, "3b7fffffffffffffff"}, {-1, "20"}, {0, "00"}, {1.5, "fb3ff8000000000000"},
                                                         {18446744073709551616.0, "fb43f0000000000000"}};
  for (const auto& [value, due] : rows) {
    CborSink out;
    out.free({{"a", value}});
    Bytes bytes = out.finish();
    EXPECT_EQ(to_hex(bytes), "a16161" + std::string(due));
    CborSource in(bytes, true);
    EXPECT_EQ(in.free(), nlohmann::json({{"a", value}}));
    EXPECT_TRUE(in.done("value"));
  }
  for (Bytes shorter : {Bytes{0xfa, 0x3f, 0xc0, 0, 0}, Bytes{0xf9, 0x3e, 0}}) {
    CborSource in(shorter, true);
    in.free();
    EXPECT_FALSE(in.good()) << to_hex(shorter);
    CborSource lax(shorter, false);
    EXPECT_EQ(lax.free(), nlohmann::json(1.5));
  }
}

TEST(CborHeads, LongerThanTheyMustBeAreNotCanonical) {
  for (unsigned major = 0; major < 6; major++) {
    Bytes longer(64, 0);
    longer[0] = static_cast<std::uint8_t>(major << 5 | 24);
    longer[1] = 1;
    CborSource strict(longer, true);
    strict.raw();
    EXPECT_FALSE(strict.good()) << major;
  }
}

TEST(JsonSink, WritesEveryTextSoThatItReadsTheSame) {
  for (std::string text : {"a&b\\u007f", "<\\", "&\"", "\x7f\\u007f", "\\\\u007f>", "a\xe2\x80\xa8" "b\xe2\x80\xa9", "\xe2\x82\xac", "&\n\t\x01", "plain", ""}) {
    JsonSink out;
    out.text(text);
    Bytes written = out.finish();
    EXPECT_EQ(nlohmann::json::parse(written, nullptr, false), nlohmann::json(text)) << as_text(written);
    EXPECT_EQ(std::ranges::find_if(written, [](std::uint8_t c) { return c == '<' || c == '>' || c == '&'; }), written.end()) << text;
  }
}

TEST(CborSink, PutsPairsInTheOrderOfTheirKeysAtEveryDepth) {
  CborSink out;
  constexpr Field kFields[] = {{"a", 0}, {"b", 1}, {"long", 300}, {"text", Field::kTextKey}};
  out.object();
  out.key(kFields[3]);
  out.object();
  out.text_key("bb");
  out.integer(-500);
  out.text_key("a");
  out.array();
  for (int i = 0; i < 25; i++) out.boolean(i % 2 == 0);
  out.end_array();
  out.end_object();
  out.key(kFields[2]);
  out.array();
  out.end_array();
  out.key(kFields[1]);
  out.bytes(Bytes(24, 7));
  out.key(kFields[0]);
  out.object();
  out.end_object();
  out.end_object();
  std::string booleans;
  for (int i = 0; i < 25; i++) booleans += i % 2 == 0 ? "f5" : "f4";
  EXPECT_EQ(to_hex(out.finish()), "a4" "00a0" "015818" + to_hex(Bytes(24, 7)) + "19012c80" "6474657874" "a2" "61619819" + booleans + "6262623901f3");
}

TEST(CborSink, WritesMapsOfAnySize) {
  for (std::size_t n : {0, 1, 23, 24, 255, 256, 1000}) {
    CborSink out;
    out.object();
    for (std::size_t i = n; i-- > 0;) {  // downwards: each map has to be put in order
      out.text_key(std::to_string(i));
      out.integer(static_cast<std::int64_t>(i));
    }
    out.end_object();
    Bytes bytes = out.finish();
    CborSource in(bytes, true);
    std::size_t read = 0;
    in.text_map([&](std::string key) { read += in.integer(0, 1000) == std::stoi(key) ? 1 : 0; });
    EXPECT_TRUE(in.done("map")) << n;
    EXPECT_EQ(read, n);
  }
}

}  // namespace
}  // namespace attest::cmc
