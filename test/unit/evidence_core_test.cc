#include <gtest/gtest.h>

#include "evidence/core/hash.h"
#include "evidence/core/hex.h"
#include "evidence/core/secret.h"
#include "evidence/core/time.h"
#include "evidence/core/verdict.h"

namespace attest {
namespace {

TEST(Reader, FailsOnceAndForEver) {
  Bytes in{1, 2, 3};
  Reader r(in);
  EXPECT_EQ(r.u16be(), 0x0102);
  EXPECT_EQ(r.u32be(), 0U);
  EXPECT_EQ(r.u8(), 0);  // the third byte is not handed out after the failure
  EXPECT_FALSE(r.done("x"));
}

TEST(Reader, RefusesTrailingBytes) {
  Bytes in{1, 2};
  Reader r(in);
  (void)r.u8();
  auto done = r.done("thing");
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().what, "thing: 1 trailing bytes");
}

TEST(Reader, BoundsCountsAndLengths) {
  Bytes huge{0xff, 0xff, 0xff, 0xff};
  Reader count(huge);
  EXPECT_EQ(count.count32be(100), 0U);
  EXPECT_FALSE(count.good());
  Reader length(huge);
  EXPECT_TRUE(length.take32be(1 << 20).empty());
  EXPECT_FALSE(length.good());
}

TEST(Writer, SpoiltByALengthThatDoesNotFit) {
  Writer w;
  w.lv16(Bytes(0x10000));
  EXPECT_FALSE(std::move(w).finish("x"));
}

TEST(Hex, RoundTripAndStrictness) {
  EXPECT_EQ(to_hex(Bytes{0x00, 0xaf, 0xFF}), "00afff");
  EXPECT_EQ(*from_hex("00aFff"), (Bytes{0x00, 0xaf, 0xff}));
  EXPECT_FALSE(from_hex("0"));
  EXPECT_FALSE(from_hex("0g"));
  EXPECT_FALSE(from_hex("0000", 1));
}

TEST(Base64, RoundTripAndStrictness) {
  for (std::size_t n = 0; n < 70; n++) {
    Bytes b(n);
    for (std::size_t i = 0; i < n; i++) b[i] = static_cast<std::uint8_t>(i * 37 + n);
    EXPECT_EQ(*from_base64(to_base64(b), 100), b);
    EXPECT_EQ(*from_base64url(to_base64url(b), 100), b);
  }
  EXPECT_EQ(to_base64(as_view("ab")), "YWI=");
  EXPECT_FALSE(from_base64("YWI", 9));
  EXPECT_FALSE(from_base64("YWJ=", 9));   // stray bits
  EXPECT_FALSE(from_base64("Y===", 9));
  EXPECT_FALSE(from_base64("YW I", 9));
  EXPECT_FALSE(from_base64url("YWI=", 9));
  EXPECT_FALSE(from_base64("YWJjYWJj", 3));
}

TEST(Time, Rfc3339) {
  EXPECT_EQ(*parse_rfc3339("1970-01-01T00:00:00Z"), 0);
  EXPECT_EQ(*parse_rfc3339("2026-11-21T22:40:24.123Z"), 1795300824);
  EXPECT_EQ(*parse_rfc3339("2026-11-22T00:40:24+02:00"), 1795300824);
  EXPECT_EQ(format_rfc3339(1795300824), "2026-11-21T22:40:24Z");
  for (const char* bad : {"", "2026-11-21", "2026-13-01T00:00:00Z", "2026-02-29T00:00:00Z", "2026-11-21T22:40:24",
                          "2026-11-21T22:40:24.Z", "2026-11-21T24:00:00Z", "2026-11-21T22:40:24Zx", "+026-11-21T22:40:24Z"})
    EXPECT_FALSE(parse_rfc3339(bad)) << bad;
}

TEST(Hash, KnownValues) {
  EXPECT_EQ(to_hex(sha256(as_view("abc")).view()), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(to_hex(hash_of(HashAlg::sha1, {as_view("a"), as_view("bc")}).view()), "a9993e364706816aba3e25717850c26c9cd0d89d");
  EXPECT_EQ(hash_alg_from_name("SHA-384"), HashAlg::sha384);
  EXPECT_EQ(hash_alg_from_name("md5"), std::nullopt);
  EXPECT_TRUE(Digest::of(Bytes(65)).empty());
  auto hasher = Hasher::make(HashAlg::sha256);
  ASSERT_TRUE(hasher);
  EXPECT_EQ(hasher->of({as_view("abc")}), sha256(as_view("abc")));
  EXPECT_EQ(hasher->of({as_view("abc")}), sha256(as_view("abc")));  // the context is used again
}

TEST(Secret, MovesAndCompares) {
  Secret a = Secret::copy_of(Bytes{1, 2, 3});
  Secret b = std::move(a);
  EXPECT_TRUE(a.reveal().empty());
  EXPECT_TRUE(ct_equal(b.reveal(), Bytes{1, 2, 3}));
  EXPECT_FALSE(ct_equal(b.reveal(), Bytes{1, 2}));
}

TEST(Verdict, EmptyMeansUntrusted) {
  Verdict v;
  EXPECT_FALSE(v.trusted());
  v.warn("w", "why");
  EXPECT_FALSE(v.trusted());
  v.pass("a");
  EXPECT_TRUE(v.trusted());
  v.fail("b", "why");
  v.pass("c");
  EXPECT_FALSE(v.trusted());
  EXPECT_EQ(v.first_failure()->id, "b");
}

}  // namespace
}  // namespace attest
