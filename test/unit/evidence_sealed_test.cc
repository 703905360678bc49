#include "evidence/core/sealed.h"

#include <gtest/gtest.h>

namespace attest {
namespace {

Secret key_of(std::uint8_t value, std::size_t n = kSealKey) { return Secret::copy_of(Bytes(n, value)); }

TEST(Sealed, OpensUnderTheSameKey) {
  for (std::size_t n : {0U, 1U, 4000U}) {
    Bytes message(n, 0x5a);
    auto sealed = seal(key_of(1), message);
    ASSERT_TRUE(sealed) << sealed.error().what;
    EXPECT_EQ(sealed->size(), n + kSealOverhead);
    auto opened = open_sealed(key_of(1), *sealed);
    ASSERT_TRUE(opened) << opened.error().what;
    EXPECT_EQ(*opened, message);
  }
}

TEST(Sealed, RefusesAnotherKeyAndEveryChangedByte) {
  auto sealed = seal(key_of(1), as_view("certificate"));
  ASSERT_TRUE(sealed);
  EXPECT_EQ(open_sealed(key_of(2), *sealed).error().code, Errc::untrusted);
  for (std::size_t i = 0; i < sealed->size(); i++) {
    Bytes changed = *sealed;
    changed[i] ^= 1;
    EXPECT_FALSE(open_sealed(key_of(1), changed)) << i;
  }
}

TEST(Sealed, RefusesWrongLengths) {
  auto sealed = seal(key_of(1), as_view("x"));
  ASSERT_TRUE(sealed);
  EXPECT_FALSE(open_sealed(key_of(1), View(*sealed).first(27)));
  EXPECT_FALSE(open_sealed(key_of(1), View(*sealed).first(sealed->size() - 1)));
  Bytes longer = *sealed;
  longer.push_back(0);
  EXPECT_FALSE(open_sealed(key_of(1), longer));
  EXPECT_FALSE(seal(key_of(1, 16), as_view("x")));
  EXPECT_FALSE(open_sealed(key_of(1, 16), *sealed));
}

}  // namespace
}  // namespace attest
