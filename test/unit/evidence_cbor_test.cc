#include <gtest/gtest.h>

#include "evidence/cbor/cbor.h"
#include "evidence/core/hex.h"

namespace attest {
namespace {

Bytes hex(std::string_view text) { return *from_hex(text); }

TEST(CborWriter, ShortestHeads) {
  cbor::Writer w;
  for (std::uint64_t v : {0ULL, 23ULL, 24ULL, 255ULL, 256ULL, 65535ULL, 65536ULL, 4294967295ULL, 4294967296ULL}) w.uint(v);
  EXPECT_EQ(to_hex(w.bytes_so_far()), "0017181818ff19010019ffff1a000100001affffffff1b0000000100000000");
}

TEST(CborReader, ReadsWhatTheWriterWrote) {
  cbor::Writer w;
  w.map(2);
  w.uint(0), w.text("hello");
  w.uint(7), w.array(3), w.bytes(Bytes(300, 9)), w.boolean(true), w.uint(1000000);
  cbor::Reader r(w.bytes_so_far());
  EXPECT_EQ(r.map(2), 2U);
  EXPECT_EQ(r.key(-1), 0);
  EXPECT_EQ(r.text(10), "hello");
  EXPECT_EQ(r.key(0), 7);
  EXPECT_EQ(r.array(3), 3U);
  EXPECT_EQ(r.bytes(300).size(), 300U);
  EXPECT_TRUE(r.boolean());
  EXPECT_EQ(r.uint(), 1000000U);
  EXPECT_TRUE(r.done("x"));
}

TEST(CborReader, RefusesWhatIsNotDeterministic) {
  for (const char* bad : {"1800",        // 0 in two bytes
                          "190017",      // 23 in three
                          "5f4101ff",    // indefinite byte string
                          "c100",        // tag
                          "f93c00",      // float
                          "f7"}) {       // undefined
    Bytes in = hex(bad);
    cbor::Reader r(in);
    (void)r.raw();
    EXPECT_FALSE(r.good()) << bad;
  }
}

TEST(CborReader, RefusesHugeCountsWithoutAllocating) {
  for (const char* bad : {"9a0fffffff", "ba0fffffff", "5affffffff", "9bffffffffffffffff", "bbffffffffffffffff", "7bffffffffffffffff"}) {
    Bytes in = hex(bad);
    cbor::Reader r(in);
    (void)r.raw();
    EXPECT_FALSE(r.good()) << bad;
  }
  Bytes array = hex("9a0fffffff");
  cbor::Reader r(array);
  EXPECT_EQ(r.array(100), 0U);
  EXPECT_FALSE(r.done("x"));
}

TEST(CborReader, RefusesDeepNesting) {
  Bytes deep(100000, 0x81);
  deep.push_back(0x00);
  cbor::Reader r(deep);
  (void)r.raw();
  EXPECT_FALSE(r.good());
}

TEST(CborReader, RefusesKeysOutOfOrderAndTwice) {
  Bytes twice = hex("a201000100");
  cbor::Reader r(twice);
  EXPECT_EQ(r.map(2), 2U);
  EXPECT_EQ(r.key(-1), 1);
  EXPECT_EQ(r.uint(), 0U);
  (void)r.key(1);
  EXPECT_FALSE(r.good());
}

TEST(CborReader, NamesTruncationAndTrailingBytes) {
  Bytes cut = hex("4403");
  cbor::Reader r(cut);
  (void)r.bytes(10);
  EXPECT_EQ(r.done("thing").error().what, "thing: truncated");
  Bytes more = hex("0000");
  cbor::Reader t(more);
  (void)t.uint();
  EXPECT_EQ(t.done("thing").error().what, "thing: 1 trailing bytes");
}

}  // namespace
}  // namespace attest
