#include "evidence/native/sw_statement.h"

#include <gtest/gtest.h>

#include "evidence/core/crypto.h"

namespace attest {
namespace {

SwStatement statement() {
  return {Digest::filled(HashAlg::sha256, 1), "host-a", {{"app.tar", Digest::filled(HashAlg::sha256, 2)}}};
}

OwnedPkey make_key(const char* group) { return OwnedPkey(EVP_PKEY_Q_keygen(private_libctx(), nullptr, "EC", group)); }

Bytes spki_of(EVP_PKEY* key) {
  unsigned char* der = nullptr;
  int n = i2d_PUBKEY(key, &der);
  Bytes out(der, der + n);
  OPENSSL_free(der);
  return out;
}

SwAnchor sign(const Bytes& bytes, EVP_PKEY* key) {
  OwnedMdCtx ctx(EVP_MD_CTX_new());
  EVP_DigestSignInit_ex(ctx.get(), nullptr, "SHA256", private_libctx(), nullptr, key, nullptr);
  Bytes signature(160);
  std::size_t size = signature.size();
  EVP_DigestSign(ctx.get(), signature.data(), &size, bytes.data(), bytes.size());
  signature.resize(size);
  return {bytes, signature, spki_of(key)};
}

TEST(SwStatement, RoundTripAndTwins) {
  Bytes bytes = *encode_sw_statement(statement());
  auto back = decode_sw_statement(bytes);
  ASSERT_TRUE(back) << back.error().what;
  EXPECT_EQ(back->host, "host-a");
  EXPECT_EQ(back->measurements.at(0).name, "app.tar");
  EXPECT_EQ(*encode_sw_statement(*back), bytes);
  for (std::size_t n = 0; n < bytes.size(); n++) EXPECT_FALSE(decode_sw_statement(View(bytes).first(n))) << n;
  bytes.push_back(0);
  EXPECT_FALSE(decode_sw_statement(bytes));
}

TEST(SwStatement, BoundsAreKept) {
  SwStatement s = statement();
  s.measurements[0].name = "";
  EXPECT_FALSE(encode_sw_statement(s));
  s = statement();
  s.qualifying = Digest::filled(HashAlg::sha1, 1);
  EXPECT_FALSE(encode_sw_statement(s));
  s = statement();
  s.measurements.resize(SwStatement::kMaxMeasurements + 1, s.measurements[0]);
  EXPECT_FALSE(encode_sw_statement(s));
}

TEST(SwStatement, SignatureCounts) {
  OwnedPkey key = make_key("P-256");
  SwAnchor good = sign(*encode_sw_statement(statement()), key.get());
  auto verified = verify_sw_anchor(good);
  ASSERT_TRUE(verified) << verified.error().what;
  EXPECT_EQ((*verified)->host, "host-a");
  SwAnchor bad = good;
  bad.statement[10] ^= 1;
  EXPECT_EQ(verify_sw_anchor(bad).error().code, Errc::untrusted);
  bad = good;
  bad.signature.push_back(0);
  EXPECT_FALSE(verify_sw_anchor(bad));
  bad = good;
  bad.signature.clear();
  EXPECT_FALSE(verify_sw_anchor(bad));
  bad = good;
  bad.public_key.push_back(0);
  EXPECT_FALSE(verify_sw_anchor(bad));
  bad = good;
  bad.public_key = spki_of(make_key("P-256").get());
  EXPECT_EQ(verify_sw_anchor(bad).error().code, Errc::untrusted);
}

TEST(SwStatement, OtherCurvesAreRefused) {
  OwnedPkey key = make_key("P-384");
  EXPECT_EQ(verify_sw_anchor(sign(*encode_sw_statement(statement()), key.get())).error().code, Errc::malformed);
}

TEST(SwStatement, SignedNonsenseIsMalformed) {
  OwnedPkey key = make_key("P-256");
  EXPECT_EQ(verify_sw_anchor(sign(Bytes(20, 0xff), key.get())).error().code, Errc::malformed);
}

}  // namespace
}  // namespace attest
