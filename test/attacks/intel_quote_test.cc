// Attacks on Intel's quotes and collateral: each tries what a verifier might forget.
#include <gtest/gtest.h>

#include "test/support/dcap_judge.h"
#include "verifier/tdx/body.h"

namespace attest {
namespace {
using namespace attest::test;
using enum TcbStatus;
using Names = std::vector<std::string>;

const DcapWorld& world() {
  static const DcapWorld made;
  return made;
}
DcapCollateral good_collateral() { return world().collateral(world().tcb_info(), world().identity()); }

// A platform that is out of date must not pass because some lower level carries a status that is accepted.
TEST(IntelQuote, TheSearchStopsAtTheFirstLevelReached) {
  PlatformSpec old;
  old.comp = {2, 2, 2, 2, 3, 1, 0, 3};
  TcbPolicy only_old{{up_to_date, out_of_date}, true};
  Judged result = judge(world(), world().quote({}, old), good_collateral(), only_old);
  EXPECT_EQ(result.status, sw_hardening_needed);
  EXPECT_EQ(result.failed, Names{"tcb-status"});
}

TEST(IntelQuote, RevokedIsNeverAccepted) {
  std::string json = world().tcb_info();
  std::string levels = R"([{"tcb":{"sgxtcbcomponents":[)";
  for (int i = 0; i < 16; i++) levels += std::string(i > 0 ? "," : "") + R"({"svn":0})";
  std::string zeros = levels.substr(levels.find("components\":") + 12);
  levels += R"(],"pcesvn":0,"tdxtcbcomponents":)" + zeros +
            R"(]},"tcbDate":"2024-03-13T00:00:00Z","tcbStatus":"Revoked"}])";
  Judged result =
      judge(world(), world().quote(),
            world().collateral(world().tcb_info("TDX", {{"tcbLevels", levels}}), world().identity()),
            {{up_to_date, revoked, no_matching_level}, true});
  EXPECT_EQ(result.advised, revoked);
  EXPECT_EQ(result.failed, Names{"tcb-status"});
}

TEST(IntelQuote, CollateralOfAnotherTeeOrPlatformDoesNotFit) {
  Bytes quote = world().quote();
  EXPECT_EQ(
      judge(world(), quote, world().collateral(world().tcb_info("SGX"), world().identity())).failed.front(),
      "tcb-info-match");
  EXPECT_EQ(judge(world(), quote, world().collateral(world().tcb_info(), world().identity("QE"))).failed,
            Names{"qe-identity"});
  EXPECT_EQ(
      judge(world(), quote,
            world().collateral(world().tcb_info("TDX", {{"fmspc", "\"000000000000\""}}), world().identity()))
          .failed,
      Names{"tcb-info-match"});
  EXPECT_EQ(judge(world(), quote,
                  world().collateral(world().tcb_info("TDX", {{"pceId", "\"0100\""}}), world().identity()))
                .failed,
            Names{"tcb-info-match"});
}

TEST(IntelQuote, AnUnknownModuleIsRefused) {
  DcapQuoteSpec spec;
  spec.td.tee_tcb_svn[1] = 9;
  EXPECT_EQ(judge(world(), world().quote(spec), good_collateral()).failed,
            (Names{"tdx-module", "tcb-status"}));
  spec = {};
  spec.td.mr_signer_seam[0] = 1;
  EXPECT_EQ(judge(world(), world().quote(spec), good_collateral()).failed, Names{"tdx-module"});
  spec = {};
  spec.td.seam_attributes[7] = 1;
  EXPECT_EQ(judge(world(), world().quote(spec), good_collateral()).failed, Names{"tdx-module"});
}

TEST(IntelQuote, AnotherEnclaveInTheQuotingEnclavesPlaceIsRefused) {
  DcapQuoteSpec spec;
  spec.qe.mr_signer[5] ^= 1;
  EXPECT_EQ(judge(world(), world().quote(spec), good_collateral()).failed, Names{"qe-identity"});
  spec = {};
  spec.qe.attributes[0] |= 2;  // a quoting enclave under debug
  EXPECT_EQ(judge(world(), world().quote(spec), good_collateral()).failed, Names{"qe-identity"});
  spec = {};
  spec.qe.isv_prod_id = 1;
  EXPECT_EQ(judge(world(), world().quote(spec), good_collateral()).failed, Names{"qe-identity"});
}

TEST(IntelQuote, AnAttestationKeyTheQuotingEnclaveDoesNotKnowIsRefused) {
  DcapQuoteSpec spec;
  spec.bind_key = false;
  EXPECT_EQ(judge(world(), world().quote(spec), good_collateral()).failed, Names{"qe-report-data"});
}

TEST(IntelQuote, EveryFlippedPartIsNoticed) {
  const Bytes good = world().quote();
  struct Part {
    std::size_t at;
    const char* check;
  };
  for (Part part :
       {Part{60, "quote-signature"}, Part{600, "quote-signature"}, Part{640, "quote-signature"},
        Part{636 + 64 + 3, "qe-report-data"}, Part{636 + 134 + 7, "qe-report-signature"},
        Part{636 + 134 + 384 + 9, "qe-report-signature"}, Part{636 + 134 + 448 + 5, "qe-report-data"}}) {
    Bytes bad = good;
    bad[part.at] ^= 1;
    EXPECT_EQ(judge(world(), bad, good_collateral()).failed, Names{part.check}) << part.at;
  }
}

TEST(IntelQuote, RevocationIsLookedUpForEveryCertificate) {
  auto with = [&](std::vector<std::uint8_t> root, std::vector<std::uint8_t> pck) {
    return judge(world(), world().quote(),
                 world().collateral(world().tcb_info(), world().identity(), root, pck))
        .failed;
  };
  EXPECT_EQ(with({9}, {9}), Names{});
  EXPECT_EQ(with({}, {kPckSerial}), Names{"pck-revoked"});
  EXPECT_EQ(with({kCaSerial}, {}), Names{"pck-revoked"});
  EXPECT_EQ(with({kTcbSerial}, {}), Names{"pck-revoked"});
}

TEST(IntelQuote, MissingOrForeignCollateralIsRefused) {
  Bytes quote = world().quote();
  DcapCollateral none;
  EXPECT_EQ(judge(world(), quote, std::move(none)).failed, Names{"tcb-info-signature"});
  DcapCollateral no_pck_crl = good_collateral();
  no_pck_crl.crls.pop_back();
  EXPECT_EQ(judge(world(), quote, std::move(no_pck_crl)).failed, Names{"crl"});
  DcapCollateral no_identity = good_collateral();
  no_identity.identities.clear();
  EXPECT_EQ(judge(world(), quote, std::move(no_identity)).failed, Names{"qe-identity-signature"});
  const DcapWorld other;
  EXPECT_EQ(judge(world(), quote, other.collateral(other.tcb_info(), other.identity())).failed,
            Names{"tcb-info-signature"});
  // A CRL that names the right issuer and is signed by another key.
  DcapCollateral forged = good_collateral();
  forged.crls.clear();
  ASSERT_TRUE(add_collateral(world().crl("Intel SGX Root CA", world().root), forged));
  ASSERT_TRUE(add_collateral(world().crl("Intel SGX PCK Platform CA", other.ca), forged));
  EXPECT_EQ(judge(world(), quote, std::move(forged)).failed, Names{"crl"});
}

TEST(IntelQuote, JsonThatWasChangedIsRefused) {
  std::string json = world().tcb_info();
  json.insert(json.find("\"fmspc\""), " ");  // the same value, other bytes
  EXPECT_EQ(judge(world(), world().quote(), world().collateral(json, world().identity())).failed,
            Names{"tcb-info-signature"});
}

TEST(IntelQuote, CollateralSignedByAPlatformsOwnKeyIsRefused) {
  // The PCK key signs a TCB info of its own: its certificate leads to the same root.
  std::string value = world().tcb_info();
  DcapCollateral mine = good_collateral();
  mine.tcb_infos.front().signature = {};
  Bytes forged = world().pck.sign(mine.tcb_infos.front().signed_bytes);
  std::ranges::copy(forged, mine.tcb_infos.front().signature.begin());
  ASSERT_TRUE(add_collateral(world().pck_der(), mine));
  EXPECT_EQ(judge(world(), world().quote(), std::move(mine)).failed, Names{"tcb-info-signature"});
}

// certificate_of gives the failure of a chain whose PCK certificate is `leaf`.
Names chain_failure(const Bytes& leaf, const Bytes& ca) {
  DcapQuoteSpec spec;
  spec.certification = 1;  // no certificate inside: they are given beside it
  Bytes bytes = world().quote(spec);
  auto quote = parse_quote(bytes);
  auto roots = Issuers::make({world().root_der()});
  std::vector<DcapCertificate> chain;
  for (const Bytes& der : {leaf, ca}) {
    auto certificate = parse_dcap_certificate(der);
    if (certificate) chain.push_back(*std::move(certificate));
  }
  NamedChecks checks("tdx");
  QuoteJudgement judgement;
  if (!quote || !roots) return {"form"};
  judge_signatures(*quote, *roots, std::move(chain), DcapWorld::kNow, judgement, checks);
  return failed_checks(checks);
}

TEST(IntelQuote, ChainsOfAnotherShapeAreRefused) {
  EXPECT_EQ(chain_failure(world().pck_der(), world().ca_der()), Names{});
  const DcapWorld other;
  EXPECT_EQ(chain_failure(other.pck_der(), other.ca_der()), Names{"pck-chain"}) << "another root";
  EXPECT_EQ(chain_failure(world().tcb_der(), world().ca_der()), Names{"pck-chain"}) << "no PCK certificate";
  DcapCertificateSpec spec{
      .subject = "Intel SGX PCK Certificate", .issuer = "Intel SGX PCK Platform CA", .pck = PlatformSpec{}};
  spec.unknown_critical = true;
  EXPECT_EQ(chain_failure(world().certificate(spec, world().pck, world().ca), world().ca_der()),
            Names{"pck-chain"});
  spec.unknown_critical = false;
  spec.ca = true;
  EXPECT_EQ(chain_failure(world().certificate(spec, world().pck, world().ca), world().ca_der()),
            Names{"pck-chain"})
      << "a CA as leaf";
  spec.ca = false;
  spec.issuer = "Intel SGX Root CA";
  EXPECT_EQ(chain_failure(world().certificate(spec, world().pck, world().root), world().ca_der()),
            Names{"pck-chain"})
      << "issued by the root itself";
  // A leaf that issues: the TCB signing certificate is no CA.
  spec.issuer = "Intel SGX TCB Signing";
  EXPECT_EQ(chain_failure(world().certificate(spec, world().pck, world().tcb), world().tcb_der()),
            Names{"pck-chain"});
  // A CA below a CA.
  DcapCertificateSpec below{.subject = "Deep CA", .issuer = "Intel SGX PCK Platform CA", .ca = true, .pck = {}};
  spec.issuer = "Deep CA";
  EXPECT_EQ(chain_failure(world().certificate(spec, world().pck, world().tcb),
                          world().certificate(below, world().tcb, world().ca)),
            Names{"pck-chain"});
}

TEST(IntelQuote, ReservedAttributeBitsAreRefused) {
  DcapQuoteSpec spec;
  for (std::size_t bit : {8U, 15U, 26U, 32U, 61U}) {
    spec.td.td_attributes = {};
    spec.td.td_attributes[bit / 8] = static_cast<std::uint8_t>(1U << (bit % 8));
    NamedChecks checks("tdx");
    judge_td(spec.td, {}, std::nullopt, checks);
    EXPECT_EQ(failed_checks(checks), Names{"attributes"}) << bit;
  }
  for (unsigned bit = 0; bit < 8; bit++) {  // any bit of the group puts the TD under debug
    spec.td.td_attributes = {static_cast<std::uint8_t>(1U << bit)};
    NamedChecks checks("tdx");
    judge_td(spec.td, {}, std::nullopt, checks);
    EXPECT_EQ(failed_checks(checks), Names{"debug"}) << bit;
  }
}

TEST(IntelQuote, AShortExtensionListIsAnErrorNotACrash) {
  PlatformSpec platform;
  platform.short_extension = true;
  Judged result = judge(world(), world().quote({}, platform), good_collateral());
  EXPECT_FALSE(result.signatures);
  EXPECT_EQ(result.failed, Names{"pck-chain"});
}

}  // namespace
}  // namespace attest
