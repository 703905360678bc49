// TPM structures no recording holds: other statements, other keys, and public areas that must not pass.
#include <gtest/gtest.h>

#include "evidence/core/hex.h"
#include "evidence/tpm/pcr_selection.h"
#include "evidence/tpm/signature.h"
#include "test/support/recording.h"
#include "test/support/soft_tpm_key.h"

namespace attest {
namespace {
using namespace attest::test;

// statement writes the common head and what body adds.
template <class F>
Bytes statement(std::uint16_t type, F&& body) {
  Writer w;
  w.u32be(tpm::kGenerated);
  w.u16be(type);
  w.lv16(Bytes(34, 2));
  w.lv16(Bytes(32, 3));
  w.u64be(0x1122334455667788);
  w.u32be(5);
  w.u32be(6);
  w.u8(1);
  w.u64be(0x99);
  body(w);
  return must(std::move(w).finish("statement"));
}

// Every type parses, and neither cut short nor with a byte more.
void expect_strict(const Bytes& bytes, AttestType type) {
  Attest a = must(parse_attest(bytes));
  EXPECT_EQ(a.type, type);
  EXPECT_EQ(a.clock.clock_ms, 0x1122334455667788U);
  EXPECT_EQ(a.clock.reset_count, 5U);
  EXPECT_EQ(a.clock.restart_count, 6U);
  EXPECT_EQ(a.firmware_version, 0x99U);
  EXPECT_EQ(parse_attest(trailed(bytes)).error().code, Errc::malformed);
  for (std::size_t by = 1; by <= bytes.size(); by++) EXPECT_FALSE(parse_attest(truncated(bytes, by))) << by;
}

TEST(Attest, EveryTypeIsRead) {
  Bytes name(34, 7), digest(32, 8);
  expect_strict(statement(0x8017, [&](Writer& w) { w.lv16(name), w.lv16(name); }), AttestType::certify);
  expect_strict(statement(0x801a, [&](Writer& w) { w.lv16(name), w.lv16(digest); }), AttestType::creation);
  expect_strict(
      statement(0x8019,
                [&](Writer& w) { w.u64be(1), w.u64be(2), w.u32be(3), w.u32be(4), w.u8(0), w.u64be(5); }),
      AttestType::time);
  expect_strict(
      statement(0x8015, [&](Writer& w) { w.u64be(1), w.u16be(11), w.lv16(digest), w.lv16(digest); }),
      AttestType::command_audit);
  expect_strict(statement(0x8016, [&](Writer& w) { w.u8(1), w.lv16(digest); }), AttestType::session_audit);
  expect_strict(statement(0x8014, [&](Writer& w) { w.lv16(name), w.u16be(9), w.lv16(Bytes(100, 1)); }),
                AttestType::nv);
  expect_strict(statement(0x801c, [&](Writer& w) { w.lv16(name), w.lv16(digest); }), AttestType::nv_digest);
  expect_strict(statement(0x8018, [&](Writer& w) { w.u32be(0), w.lv16(digest); }), AttestType::quote);
}

TEST(Attest, CertifyNamesItsObject) {
  Attest a =
      must(parse_attest(statement(0x8017, [&](Writer& w) { w.lv16(Bytes(34, 7)), w.lv16(Bytes(34, 9)); })));
  ASSERT_NE(a.certify(), nullptr);
  EXPECT_EQ(a.certify()->name, Bytes(34, 7));
  EXPECT_EQ(a.certify()->qualified_name, Bytes(34, 9));
  EXPECT_EQ(a.quote(), nullptr);
}

TEST(Attest, BadMagicTypeFlagsAndLengthsAreRefused) {
  Bytes good = statement(0x8017, [&](Writer& w) { w.lv16(Bytes(34, 7)), w.lv16(Bytes(34, 9)); });
  auto magic = parse_attest(flipped(good, 0));
  EXPECT_EQ(magic.error().code, Errc::malformed);
  EXPECT_NE(magic.error().what.find("expected 0xff544347"), std::string::npos);
  EXPECT_EQ(parse_attest(flipped(good, 5, 0x40)).error().code, Errc::unsupported);  // type 0x8057
  Bytes safe = good;
  safe[6 + 36 + 34 + 16] = 2;  // neither yes nor no
  EXPECT_FALSE(parse_attest(safe));
  EXPECT_FALSE(
      parse_attest(statement(0x8017, [&](Writer& w) { w.lv16(Bytes(67, 7)), w.lv16(Bytes(34, 9)); })));
  EXPECT_FALSE(parse_attest(statement(0x8018, [&](Writer& w) { w.u32be(0), w.lv16(Bytes(65, 1)); })));
}

TEST(PcrSelections, FormAndBounds) {
  auto parse = [](std::string_view hex) { return parse_pcr_selections(must(from_hex(hex))); };
  auto two =
      must(parse("00000002"
                 "000b03ff0700"
                 "000403000400"));
  EXPECT_EQ(selection_text(two[0]), "sha256:0,1,2,3,4,5,6,7,8,9,10");
  EXPECT_EQ(selection_text(two[1]), "sha1:10");
  EXPECT_FALSE(only_bank(two));
  EXPECT_EQ(must(only_bank(must(parse("00000002"
                                      "000b03010000"
                                      "000403000000"))))
                .pcrs,
            std::vector<std::uint8_t>{0});
  EXPECT_FALSE(only_bank(must(parse("00000000"))));
  EXPECT_TRUE(
      parse("00000001"
            "000b0401000000"));
  EXPECT_FALSE(
      parse("00000001"
            "000b0401000001"));  // PCR 24
  EXPECT_FALSE(
      parse("00000001"
            "000b0501000000"
            "00"));  // 5 bytes of bitmap
  EXPECT_FALSE(
      parse("00000001"
            "000b00"));  // none
  EXPECT_FALSE(
      parse("00000001"
            "000b03010000"
            "00"));  // trailing
  EXPECT_FALSE(
      parse("00000001"
            "000b030100"));
  EXPECT_FALSE(
      parse("ffffffff"
            "000b03010000"));
  EXPECT_EQ(parse("00000001"
                  "001203010000")
                .error()
                .code,
            Errc::unsupported);  // SM3
  Writer w;
  ASSERT_TRUE(write_pcr_selections(w, {HashAlg::sha384, {0, 9, 23}}));
  EXPECT_EQ(to_hex(must(std::move(w).finish("selection"))), "00000001000c03010280");
  Writer bad;
  EXPECT_FALSE(write_pcr_selections(bad, {HashAlg::sha384, {24}}));
}

class Keys : public testing::TestWithParam<SoftTpmKey::Options> {};

TEST_P(Keys, SignAndVerify) {
  SoftTpmKey key(GetParam());
  PublicArea area = must(parse_public(key.public_area()));
  ASSERT_TRUE(check_attestation_key(area));
  Bytes quote = quote_over(HashAlg::sha256, {0, 1}, Bytes(32, 1), Bytes(32, 2));
  Bytes signature = key.sign(quote);
  auto verified = verify_attest(quote, signature, area);
  ASSERT_TRUE(verified) << verified.error().what;
  EXPECT_FALSE(verify_attest(flipped(quote, 60), signature, area));
  EXPECT_FALSE(verify_attest(quote, flipped(signature, signature.size() - 1), area));
  EXPECT_FALSE(
      verify_attest(trailed(quote), key.sign(trailed(quote)), area));  // signed, and yet no statement
  EXPECT_EQ(area.name().size(), 2 + digest_size(GetParam().name_alg));
}

TEST_P(Keys, SpkiIsTheKeys) {
  SoftTpmKey key(GetParam());
  PublicArea area = must(parse_public(key.public_area()));
  Bytes spki = must(area.spki_der());
  const std::uint8_t* at = spki.data();
  OwnedPkey back(d2i_PUBKEY(nullptr, &at, static_cast<long>(spki.size())));
  ASSERT_NE(back, nullptr);
  EXPECT_EQ(EVP_PKEY_eq(back.get(), key.key()), 1);
}

INSTANTIATE_TEST_SUITE_P(
    Algorithms, Keys,
    testing::Values(SoftTpmKey::Options{}, SoftTpmKey::Options{.algorithm = "P-384", .hash = HashAlg::sha384},
                    SoftTpmKey::Options{
                        .algorithm = "P-521", .hash = HashAlg::sha512, .name_alg = HashAlg::sha512},
                    SoftTpmKey::Options{.trim_coordinates = true}, SoftTpmKey::Options{.algorithm = "RSA"},
                    SoftTpmKey::Options{.algorithm = "RSA", .exponent = 65537},
                    SoftTpmKey::Options{.algorithm = "RSA", .rsa_bits = 3072, .hash = HashAlg::sha384},
                    SoftTpmKey::Options{.algorithm = "RSA", .scheme = tpm::kAlgRsapss}),
    [](const auto& param) { return "case" + std::to_string(param.index); });

TEST(PublicArea, WhatMakesNoAttestationKeyIsNamed) {
  SoftTpmKey::Options good;
  for (auto [bit, name] : {std::pair{tpm::kRestricted, "restricted"},
                           {tpm::kSign, "sign"},
                           {tpm::kFixedTpm, "fixedTPM"},
                           {tpm::kFixedParent, "fixedParent"},
                           {tpm::kSensitiveDataOrigin, "sensitiveDataOrigin"},
                           {tpm::kDecrypt, "decrypt"}}) {
    SoftTpmKey::Options options = good;
    options.attributes ^= bit;
    auto r = check_attestation_key(must(parse_public(SoftTpmKey(options).public_area())));
    ASSERT_FALSE(r);
    EXPECT_EQ(r.error().code, Errc::denied);
    EXPECT_NE(r.error().what.find(name), std::string::npos) << r.error().what;
  }
  for (SoftTpmKey::Options options :
       {SoftTpmKey::Options{.scheme = tpm::kAlgNull}, {.hash = HashAlg::sha1}, {.name_alg = HashAlg::sha1}})
    EXPECT_FALSE(check_attestation_key(must(parse_public(SoftTpmKey(options).public_area()))));
}

TEST(PublicArea, FormIsStrict) {
  Bytes area = SoftTpmKey().public_area();
  auto with = [&](std::size_t at, std::uint8_t value) {
    Bytes bytes = area;
    bytes.at(at) = value;
    return parse_public(bytes);
  };
  EXPECT_TRUE(parse_public(area));
  EXPECT_EQ(with(1, 0x08).error().code, Errc::unsupported);   // KEYEDHASH
  EXPECT_EQ(with(3, 0x12).error().code, Errc::unsupported);   // nameAlg SM3
  EXPECT_EQ(with(4, 0x80).error().code, Errc::malformed);     // reserved attribute
  EXPECT_EQ(with(11, 0x05).error().code, Errc::malformed);    // symmetric: no such algorithm
  EXPECT_EQ(with(17, 0x20).error().code, Errc::unsupported);  // curve
  EXPECT_EQ(parse_public(flipped(area, area.size() - 1)).error().code, Errc::malformed);  // off the curve
  Bytes longer = area;
  longer.insert(longer.end(), {0, 0});
  EXPECT_FALSE(parse_public(longer));
}

TEST(PublicArea, RsaNumbersAreChecked) {
  Bytes area = SoftTpmKey({.algorithm = "RSA"}).public_area();
  auto with = [&](std::size_t at, std::uint8_t value) {
    Bytes bytes = area;
    bytes.at(at) = value;
    return bool(parse_public(bytes));
  };
  std::size_t bits = 16, exponent = 18, modulus = 24;
  EXPECT_TRUE(with(modulus + 100, 0x55));
  EXPECT_FALSE(with(bits, 0x0c));             // 3072 bits declared, 2048 there
  EXPECT_FALSE(with(exponent + 3, 3));        // exponent 3
  EXPECT_FALSE(with(modulus, 0));             // shorter than declared
  EXPECT_FALSE(with(area.size() - 1, 0x02));  // even
}

TEST(Signature, NullUnknownAndSha1AreRefused) {
  SoftTpmKey key;
  PublicArea area = must(parse_public(key.public_area()));
  Bytes quote = quote_over(HashAlg::sha256, {0}, Bytes(32, 1), {});
  EXPECT_EQ(parse_signature(Bytes{0, 0x10}).error().code, Errc::untrusted);
  EXPECT_EQ(verify_attest(quote, Bytes{0, 0x10}, area).error().code, Errc::untrusted);
  EXPECT_EQ(parse_signature(Bytes{0, 0x05, 0, 0x0b}).error().code, Errc::unsupported);
  EXPECT_FALSE(parse_signature({}));
  Bytes sha1 = key.sign(quote, tpm::kAlgEcdsa, HashAlg::sha1);
  EXPECT_EQ(verify_attest(quote, sha1, area).error().code, Errc::untrusted);
  SoftTpmKey old({.hash = HashAlg::sha1});
  PublicArea old_area = must(parse_public(old.public_area()));
  EXPECT_FALSE(verify_attest(quote, old.sign(quote), old_area));
  EXPECT_TRUE(verify_attest(quote, old.sign(quote), old_area, {.allow_sha1 = true}));
}

Bytes ecdsa_signature(View r, View s) {
  Writer w;
  w.u16be(tpm::kAlgEcdsa);
  w.u16be(0x000b);
  w.lv16(r);
  w.lv16(s);
  return must(std::move(w).finish("signature"));
}

TEST(Signature, NumbersOutOfRangeAreRefused) {
  SoftTpmKey key;
  PublicArea area = must(parse_public(key.public_area()));
  Bytes quote = quote_over(HashAlg::sha256, {0}, Bytes(32, 1), {});
  Bytes one(32, 0), zero(32, 0), big(32, 0xff);
  one[31] = 1;
  for (auto [r, s] :
       {std::pair<View, View>{zero, one}, {one, zero}, {zero, zero}, {big, one}, {one, big}, {View{}, one}}) {
    auto result = verify_attest(quote, ecdsa_signature(r, s), area);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, Errc::untrusted);
    EXPECT_EQ(result.error().what.find("does not verify"), std::string::npos) << "caught too late";
  }
}

TEST(Signature, RsaNumbersOfAWrongLengthAndZeroAreRefused) {
  SoftTpmKey key({.algorithm = "RSA"});
  PublicArea area = must(parse_public(key.public_area()));
  Bytes quote = quote_over(HashAlg::sha256, {0}, Bytes(32, 1), {});
  Bytes good = key.sign(quote);
  TpmSignature sig = must(parse_signature(good));
  for (Bytes bad : {Bytes(256, 0), truncated(sig.rsa), trailed(sig.rsa), Bytes{}}) {
    TpmSignature twin = sig;
    twin.rsa = bad;
    EXPECT_EQ(verify_signature(quote, twin, area).error().code, Errc::untrusted);
  }
  EXPECT_TRUE(verify_signature(quote, sig, area));
}

TEST(Signature, SchemeAndHashMustBeTheKeys) {
  SoftTpmKey rsa({.algorithm = "RSA"}), ecc, free({.algorithm = "RSA", .scheme = tpm::kAlgNull});
  PublicArea area = must(parse_public(rsa.public_area())), free_area = must(parse_public(free.public_area()));
  Bytes quote = quote_over(HashAlg::sha256, {0}, Bytes(32, 1), {});
  EXPECT_FALSE(verify_attest(quote, rsa.sign(quote, tpm::kAlgRsapss, HashAlg::sha256), area));
  EXPECT_FALSE(verify_attest(quote, rsa.sign(quote, tpm::kAlgRsassa, HashAlg::sha384), area));
  EXPECT_FALSE(verify_attest(quote, ecc.sign(quote), area));
  TpmSignature pss = must(parse_signature(free.sign(quote, tpm::kAlgRsapss, HashAlg::sha384)));
  EXPECT_TRUE(verify_signature(quote, pss, free_area));  // a key without a scheme may choose
}

}  // namespace
}  // namespace attest
