#include <gtest/gtest.h>

#include "evidence/native/binder.h"
#include "test/support/test_ca.h"

namespace attest {
namespace {

using namespace attest::test;

TEST(Spki, IsTheOneOpensslReads) {
  TestCert root = make_root("root");
  for (const char* kind : {"P-256", "P-384", "RSA-2048", "RSA-4096"}) {
    CertSpec spec;
    spec.key = kind;
    spec.extensions = {{"subjectAltName", "DNS:a.example"}};
    TestCert leaf = issue(&root, spec);
    auto digest = spki_sha256(leaf.der());
    ASSERT_TRUE(digest) << kind << ": " << digest.error().what;
    EXPECT_EQ(*digest, sha256(View(spki_der(leaf.key.get())))) << kind;
  }
}

TEST(Spki, TwinsAreMalformed) {
  Bytes der = make_root("root").der();
  for (std::size_t n = 0; n < der.size(); n++) EXPECT_FALSE(spki_sha256(View(der).first(n))) << n;
  Bytes longer = der;
  longer.push_back(0);
  EXPECT_FALSE(spki_sha256(longer));
  for (std::size_t at : {0, 1, 2, 3, 4, 5, 6, 7, 8}) {  // the heads of certificate, TBS, version
    Bytes bad = der;
    bad[at] ^= 0x40;
    EXPECT_FALSE(spki_sha256(bad)) << at;
  }
  EXPECT_FALSE(spki_sha256({}));
}

// BER allows lengths in more octets than needed, and without end: one certificate would have many hashes.
TEST(Spki, LongFormsOfLengthsAreMalformed) {
  Bytes der = make_root("root").der();
  ASSERT_EQ(der[1], 0x82);
  Bytes indefinite = der;
  indefinite[1] = 0x80;
  EXPECT_FALSE(spki_sha256(indefinite));
  Bytes longer = der;
  longer[1] = 0x83;
  longer.insert(longer.begin() + 2, 0);
  EXPECT_FALSE(spki_sha256(longer));
}

}  // namespace
}  // namespace attest
