#include <gtest/gtest.h>

#include "evidence/core/hex.h"
#include "evidence/native/certificate_verify.h"
#include "evidence/native/key_reference.h"

namespace attest {
namespace {

KeyReference sample() { return {"web", "/run/attest/attest.sock", Bytes(91, 0x5a)}; }

Bytes der_of(const KeyReference& reference) {
  auto der = encode_key_reference(reference);
  EXPECT_TRUE(der) << der.error().what;
  return der ? *der : Bytes{};
}

// fails: parsing fails with the stable name in front.
void fails(View der) {
  auto parsed = parse_key_reference(der);
  ASSERT_FALSE(parsed);
  EXPECT_EQ(parsed.error().what.substr(0, 15), "key.reference: ") << parsed.error().what;
}

TEST(KeyReference, HasTheBytesOfTheProtocol) {
  EXPECT_EQ(to_hex(der_of({"web", "", {1, 2}})),
            "3019"
            "0c0c6174746573742d6b65792d31"
            "0c03776562"
            "0c00"
            "04020102");
}

TEST(KeyReference, ComesBackWhole) {
  for (std::size_t spki : {1, 91, 120, 127, 128, 255, 256, 550, 1024}) {
    KeyReference in{std::string(kMaxKeyName, 'n'), "/" + std::string(kMaxSocketPath - 1, 's'),
                    Bytes(spki, 7)};
    auto out = parse_key_reference(der_of(in));
    ASSERT_TRUE(out) << spki << ": " << out.error().what;
    EXPECT_EQ(out->name, in.name);
    EXPECT_EQ(out->socket, in.socket);
    EXPECT_EQ(out->spki_der, in.spki_der);
  }
}

TEST(KeyReference, RefusesEveryTruncation) {
  Bytes der = der_of(sample());
  for (std::size_t n = 0; n < der.size(); n++) fails(View(der).first(n));
}

TEST(KeyReference, RefusesTrailingBytes) {
  Bytes der = der_of(sample());
  der.push_back(0);
  fails(der);
  Bytes inside = der_of(sample());
  inside.insert(inside.end(), {0x0c, 0x00});  // a fifth field, counted by the sequence
  inside[2] = static_cast<std::uint8_t>(inside[2] + 2);
  fails(inside);
}

TEST(KeyReference, RefusesTampering) {
  Bytes der = der_of({"web", "", {1, 2}});
  Bytes other = der;
  other[0] = 0x31;  // a SET
  fails(other);
  other = der;
  other[2] = 0x13;  // PrintableString
  fails(other);
  other = der;
  other[15] = '2';  // attest-key-2
  fails(other);
  other = der;
  other[18] = '/';  // a name that is a path
  fails(other);
}

TEST(KeyReference, RefusesLengthsThatAreNotMinimal) {
  fails(*from_hex("30811a0c0c6174746573742d6b65792d310c037765620c0004020102"));
  fails(*from_hex("301a0c0c6174746573742d6b65792d310c81037765620c0004020102"));
  fails(*from_hex("30800c0c6174746573742d6b65792d310c037765620c00040201020000"));
  fails(*from_hex("3084ffffffff0c0c6174746573742d6b65792d31"));
}

TEST(KeyReference, NamesAreNeverPaths) {
  for (const char* good : {"web", "a", "A-1_b.c", "nginx.2026"}) EXPECT_TRUE(valid_key_name(good)) << good;
  for (const char* bad : {"", ".", "..", ".web", "a/b", "a b", "web\n", "\xc3\xa4"})
    EXPECT_FALSE(valid_key_name(bad)) << bad;
  EXPECT_FALSE(valid_key_name(std::string(kMaxKeyName + 1, 'a')));
  EXPECT_FALSE(valid_key_name(std::string_view("a\0b", 3)));
}

TEST(KeyReference, BuildsNothingItWouldNotRead) {
  EXPECT_FALSE(encode_key_reference({"", "", {1}}));
  EXPECT_FALSE(encode_key_reference({"web", "relative.sock", {1}}));
  EXPECT_FALSE(encode_key_reference({"web", "/" + std::string(kMaxSocketPath, 's'), {1}}));
  EXPECT_FALSE(encode_key_reference({"web", "/run/a\nb", {1}}));
  EXPECT_FALSE(encode_key_reference({"web", "", {}}));
  EXPECT_FALSE(encode_key_reference({"web", "", Bytes(kMaxReferenceSpki + 1, 1)}));
}

TEST(KeyReferencePem, ComesBackWhole) {
  auto pem = key_reference_pem(sample());
  ASSERT_TRUE(pem);
  EXPECT_EQ(pem->find("-----BEGIN ATTEST KEY REFERENCE-----\n"), 0U);
  for (std::size_t line = 0, next; (next = pem->find('\n', line)) != std::string::npos; line = next + 1)
    EXPECT_LE(next - line, 64U);
  auto back = parse_key_reference_pem(*pem);
  ASSERT_TRUE(back) << back.error().what;
  EXPECT_EQ(back->spki_der, sample().spki_der);
  EXPECT_TRUE(parse_key_reference_pem("\r\n" + *pem + "\n \n"));
}

TEST(KeyReferencePem, RefusesGarbageTruncationAndTrailingText) {
  std::string pem = *key_reference_pem(sample());
  for (std::size_t n = 0; n + 1 < pem.size(); n++)
    EXPECT_FALSE(parse_key_reference_pem(pem.substr(0, n))) << n;
  EXPECT_FALSE(parse_key_reference_pem(pem + "x"));
  EXPECT_FALSE(parse_key_reference_pem("x" + pem));
  EXPECT_FALSE(parse_key_reference_pem(pem + pem));
  std::string garbage = pem;
  garbage[50] = '*';
  EXPECT_FALSE(parse_key_reference_pem(garbage));
  std::string headers = pem;  // RFC 1421 headers: an encrypted reference does not exist
  headers.insert(headers.find('\n') + 1, "Proc-Type: 4,ENCRYPTED\n\n");
  EXPECT_FALSE(parse_key_reference_pem(headers));
}

Bytes content_of(std::string_view context, std::size_t hash) {
  Writer out;
  out.put(Bytes(64, 0x20));
  out.put(as_view(context));
  out.u8(0);
  out.put(Bytes(hash, 0xab));
  return *std::move(out).finish("content");
}

TEST(CertificateVerify, SaysWhoSigns) {
  for (std::size_t hash : {32, 48}) {
    EXPECT_EQ(certificate_verify_signer(content_of("TLS 1.3, server CertificateVerify", hash)), Role::server);
    EXPECT_EQ(certificate_verify_signer(content_of("TLS 1.3, client CertificateVerify", hash)), Role::client);
  }
}

TEST(CertificateVerify, IsNothingElse) {
  Bytes good = content_of("TLS 1.3, server CertificateVerify", 32);
  EXPECT_FALSE(certificate_verify_signer(Bytes(32, 1)));
  EXPECT_FALSE(certificate_verify_signer({}));
  for (std::size_t n = 0; n < good.size(); n++)
    EXPECT_FALSE(certificate_verify_signer(View(good).first(n))) << n;
  for (std::size_t i = 0; i < good.size() - 32; i++) {
    Bytes other = good;
    other[i] ^= 1;
    EXPECT_FALSE(certificate_verify_signer(other)) << i;
  }
  for (std::size_t hash : {0, 20, 31, 33, 47, 49, 64})
    EXPECT_FALSE(certificate_verify_signer(content_of("TLS 1.3, server CertificateVerify", hash))) << hash;
  EXPECT_FALSE(certificate_verify_signer(content_of("TLS 1.3, server certificateVerify", 32)));
}

}  // namespace
}  // namespace attest
