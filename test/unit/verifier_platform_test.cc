// Platform certificates: every version is read, each step of the profile refuses under its own name.
#include <gtest/gtest.h>

#include "evidence/core/hex.h"
#include "test/support/platform_maker.h"
#include "test/support/recording.h"
#include "verifier/platform/checks.h"
#include "verifier/platform/platform.h"

namespace attest {
namespace {

using namespace attest::test;
namespace check = platform_check;

CertSpec ek_spec() {
  CertSpec spec;
  spec.common_name = "EK";
  spec.extensions = {{"extendedKeyUsage", "2.23.133.8.1"}, {"keyUsage", "critical,keyAgreement"}};
  return spec;
}

class PlatformTest : public testing::Test {
 protected:
  PlatformTest() {
    spec.holder_issuer = issuer_der(ek.certificate.get());
    spec.holder_serial = serial_of(ek.certificate.get());
    spec.components = {make_component("00040003", "Intel", "Core", "C1"),
                       make_component("0011001a", "Ram", "DDR4", "R1")};
  }
  PlatformFindings judge() { return judge(make_platform(spec, issuer)); }
  PlatformFindings judge(const Bytes& bytes) {
    Result<PlatformCertificate> certificate = parse_platform_certificate(bytes);
    if (!certificate) {
      PlatformFindings out;
      out.fail("unreadable", certificate.error().what);
      return out;
    }
    question.certificate = &*certificate;
    question.anchors = &anchors;
    question.ek_certificate_der = ek_der;
    question.at = at;
    return must(judge_platform(question));
  }
  static std::string first_failure(const Findings& found) {
    for (const Finding& one : found.checks)
      if (one.outcome == Outcome::fail) return one.id;
    return found.trusted() ? "trusted" : "nothing";
  }
  PlatformCertificate parsed(const PlatformSpec& from) {
    return must(parse_platform_certificate(make_platform(from, issuer)));
  }
  PlatformSpec delta_of_base() {
    PlatformSpec delta = spec;
    delta.credential_type = "2.23.133.8.5";
    delta.holder_issuer = subject_der(issuer.certificate.get());
    delta.holder_serial = spec.serial;
    delta.serial = {0x08};
    delta.components.clear();
    return delta;
  }

  TestCert ca = make_root("EK CA"), issuer = make_root("Platform maker");
  TestCert ek = issue(&ca, ek_spec());
  Bytes ek_der = ek.der();
  std::vector<Bytes> anchors = {issuer.der()};
  UnixTime at = kTestNow;
  PlatformSpec spec;
  PlatformQuestion question;
};

TEST_F(PlatformTest, EveryVersionOfTheListIsReadAndTrusted) {
  for (int version : {1, 2, 3}) {
    spec.configuration = version;
    PlatformCertificate certificate = parsed(spec);
    EXPECT_EQ(certificate.claims.configuration_version, std::to_string(version));
    ASSERT_EQ(certificate.claims.components.size(), 2U);
    EXPECT_EQ(certificate.claims.components[0].manufacturer, "Intel");
    EXPECT_EQ(certificate.claims.components[1].serial, "R1");
    EXPECT_EQ(certificate.claims.components[1].class_value, version == 1 ? "" : "0011001a");
    ASSERT_EQ(certificate.claims.properties.size(), 1U);
    EXPECT_EQ(certificate.claims.model, "Box 1");
    EXPECT_EQ(certificate.claims.platform_specification, "1.3.22");
    EXPECT_EQ(first_failure(judge()), "trusted") << version;
  }
}

TEST_F(PlatformTest, NeitherCutShortNorChangedAnywhereIsTrusted) {
  Bytes good = make_platform(spec, issuer);
  for (std::size_t by = 1; by < good.size(); by += 7)
    EXPECT_FALSE(parse_platform_certificate(truncated(good, by))) << by;
  for (std::size_t at_byte = 0; at_byte < good.size(); at_byte += 3) {
    Bytes bad = good;
    bad[at_byte] ^= 0x10;
    EXPECT_NE(first_failure(judge(bad)), "trusted") << at_byte;
  }
}

TEST_F(PlatformTest, BytesBehindItAreCountedAndTold) {
  Bytes trailing = trailed(make_platform(spec, issuer));
  EXPECT_EQ(must(parse_platform_certificate(trailing)).trailing_bytes, 1U);
  PlatformFindings found = judge(trailing);
  EXPECT_EQ(found.checks[0].id, check::kForm);
  EXPECT_EQ(found.checks[0].outcome, Outcome::warn);
}

TEST_F(PlatformTest, FormIsRefused) {
  spec.version_number = 0;
  EXPECT_EQ(first_failure(judge()), check::kForm);
  spec.version_number = 1;
  spec.other_inner_algorithm = true;
  EXPECT_EQ(first_failure(judge()), check::kForm);
  spec.other_inner_algorithm = false;
  spec.serial = {0x80};
  EXPECT_EQ(first_failure(judge()), check::kForm);
  spec.serial = Bytes(21, 1);
  EXPECT_EQ(first_failure(judge()), check::kForm);
}

TEST_F(PlatformTest, TimeIsRefused) {
  at = spec.not_after + 1;
  EXPECT_EQ(first_failure(judge()), check::kTime);
  at = spec.not_before - 1;
  EXPECT_EQ(first_failure(judge()), check::kTime);
}

TEST_F(PlatformTest, IssuerAndSignatureAreRefused) {
  TestCert other = make_root("Another maker"), twin = make_root("Platform maker");
  anchors = {other.der()};
  EXPECT_EQ(first_failure(judge()), check::kIssuer);
  anchors = {twin.der()};
  EXPECT_EQ(first_failure(judge()), check::kSignature);
  question.policy.issuer_by_key = true;
  anchors = {other.der()};
  EXPECT_EQ(first_failure(judge()), check::kSignature);  // another name will do, another key will not
}

TEST_F(PlatformTest, AnIssuerUnderARootNeedsItsPath) {
  TestCert root = make_root("Root");
  CertSpec signer;
  signer.common_name = "Signer";
  signer.extensions = {{"basicConstraints", "critical,CA:FALSE"}, {"keyUsage", "critical,digitalSignature"}};
  issuer = issue(&root, signer);
  std::vector<Bytes> chain = {issuer.der()};
  question.intermediates = &chain;
  anchors = {root.der()};
  question.policy.strict = true;
  EXPECT_EQ(first_failure(judge()), "trusted");
  anchors = {make_root("Stranger").der()};
  EXPECT_EQ(first_failure(judge()), check::kIssuerPath);
}

TEST_F(PlatformTest, AnIssuerThatIsACaIsToldAndUnderStrictRefused) {
  PlatformFindings found = judge();
  bool warned = std::ranges::any_of(found.checks, [](const Finding& one) {
    return one.id == check::kIssuerPath && one.outcome == Outcome::warn;
  });
  EXPECT_TRUE(warned);
  question.policy.strict = true;
  EXPECT_EQ(first_failure(judge()), check::kIssuerPath);
}

TEST_F(PlatformTest, TheHolderIsThisEkCertificateByIssuerAndSerial) {
  TestCert other_ca = make_root("Other EK CA");
  spec.holder_issuer = subject_der(other_ca.certificate.get());
  EXPECT_EQ(first_failure(judge()), check::kHolder);  // the serial alone is no machine
  spec.holder_issuer = issuer_der(ek.certificate.get());
  spec.holder_serial.push_back(1);
  EXPECT_EQ(first_failure(judge()), check::kHolder);
}

TEST_F(PlatformTest, DeltasChangeTheList) {
  PlatformSpec add = delta_of_base();
  add.components = {make_component("00060001", "Disk", "Big", "D1")};
  add.components[0].status = 0;
  PlatformSpec remove = delta_of_base();
  remove.components = {make_component("0011001a", "Ram", "DDR4", "R1")};
  remove.components[0].status = 2;
  PlatformCertificate first = parsed(add), second = parsed(remove);
  question.deltas = {&first, &second};
  PlatformFindings found = judge();
  EXPECT_EQ(first_failure(found), "trusted");
  ASSERT_EQ(found.components.size(), 2U);
  EXPECT_EQ(found.components[1].model, "Big");
  question.deltas = {&second, &second};  // removed already
  EXPECT_EQ(first_failure(judge()), check::kDelta);
}

TEST_F(PlatformTest, ADeltaBelongsToItsBase) {
  PlatformSpec delta = delta_of_base();
  delta.holder_serial = {0x55};
  PlatformCertificate other_base = parsed(delta);
  question.deltas = {&other_base};
  EXPECT_EQ(first_failure(judge()), check::kDelta);
  delta = delta_of_base();
  delta.machine_serial = "SN-2";
  PlatformCertificate other_machine = parsed(delta);
  question.deltas = {&other_machine};
  EXPECT_EQ(first_failure(judge()), check::kDelta);
}

TEST_F(PlatformTest, TypeAndExtensionsAreRefused) {
  spec.credential_type = "2.23.133.8.1";
  EXPECT_EQ(first_failure(judge()), check::kType);
  spec.credential_type = "2.23.133.8.2";
  Bytes critical = joined(
      {der_oid("1.2.3.99"), der(der_tag::kBoolean, Bytes{0xff}), der(der_tag::kOctetString, Bytes{5, 0})});
  spec.more_extensions = der(der_tag::kSequence, critical);
  EXPECT_EQ(first_failure(judge()), check::kExtensions);
}

TEST_F(PlatformTest, NothingMayStandTwice) {
  Bytes again = joined({der_oid("2.5.29.32"), der(der_tag::kOctetString, Bytes{0x30, 0})});
  spec.more_extensions = der(der_tag::kSequence, again);
  EXPECT_EQ(first_failure(judge()), "unreadable");
  spec.more_extensions.clear();
  spec.more_attributes =
      der(der_tag::kSequence, joined({der_oid("2.23.133.2.25"),
                                      der(der_tag::kSet, der(der_tag::kSequence, der_oid("2.23.133.8.5")))}));
  EXPECT_EQ(first_failure(judge()), "unreadable");
}

TEST_F(PlatformTest, TheMachineIsWhatIsListedAndNothingMore) {
  Inventory inventory{"Test Inc.", "Box 1", "", "SN-1", spec.components};
  question.inventory = &inventory;
  EXPECT_EQ(first_failure(judge()), "trusted");
  inventory.components[1].serial = "R2";  // swapped
  EXPECT_EQ(first_failure(judge()), check::kComponents);
  inventory.components = spec.components;
  inventory.components.push_back(make_component("00020000", "Implant", "Tap", ""));
  EXPECT_EQ(first_failure(judge()), check::kComponents);
  question.policy.extra_components = true;
  EXPECT_EQ(first_failure(judge()), "trusted");
  inventory.serial = "SN-2";
  EXPECT_EQ(first_failure(judge()), check::kIdentity);
}

TEST_F(PlatformTest, WhatAPolicyDemandsMustHavePassed) {
  question.policy.demand = {"platform.holder"};
  EXPECT_EQ(first_failure(judge()), "trusted");
  ek_der.clear();
  EXPECT_EQ(first_failure(judge()), check::kDemanded);
}

TEST(Smbios, SystemAndProcessorAreRead) {
  auto structure = [](std::uint8_t type, std::size_t size,
                      std::vector<std::pair<std::size_t, std::uint8_t>> fields, std::string_view strings) {
    Bytes out(size);
    out[0] = type;
    out[1] = static_cast<std::uint8_t>(size);
    for (auto [offset, value] : fields) out[offset] = value;
    out.insert(out.end(), strings.begin(), strings.end());
    return out;
  };
  using std::string_view_literals::operator""sv;
  Bytes table =
      joined({structure(1, 0x1b, {{4, 1}, {5, 2}, {6, 3}, {7, 4}}, "Test Inc.\0Box 1\0001\0SN-1\0\0"sv),
              structure(4, 0x30, {{5, 3}, {7, 1}, {0x10, 2}}, "Intel\0Core\0\0"sv),
              structure(17, 0x28, {{0x12, 0x1a}}, "\0\0"sv), structure(127, 4, {}, "\0\0"sv)});
  Inventory inventory = must(parse_smbios(table));
  EXPECT_EQ(inventory.model, "Box 1");
  EXPECT_EQ(inventory.serial, "SN-1");
  ASSERT_EQ(inventory.components.size(), 2U);  // the memory slot is empty
  EXPECT_EQ(inventory.components[1].class_value, "00040003");
  EXPECT_EQ(inventory.components[1].model, "Core");
  table[1] = 3;  // shorter than a header
  EXPECT_FALSE(parse_smbios(table));
}

}  // namespace
}  // namespace attest
