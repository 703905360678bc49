// SEV-SNP reports, certificates and chains: genuine ones (public test data) and synthetic ones for the layouts nobody published.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "evidence/core/hex.h"
#include "evidence/snp/certificate_table.h"
#include "test/support/snp_samples.h"
#include "test/support/testdata.h"

namespace attest {
namespace {
using namespace attest::test;

TEST(SnpReport, Version5OfTurinReadsEveryField) {
  auto report = parse_snp_report(snp_fixture("turin-v5-report.bin"));
  ASSERT_TRUE(report) << report.error().what;
  EXPECT_EQ(report->version, 5U);
  EXPECT_EQ(report->guest_svn, 7U);
  EXPECT_EQ(report->abi_major(), 1U);
  EXPECT_EQ(report->abi_minor(), 55U);
  EXPECT_TRUE(report->allows(SnpPolicyBits::kSmt));
  EXPECT_FALSE(report->allows(SnpPolicyBits::kDebug));
  EXPECT_EQ(report->product(), SnpProduct::turin);
  EXPECT_EQ(tcb_text(decode_tcb(report->reported_tcb, SnpProduct::turin), SnpProduct::turin),
            "fmc 1, bl 3, tee 2, snp 5, ucode 72");
  EXPECT_EQ(report->launch_mitigations, 1U);
  EXPECT_EQ(report->current_mitigations, 3U);
  EXPECT_EQ(version_text(report->current), "1.55.29");
  EXPECT_TRUE(report->author_key_en);
  EXPECT_FALSE(report->unknown_fields);
  EXPECT_EQ(as_text(View(report->family_id)), "family-synthetic");
}

TEST(SnpReport, LengthAndVersionAreExact) {
  Bytes good = snp_fixture("genoa-v3-report.bin");
  for (std::size_t n : {std::size_t{0}, std::size_t{4}, std::size_t{1000}, good.size() - 1})
    EXPECT_FALSE(parse_snp_report(View(good).first(n))) << n;
  Bytes longer = good;
  longer.push_back(0);
  EXPECT_FALSE(parse_snp_report(longer));
  for (int version : {0, 1, 6, 255}) {
    Bytes other = good;
    other[0] = static_cast<std::uint8_t>(version);
    auto parsed = parse_snp_report(other);
    ASSERT_FALSE(parsed);
    EXPECT_EQ(parsed.error().code, Errc::unsupported);
  }
}

TEST(SnpReport, SignatureFieldHoldsTwoNumbersAndNothingElse) {
  for (std::size_t at : {0x2a0 + 48, 0x2a0 + 71, 0x2a0 + 72 + 48, 0x2a0 + 144, 1183}) {
    Bytes changed = snp_fixture("genoa-v3-report.bin");
    changed[at] = 1;
    EXPECT_FALSE(parse_snp_report(changed)) << at;
  }
}

TEST(SnpReport, ReservedFieldsAreNoticed) {
  for (std::size_t at : {0x49, 0x4c, 0x18b, 0x1eb, 0x208, 0x29f}) {
    Bytes changed = snp_fixture("turin-v5-report.bin");
    changed[at] = 0x80;
    auto report = parse_snp_report(changed);
    ASSERT_TRUE(report);
    EXPECT_TRUE(report->unknown_fields) << at;
  }
}

TEST(SnpReport, ProductsByProcessor) {
  EXPECT_EQ(snp_product_from_cpuid(0x19, 0x01), SnpProduct::milan);
  EXPECT_EQ(snp_product_from_cpuid(0x19, 0x11), SnpProduct::genoa);
  EXPECT_EQ(snp_product_from_cpuid(0x19, 0xa0), SnpProduct::genoa);
  EXPECT_EQ(snp_product_from_cpuid(0x1a, 0x11), SnpProduct::turin);
  EXPECT_EQ(snp_product_from_cpuid(0x1a, 0x50), SnpProduct::unknown);
  EXPECT_EQ(snp_product_from_cpuid(0x17, 0x01), SnpProduct::unknown);
  EXPECT_EQ(snp_product_from_name("Milan-B0"), SnpProduct::milan);
  EXPECT_EQ(snp_product_from_name("Berlin"), SnpProduct::unknown);
}

struct Sample {
  const char *product, *report, *key;
};
constexpr Sample kSamples[] = {{"milan", "milan-v2-report.bin", "vcek-milan.pem"},
                               {"milan", "milan-v5-report.bin", "vcek-milan.pem"},
                               {"genoa", "genoa-v3-report.bin", "vcek-genoa.pem"},
                               {"genoa", "genoa-v5-report.bin", "vcek-genoa.pem"},
                               {"turin", "turin-v3-report.bin", "vcek-turin.pem"},
                               {"turin", "turin-v5-report.bin", "vcek-turin.pem"},
                               {"turin", "turin-v5-vlek-report.bin", "vlek-turin.pem"}};

TEST(SnpSignature, SyntheticReportsVerifyAndTheirTwinsDoNot) {
  for (const Sample& sample : kSamples) {
    SCOPED_TRACE(sample.report);
    auto key = snp_trust(sample.product).verify(snp_certificate(sample.key), {}, kSnpNow);
    ASSERT_TRUE(key) << key.error().what;
    Bytes good = snp_fixture(sample.report);
    auto report = verify_snp_report(good, *key);
    ASSERT_TRUE(report) << report.error().what;
    EXPECT_EQ(decode_tcb((*report)->reported_tcb, (*key)->certificate.product), (*key)->certificate.tcb);
    for (std::size_t at = 0; at < good.size(); at += 7) {
      Bytes tampered = good;
      tampered[at] ^= 1;
      EXPECT_FALSE(verify_snp_report(tampered, *key)) << at;
    }
  }
}

TEST(SnpSignature, ZeroSwappedAndForeignSignaturesFail) {
  auto key = snp_trust("turin").verify(snp_certificate("vcek-turin.pem"), {}, kSnpNow);
  ASSERT_TRUE(key);
  Bytes zero = snp_fixture("turin-v5-report.bin");
  std::fill(zero.begin() + 0x2a0, zero.end(), std::uint8_t{0});
  auto none = verify_snp_report(zero, *key);
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, Errc::untrusted);
  Bytes order = snp_fixture("turin-v5-report.bin");
  std::fill(order.begin() + 0x2a0, order.begin() + 0x2a0 + 48, std::uint8_t{0xff});
  EXPECT_FALSE(verify_snp_report(order, *key));
  Bytes algorithm = snp_resigned("turin-v5-report.bin", [](Bytes& r) { r[0x34] = 2; });
  auto unknown = verify_snp_report(algorithm, *key);
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code, Errc::unsupported);
  // A report that names the other kind of key, or none, is not this key's.
  for (int kind : {1, 2, 7}) {
    Bytes other = snp_resigned("turin-v5-report.bin", [&](Bytes& r) { r[0x48] = static_cast<std::uint8_t>(kind << 2 | 1); });
    EXPECT_FALSE(verify_snp_report(other, *key)) << kind;
  }
}

TEST(SnpCertificate, TurinHasEightBytesOfHardwareIdAndTheFmc) {
  auto turin = parse_snp_key_certificate(snp_certificate("vcek-turin.pem"));
  ASSERT_TRUE(turin) << turin.error().what;
  EXPECT_EQ(to_hex(turin->hwid), "a0a1a2a3a4a5a6a7");
  EXPECT_EQ(turin->tcb.fmc, 1);
  EXPECT_EQ(turin->struct_version, 1U);
  auto genoa = parse_snp_key_certificate(snp_certificate("vcek-genoa.pem"));
  ASSERT_TRUE(genoa);
  EXPECT_EQ(genoa->hwid.size(), 64U);
  auto vlek = parse_snp_key_certificate(snp_certificate("vlek-milan.pem"));
  ASSERT_TRUE(vlek);
  EXPECT_EQ(vlek->csp_id, "CN=synthetic.example");
  EXPECT_TRUE(vlek->hwid.empty());
  EXPECT_FALSE(parse_snp_key_certificate(snp_certificate("ask-milan.pem")));
}

TEST(SnpChain, EveryChainIsOfOneProductAndKind) {
  SnpTrust turin = snp_trust("turin");
  EXPECT_TRUE(turin.verify(snp_certificate("vcek-turin.pem"), {}, kSnpNow));
  EXPECT_FALSE(turin.verify(snp_certificate("vcek-genoa.pem"), {snp_certificate("ask-genoa.pem")}, kSnpNow));
  // The same keys stand behind all synthetic authorities, so that names alone tell them apart.
  std::vector<Bytes> mixed = snp_authorities("turin");
  mixed.push_back(snp_certificate("ark-genoa.pem"));
  auto both = SnpTrust::make(mixed);
  ASSERT_TRUE(both);
  EXPECT_TRUE(both->verify(snp_certificate("vcek-genoa.pem"), {snp_certificate("ask-genoa.pem")}, kSnpNow));
  EXPECT_FALSE(both->verify(snp_certificate("vcek-genoa.pem"), {snp_certificate("asvk-genoa.pem")}, kSnpNow));
  // Built-in trust knows no synthetic root, and a root that comes along counts for nothing.
  auto amd = SnpTrust::built_in();
  ASSERT_TRUE(amd) << amd.error().what;
  EXPECT_FALSE(amd->verify(snp_certificate("vcek-turin.pem"), snp_authorities("turin"), kSnpNow));
}

TEST(SnpChain, TimeAndRevocation) {
  Bytes key = snp_certificate("vcek-turin.pem");
  auto early = snp_trust("turin").verify(key, {}, 1700000000);
  ASSERT_FALSE(early);
  EXPECT_EQ(early.error().code, Errc::stale);
  EXPECT_FALSE(snp_trust("turin").verify(key, {}, kSnpNow, true)) << "a CRL was demanded";
  SnpTrust covered = snp_trust("turin", {snp_fixture("crl-turin.der")});
  auto good = covered.verify(key, {}, kSnpNow, true);
  ASSERT_TRUE(good) << good.error().what;
  EXPECT_TRUE((*good)->revocation_checked);
  auto late = covered.verify(key, {}, 1800000000);
  ASSERT_FALSE(late) << "the CRL is overdue";
  EXPECT_EQ(late.error().code, Errc::stale);
  SnpTrust revoked = snp_trust("turin", {snp_fixture("crl-turin-revoked.der")});
  EXPECT_FALSE(revoked.verify(key, {}, kSnpNow));
  auto vlek = revoked.verify(snp_certificate("vlek-turin.pem"), {}, kSnpNow, true);
  EXPECT_TRUE(vlek) << "the ASVK is not on the list";
}

TEST(SnpChain, AmdsOwnCertificates) {
  ASSERT_EQ(amd_certificates().size(), 9U);
  for (std::size_t at = 0; at < 9; at += 3) {
    std::vector<Bytes> bundle(amd_certificates().begin() + static_cast<long>(at), amd_certificates().begin() + static_cast<long>(at) + 3);
    auto facts = inspect_amd_certificates(bundle);
    ASSERT_TRUE(facts) << facts.error().what;
    EXPECT_TRUE(facts->ark_self_signed);
    EXPECT_EQ(facts->ask_by_ark, true);
    EXPECT_EQ(facts->asvk_by_ark, true);
  }
  EXPECT_FALSE(inspect_amd_certificates({snp_certificate("vcek-turin.pem")}));
}

TEST(SnpCertificateTable, RoundTripAndHostileTables) {
  SnpCertificateTable table;
  table.vcek = snp_certificate("vcek-turin.pem");
  table.ask = snp_certificate("ask-turin.pem");
  Bytes encoded = encode_certificate_table(table);
  auto parsed = parse_certificate_table(encoded);
  ASSERT_TRUE(parsed) << parsed.error().what;
  EXPECT_EQ(parsed->vcek, table.vcek);
  EXPECT_EQ(parsed->above().size(), 1U);
  EXPECT_EQ(&parsed->key(), &parsed->vcek);
  Bytes padded = encoded;
  padded.resize(8192);
  EXPECT_TRUE(parse_certificate_table(padded)) << "pages are padded";
  ASSERT_TRUE(parse_certificate_table({}));
  EXPECT_FALSE(parse_certificate_table(View(encoded).first(40)));
  EXPECT_FALSE(parse_certificate_table(View(encoded).first(encoded.size() - 1)));
  for (std::size_t at : {17, 18, 19, 21, 22, 23}) {  // offset and length of the first entry
    Bytes bad = encoded;
    bad[at] ^= 0xff;
    EXPECT_FALSE(parse_certificate_table(bad)) << at;
  }
  Bytes twice = encoded;
  std::copy(twice.begin(), twice.begin() + 16, twice.begin() + 24);
  EXPECT_FALSE(parse_certificate_table(twice));
}

// Every genuine report that is public: its fields, chain and signature.
TEST(SnpPublic, GenuineReportsVerify) {
  auto bytes = read_file(testdata("public/expected.json"));
  if (!bytes) GTEST_SKIP() << "public artefacts are not here: " << testdata("public/expected.json");
  auto expected = nlohmann::json::parse(bytes->begin(), bytes->end());
  auto trust = SnpTrust::built_in();
  ASSERT_TRUE(trust);
  std::size_t seen = 0;
  for (const auto& [path, facts] : expected.items()) {
    if (!path.starts_with("snp/") || !path.ends_with("/report.bin")) continue;
    SCOPED_TRACE(path);
    auto report = parse_snp_report(*read_file(testdata("public/" + path)));
    ASSERT_TRUE(report) << report.error().what;
    EXPECT_EQ(to_hex(report->measurement), facts["measurement"]);
    EXPECT_EQ(to_hex(report->chip_id), facts["chip_id"]);
    std::string folder = testdata("public/" + path.substr(0, path.rfind('/')));
    auto file = read_file(folder + "/vek.der");
    if (!file) file = read_file(folder + "/vek.pem");
    ASSERT_TRUE(file);
    auto when = parse_rfc3339(facts["verify_time"].get<std::string>());
    ASSERT_TRUE(when);
    auto key = trust->verify((*split_certificates(*file, "vek")).front(), {}, *when);
    ASSERT_TRUE(key) << key.error().what;
    EXPECT_EQ((*key)->chain, facts["chain"]);
    auto verified = verify_snp_report(*read_file(testdata("public/" + path)), *key);
    EXPECT_EQ(static_cast<bool>(verified), facts["signature_valid"].get<bool>());
    seen++;
  }
  EXPECT_GE(seen, 6U);
}

}  // namespace
}  // namespace attest
