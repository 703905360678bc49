// der.h: what is DER and what only resembles it.
#include "evidence/x509/der.h"

#include <gtest/gtest.h>

#include "evidence/core/hex.h"

namespace attest {
namespace {

Bytes hex(std::string_view text) { return *from_hex(text); }

TEST(Der, LengthsAreInTheirShortestFormAndDefinite) {
  Bytes long_form = hex("048180");
  long_form.resize(3 + 128, 7);
  DerReader in(long_form);
  EXPECT_EQ(in.take(der_tag::kOctetString).size(), 128U);
  EXPECT_TRUE(in.done("test"));
  for (const char* bad : {"04", "0401", "048101aa", "04820001aa", "0480aa0000", "0485000000000100", "1f8101aa"}) {
    Bytes bytes = hex(bad);
    DerReader reader(bytes);
    EXPECT_TRUE(reader.next().whole.empty()) << bad;
    EXPECT_FALSE(reader.good()) << bad;
  }
}

TEST(Der, AfterAFailureNothingIsReadAndLevelsBelowHaveFailedToo) {
  Bytes bytes = hex("3003020105" "040107");
  DerReader in(bytes);
  EXPECT_TRUE(in.take(der_tag::kSet).empty());
  EXPECT_TRUE(in.take(der_tag::kSequence).empty());
  DerReader below = in.inside(der_tag::kSequence);
  EXPECT_FALSE(below.good());
  EXPECT_FALSE(below.done("test"));
  DerReader again(bytes);
  EXPECT_EQ(again.inside(der_tag::kSequence).small(der_tag::kInteger, 5), 5U);
  EXPECT_FALSE(again.done("test")) << "three bytes are left";
  EXPECT_EQ(again.take_if(der_tag::kNull), std::nullopt);
  EXPECT_EQ(again.value(der_tag::kOctetString).whole.size(), 3U);
  EXPECT_TRUE(again.done("test"));
}

TEST(Der, NumbersAreMinimalAndWithinTheirBounds) {
  auto small = [](std::string_view text, std::uint32_t max) -> std::optional<std::uint32_t> {
    Bytes bytes = hex(text);
    DerReader in(bytes);
    std::uint32_t number = in.small(der_tag::kInteger, max);
    return in.good() ? std::optional(number) : std::nullopt;
  };
  EXPECT_EQ(small("020100", 0), 0U);
  EXPECT_EQ(small("020200ff", 255), 255U);
  EXPECT_EQ(small("020500ffffffff", 0xffffffff), 0xffffffffU);
  for (const char* bad : {"0200", "02020001", "0201ff", "02020100", "0a0101"}) EXPECT_EQ(small(bad, 255), std::nullopt) << bad;
  EXPECT_EQ(der_integer(hex("7fffffffffffffff")), INT64_MAX);
  for (const char* bad : {"", "0001", "80", "008000000000000000"}) EXPECT_EQ(der_integer(hex(bad)), std::nullopt) << bad;
}

TEST(Der, BooleansAndBitsHaveOneForm) {
  auto boolean = [](std::string_view text) -> std::optional<bool> {
    Bytes bytes = hex(text);
    DerReader in(bytes);
    bool value = in.boolean();
    return in.good() ? std::optional(value) : std::nullopt;
  };
  EXPECT_EQ(boolean("0101ff"), true);
  EXPECT_EQ(boolean("010100"), false);
  for (const char* bad : {"010101", "0100", "0102ff00"}) EXPECT_EQ(boolean(bad), std::nullopt) << bad;
  Bytes whole = hex("030200aa"), part = hex("030204a0"), none = hex("0300");
  EXPECT_EQ(to_hex(DerReader(whole).bits()), "aa");
  EXPECT_TRUE(DerReader(part).bits().empty());
  EXPECT_TRUE(DerReader(none).bits().empty());
}

TEST(Der, TimesHaveSecondsAndZ) {
  auto time = [](std::uint8_t tag, std::string_view text) -> std::optional<UnixTime> {
    Bytes bytes{tag, static_cast<std::uint8_t>(text.size())};
    bytes.insert(bytes.end(), text.begin(), text.end());
    DerReader in(bytes);
    UnixTime when = in.time();
    return in.good() ? std::optional(when) : std::nullopt;
  };
  EXPECT_EQ(time(der_tag::kUtcTime, "700101000001Z"), 1);
  EXPECT_EQ(time(der_tag::kUtcTime, "491231235959Z"), 2524607999);
  EXPECT_EQ(time(der_tag::kGeneralizedTime, "20500101000000Z"), 2524608000);
  for (const char* bad : {"7001010000Z", "700101000001", "700101000001+0100", "7O0101000001Z", "701301000001Z", ""})
    EXPECT_EQ(time(der_tag::kUtcTime, bad), std::nullopt) << bad;
  EXPECT_EQ(time(der_tag::kIa5, "700101000001Z"), std::nullopt);
}

TEST(Der, ObjectIdentifiersAreWrittenWithDots) {
  EXPECT_EQ(oid_text(hex("678105020" "1")), "2.23.133.2.1");
  EXPECT_EQ(oid_text(hex("2a8648ce3d040302")), "1.2.840.10045.4.3.2");
  for (const char* bad : {"", "80", "2a80", "2a8001", "2aff8080808080808080807f"}) EXPECT_EQ(oid_text(hex(bad)), "") << bad;
}

}  // namespace
}  // namespace attest
