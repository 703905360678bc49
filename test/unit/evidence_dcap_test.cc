// Quotes, certificates, CRLs and collateral of Intel's form: what is read, and what is refused.
#include <gtest/gtest.h>

#include "evidence/core/hex.h"
#include "evidence/dcap/ccel.h"
#include "evidence/dcap/dstack.h"
#include "evidence/dcap/p256.h"
#include "evidence/json/reader.h"
#include "test/support/dcap_maker.h"
#include "test/support/testdata.h"

namespace attest {
namespace {
using namespace attest::test;

const DcapWorld& world() {
  static const DcapWorld made;
  return made;
}

TEST(Quote, EveryVersionAndBodyIsRead) {
  DcapQuoteSpec spec;
  for (std::uint16_t version : std::to_array<std::uint16_t>({4, 5})) {
    spec.version = version;
    Bytes bytes = world().quote(spec);
    auto quote = parse_quote(bytes);
    ASSERT_TRUE(quote) << quote.error().what;
    EXPECT_EQ(quote->version, version);
    ASSERT_NE(quote->td(), nullptr);
    EXPECT_EQ(quote->td()->mr_td, spec.td.mr_td);
    EXPECT_EQ(quote->certification.type, 5);
    EXPECT_TRUE(quote->nested);
    EXPECT_FALSE(quote->td()->tee_tcb_svn2);
  }
  spec.td15 = true;
  spec.td.tee_tcb_svn2 = Block<16>{9};
  Bytes td15 = world().quote(spec);
  ASSERT_TRUE(parse_quote(td15));
  EXPECT_EQ(parse_quote(td15)->td()->tee_tcb_svn2, spec.td.tee_tcb_svn2);
  spec = {};
  spec.tee = TeeType::sgx;
  for (std::uint16_t version : std::to_array<std::uint16_t>({3, 4, 5})) {
    spec.version = version;
    Bytes bytes = world().quote(spec);
    auto quote = parse_quote(bytes);
    ASSERT_TRUE(quote) << quote.error().what;
    ASSERT_NE(quote->enclave(), nullptr);
    EXPECT_EQ(quote->enclave()->mr_enclave, spec.enclave.mr_enclave);
    EXPECT_EQ(quote->nested, version > 3);
  }
}

TEST(Quote, EveryTruncationIsRefused) {
  for (std::uint16_t version : std::to_array<std::uint16_t>({4, 5})) {
    DcapQuoteSpec spec;
    spec.version = version;
    Bytes bytes = world().quote(spec);
    for (std::size_t size = 0; size < bytes.size(); size += size < 1200 ? 1 : 37)
      ASSERT_FALSE(parse_quote(View(bytes).first(size))) << size;
  }
}

TEST(Quote, BytesBehindItAreReported) {
  DcapQuoteSpec spec;
  spec.trailing = {1, 2, 3};
  Bytes bytes = world().quote(spec);
  EXPECT_EQ(parse_quote(bytes)->trailing.size(), 3U);
}

// set writes little-endian at an offset.
Bytes with(Bytes bytes, std::size_t at, std::uint32_t value, std::size_t size) {
  for (std::size_t i = 0; i < size; i++) bytes[at + i] = static_cast<std::uint8_t>(value >> (8 * i));
  return bytes;
}

TEST(Quote, ForeignHeadersAndLengthsAreRefused) {
  Bytes v4 = world().quote();
  auto code = [](const Bytes& bytes) { return parse_quote(bytes).error().code; };
  EXPECT_EQ(code(with(v4, 0, 9, 2)), Errc::unsupported);
  EXPECT_EQ(code(with(v4, 0, 3, 2)), Errc::unsupported) << "version 3 is of SGX alone";
  EXPECT_EQ(code(with(v4, 2, 3, 2)), Errc::unsupported);
  EXPECT_EQ(code(with(v4, 4, 0x82, 4)), Errc::unsupported);
  EXPECT_EQ(code(with(v4, 632, 0xfffffff0, 4)), Errc::malformed);
  EXPECT_EQ(code(with(v4, 636 + 128, 5, 2)), Errc::unsupported) << "certification data 5 without a QE report";
  EXPECT_EQ(code(with(v4, 636 + 130, 0x7fffffff, 4)), Errc::malformed);
  DcapQuoteSpec spec;
  spec.version = 5;
  Bytes v5 = world().quote(spec);
  EXPECT_EQ(code(with(v5, 48, 1, 2)), Errc::unsupported) << "an SGX body under TEE type TDX";
  EXPECT_EQ(code(with(v5, 50, 648, 4)), Errc::malformed);
}

TEST(Quote, PlatformIdentityStandsInForCertificates) {
  DcapQuoteSpec spec;
  spec.certification = 1;
  Bytes bytes = world().quote(spec);
  auto quote = parse_quote(bytes);
  ASSERT_TRUE(quote);
  auto identity = parse_platform_identity(quote->certification);
  ASSERT_TRUE(identity);
  EXPECT_EQ(identity->pce_svn, 0x2222);
  EXPECT_FALSE(identity->pce_id);
}

TEST(Unwrap, OpenEnclaveHexAndCertificates) {
  DcapQuoteSpec spec;
  spec.tee = TeeType::sgx;
  spec.version = 3;
  Bytes quote = world().quote(spec);
  Writer header;
  header.u32le(1);
  header.u32le(2);
  header.u64le(quote.size());
  header.put(quote);
  Bytes wrapped = *std::move(header).finish("report");
  EXPECT_EQ(unwrap_quote(wrapped)->quote, quote);
  EXPECT_EQ(unwrap_quote(wrapped)->wrapping, "open-enclave");
  EXPECT_EQ(unwrap_quote(as_view(to_hex(quote) + "\n"))->quote, quote);
  EXPECT_EQ(unwrap_quote(quote)->wrapping, "");
  EXPECT_FALSE(unwrap_quote(world().root_der())) << "a certificate without a quote";
  wrapped.push_back(0);
  EXPECT_EQ(unwrap_quote(wrapped)->wrapping, "") << "bytes behind the report";
}

TEST(Certificate, TheSgxExtensionIsFoundWhereverItStands) {
  PlatformSpec platform;
  for (bool first : {false, true}) {
    platform.extension_first = first;
    auto certificate = parse_dcap_certificate(world().pck_der(platform));
    ASSERT_TRUE(certificate) << certificate.error().what;
    ASSERT_TRUE(certificate->pck);
    EXPECT_EQ(certificate->pck->fmspc, platform.fmspc);
    EXPECT_EQ(certificate->pck->comp, platform.comp);
    EXPECT_EQ(certificate->pck->pce_svn, 11);
    EXPECT_EQ(certificate->subject_cn, "Intel SGX PCK Certificate");
    EXPECT_FALSE(certificate->is_ca);
  }
  platform.short_extension = true;
  EXPECT_FALSE(parse_dcap_certificate(world().pck_der(platform)));
}

TEST(Certificate, TruncatedTamperedAndLongerOnesAreRefused) {
  Bytes der = world().ca_der();
  ASSERT_TRUE(parse_dcap_certificate(der));
  for (std::size_t size = 0; size < der.size(); size++)
    ASSERT_FALSE(parse_dcap_certificate(View(der).first(size)));
  der.push_back(0);
  EXPECT_FALSE(parse_dcap_certificate(der));
}

TEST(Certificate, ChainsComeAsPemOrDerInAnyOrder) {
  Bytes both = world().root_der(), pck = world().pck_der();
  both.insert(both.end(), pck.begin(), pck.end());
  auto chain = parse_dcap_chain(both);
  ASSERT_TRUE(chain);
  EXPECT_EQ(chain->size(), 2U);
  EXPECT_TRUE((*chain)[1].pck);
  EXPECT_FALSE(parse_dcap_chain(as_view("-----BEGIN CERTIFICATE-----\nAAAA\n")));
  EXPECT_FALSE(parse_dcap_chain({}));
}

TEST(P256, OnlyPointsOfTheCurveAreKeys) {
  DcapKey key;
  Bytes point = key.point(), message = {1, 2, 3};
  auto made = P256PublicKey::make(point);
  ASSERT_TRUE(made);
  EXPECT_TRUE(made->verify_raw(message, key.sign(message), "test"));
  EXPECT_TRUE(made->verify_der(message, key.sign_der(message), "test"));
  EXPECT_FALSE(made->verify_raw(point, key.sign(message), "test"));
  EXPECT_FALSE(made->verify_raw(message, Bytes(64), "test"));
  EXPECT_FALSE(made->verify_raw(message, Bytes(64, 0xff), "test"));
  EXPECT_FALSE(made->verify_raw(message, View(key.sign(message)).first(63), "test"));
  point[10] ^= 1;
  EXPECT_FALSE(P256PublicKey::make(point));
  EXPECT_FALSE(P256PublicKey::make(Bytes(64)));
  EXPECT_FALSE(P256PublicKey::make(Bytes(63)));
}

TEST(Ccel, EventsGoToTheRegistersTheLogSays) {
  auto log = read_file(std::string(ATTEST_SOURCE_DIR) + "/test/fuzz/corpus/rtmr_log/ccel");
  ASSERT_TRUE(log);
  auto events = parse_ccel(*log);
  ASSERT_TRUE(events) << events.error().what;
  ASSERT_EQ(events->size(), 2U);
  EXPECT_EQ(events->at(0).rtmr, 0);
  EXPECT_EQ(events->at(1).rtmr, 3);
  auto rtmrs = replay_ccel(*events);
  ASSERT_TRUE(rtmrs);
  EXPECT_EQ((*rtmrs)[1], Digest::filled(HashAlg::sha384, 0));
  EXPECT_NE(to_hex((*rtmrs)[3].view()), to_hex((*rtmrs)[1].view()));
  Bytes other = *log;
  ASSERT_EQ(other[0x41], 1);  // the register of the first event
  for (std::uint8_t reg : std::to_array<std::uint8_t>({0, 5, 255})) {
    other[0x41] = reg;
    EXPECT_FALSE(parse_ccel(other)) << int{reg};
  }
  EXPECT_FALSE(parse_ccel(View(*log).first(0x80))) << "cut inside an event";
}

TEST(Crl, EntriesAreFoundBySerial) {
  auto crl = parse_dcap_crl(world().crl("Intel SGX Root CA", world().root, {9, 5, 200}));
  ASSERT_TRUE(crl) << crl.error().what;
  EXPECT_EQ(crl->revoked.size(), 3U);
  const std::uint8_t five[] = {5}, six[] = {6};
  EXPECT_TRUE(crl->lists(five));
  EXPECT_FALSE(crl->lists(six));
}

TEST(TcbInfo, TheSignedBytesAreTheValueAsItStood) {
  std::string json = world().tcb_info();
  auto info = parse_tcb_info(json);
  ASSERT_TRUE(info) << info.error().what;
  EXPECT_NE(json.find(as_text(info->signed_bytes)), json.npos);
  EXPECT_EQ(info->value.levels.size(), 3U);
  EXPECT_EQ(info->value.module_identities.size(), 1U);
  EXPECT_EQ(info->value.levels[1].advisories.front(), "INTEL-SA-00615");
}

TEST(TcbInfo, WhatIsMissingOrOutOfRangeIsRefused) {
  for (const char* key : {"id", "version", "issueDate", "nextUpdate", "fmspc", "pceId", "tcbType",
                          "tcbEvaluationDataNumber", "tcbLevels", "tdxModule"})
    EXPECT_FALSE(parse_tcb_info(world().tcb_info("TDX", {{key, ""}}))) << key;
  EXPECT_FALSE(parse_tcb_info(world().tcb_info("TDX", {{"version", "4"}})));
  EXPECT_FALSE(parse_tcb_info(world().tcb_info("TDX", {{"version", "3.0"}})));
  EXPECT_FALSE(parse_tcb_info(world().tcb_info("XYZ")));
  EXPECT_FALSE(parse_tcb_info(world().tcb_info("TDX", {{"fmspc", "\"5080\""}})));
  EXPECT_FALSE(parse_tcb_info(world().tcb_info("TDX", {{"tcbLevels", "[]"}})));
  EXPECT_FALSE(parse_tcb_info(world().tcb_info("TDX", {{"issueDate", "\"2025-13-01T00:00:00Z\""}})));
  std::string json = world().tcb_info();
  EXPECT_FALSE(parse_tcb_info(json.substr(0, json.size() - 1)));
  EXPECT_FALSE(parse_tcb_info(json + "x"));
}

TEST(EnclaveIdentity, OldAndNewForm) {
  auto identity = parse_enclave_identity(world().identity());
  ASSERT_TRUE(identity) << identity.error().what;
  EXPECT_EQ(identity->value.id, "TD_QE");
  EXPECT_EQ(identity->value.levels.size(), 2U);
  for (const char* key :
       {"id", "version", "issueDate", "nextUpdate", "miscselect", "miscselectMask", "attributes",
        "attributesMask", "mrsigner", "isvprodid", "tcbLevels", "tcbEvaluationDataNumber"})
    EXPECT_FALSE(parse_enclave_identity(world().identity("QE", {{key, ""}}))) << key;
}

TEST(Collateral, FilesAreToldApartByContent) {
  DcapCollateral all = world().collateral(world().tcb_info(), world().identity());
  EXPECT_EQ(all.tcb_infos.size(), 1U);
  EXPECT_EQ(all.identities.size(), 1U);
  EXPECT_EQ(all.crls.size(), 2U);
  EXPECT_EQ(all.certificates.size(), 3U);
  ASSERT_TRUE(add_collateral(as_view(to_hex(world().crl("other", world().root))), all));
  EXPECT_EQ(all.crls.size(), 3U);
  Status nothing = add_collateral(as_view("hello"), all);
  EXPECT_EQ(nothing.error().code, Errc::unsupported);
}

TEST(Dstack, RuntimeEventsCountByNameAndPayload) {
  RtmrEvent event{3, kDstackRuntimeEvent, {}, "app-id", {1, 2}, 1};
  auto first = replay_rtmrs({event});
  ASSERT_TRUE(first);
  event.digest = to_bytes(runtime_digest(event).view());
  EXPECT_EQ((*replay_rtmrs({event}))[3], (*first)[3]);
  event.payload = {1, 3};  // the digest of another payload
  EXPECT_EQ(replay_rtmrs({event}).error().code, Errc::mismatch);
  EXPECT_EQ(replay_rtmrs({{0, 1, {}, "", {}, 1}}).error().code, Errc::malformed);
}

TEST(Dstack, ReportsAreRead) {
  auto report = parse_dstack_report(
      R"({"quote":"00ff","event_log":"[{\"imr\":1,\"event_type\":4,\"digest\":\"\",\"event\":\"\",\"event_payload\":\"00\"}]"})");
  ASSERT_TRUE(report) << report.error().what;
  EXPECT_EQ(report->events.size(), 1U);
  EXPECT_FALSE(parse_dstack_report(R"({"quote":"00"})"));
  EXPECT_FALSE(parse_dstack_log(R"([{"imr":4,"event_type":1}])"));
  EXPECT_FALSE(parse_dstack_log(R"([{"imr":1}])"));
}

TEST(JsonReader, RawLendsTheTextOfAValue) {
  JsonReader json(R"({ "a" :  {"b": [1, 2]} , "c":3})");
  std::string raw;
  json.object([&](std::string_view key) {
    if (key == "a")
      raw = json.raw();
    else
      json.skip();
  });
  EXPECT_TRUE(json.done("test"));
  EXPECT_EQ(raw, R"({"b": [1, 2]})");
}

}  // namespace
}  // namespace attest
