// CMC's report: recorded ones decode, their contexts encode back to the same bytes, and hostile ones are refused.
#include <gtest/gtest.h>

#include <filesystem>

#include "evidence/cmc/report.h"
#include "evidence/core/file.h"
#include "evidence/core/hash.h"
#include "evidence/core/hex.h"
#include "test/support/testdata.h"

namespace attest::cmc {
namespace {

std::vector<std::filesystem::path> recorded() {
  std::vector<std::filesystem::path> out;
  for (const auto& entry : std::filesystem::directory_iterator(std::string(ATTEST_TESTDATA) + "/cmc/reports"))
    if (entry.path().extension() == ".report") out.push_back(entry.path());
  return out;
}

TEST(CmcReport, RecordedContextsEncodeBackToTheirBytes) {
  if (!std::filesystem::exists(std::string(ATTEST_TESTDATA) + "/cmc/reports"))
    GTEST_SKIP() << "../shared/testdata/cmc is not there";
  int compared = 0;
  for (const auto& path : recorded()) {
    std::string name = path.filename();
    if (!name.starts_with("meta-") && !name.starts_with("policy-") && !name.starts_with("cached")) continue;
    auto bytes = read_file(path, kMaxReport);
    ASSERT_TRUE(bytes) << name;
    auto report = decode_report(*bytes);
    ASSERT_TRUE(report) << name << ": " << report.error().what;
    Bytes again = encode_context(report->context, report->encoding);
    EXPECT_EQ(hashed_context(again, report->encoding), to_bytes(report->hashed_context)) << name;
    EXPECT_EQ(encode_report(*report, again), *bytes) << name;
    compared++;
  }
  EXPECT_GT(compared, 50);
}

TEST(CmcReport, OwnVectors) {
  ReportContext context;
  context.type = "Context";
  context.alg = "SHA-256";
  context.nonce = {1, 2, 3, 4, 5, 6, 7, 8};
  Bytes json = encode_context(context, Encoding::json);
  EXPECT_EQ(as_text(json),
            R"({"type":"Context","alg":"SHA-256","nonce":"AQIDBAUGBwg=","collateral":null,"digests":null})");
  EXPECT_EQ(to_hex(sha256(hashed_context(json, Encoding::json)).view()),
            "49daa11bfe571c5583a3d072ed122c506d7233c6bbd66137486d878d0627a1b3");
  Bytes cbor = encode_context(context, Encoding::cbor);
  EXPECT_EQ(to_hex(cbor), "a50067436f6e7465787401675348412d3235360248010203040506070803f604f6");
}

// tampered is the CBOR report with the context given.
Bytes around(View context) {
  Report report;
  report.encoding = Encoding::cbor;
  report.version = kReportVersion;
  report.type = kReportType;
  return encode_report(report, context);
}

TEST(CmcReport, ContextsThatAreNotCanonicalAreRefused) {
  auto good = from_hex("a50067436f6e7465787401675348412d3235360248010203040506070803f604f6");
  ASSERT_TRUE(good);
  auto accepted = decode_report(around(*good));
  EXPECT_TRUE(accepted) << accepted.error().what;
  for (const char* hex : {
           "a501675348412d3235360067436f6e746578740248010203040506070803f604f6",          // keys out of order
           "a5001807436f6e7465787401675348412d3235360248010203040506070803f604f6",        // a long head
           "bf0067436f6e7465787401675348412d3235360248010203040506070803f604f6ff",        // indefinite
           "a60067436f6e7465787401675348412d3235360248010203040506070803f604f61863f6",    // an unknown key
           "a60067436f6e7465787401675348412d3235360248010203040506070803f604f604f6",      // a key twice
           "a50067436f6e7465787401675348412d3235360248010203040506070803f604",            // truncated
           "a5c00067436f6e7465787401675348412d3235360248010203040506070803f604f6",        // a tag
           "a50067ff6f6e7465787401675348412d3235360248010203040506070803f604f6",          // a text that is not UTF-8
           "a60067436f6e7465787401675348412d3235360248010203040506070803f604f606a16161a2616201616102",  // order, in what is skipped
           "a60067436f6e7465787401675348412d3235360248010203040506070803f604f606a161616180",            // and UTF-8
       }) {
    auto bytes = from_hex(hex);
    ASSERT_TRUE(bytes) << hex;
    EXPECT_FALSE(decode_report(around(*bytes))) << hex;
  }
}

TEST(CmcReport, WhatIsSkippedInAContextMayBeAnyCanonicalValue) {
  auto good = from_hex("a60067436f6e7465787401675348412d3235360248010203040506070803f604f606a16161a2616101616202");
  ASSERT_TRUE(good);
  EXPECT_TRUE(decode_report(around(*good)));
}

TEST(CmcReport, TheMapAroundTheContextMayBeAnyCbor) {
  // {_ 5: context, 4: null, 3: "cbor", 1: "Attestation Report", 0: "3.3.0", 99: [1, 2]}
  std::string hex =
      "bf05a50067436f6e7465787401675348412d3235360248010203040506070803f604f604f60364" "63626f72"
      "0172" "4174746573746174696f6e205265706f7274" "0065" "332e332e30" "1863820102" "ff";
  auto good = from_hex(hex);
  ASSERT_TRUE(good);
  auto report = decode_report(*good);
  ASSERT_TRUE(report) << report.error().what;
  EXPECT_EQ(report->version, "3.3.0");
  EXPECT_EQ(report->context.nonce.size(), 8U);
  good->push_back(0);
  EXPECT_FALSE(decode_report(*good)) << "trailing";
}

TEST(CmcReport, TheTextOfAJsonContextHasNoEscapes) {
  auto report = [](const std::string& context) {
    return R"({"version":"3.3.0","encoding":"b64","evidences":[],"context":")" + context + "\"}";
  };
  std::string plain = report("e30"), escaped = report("\\u00653" "0");
  auto good = decode_report(as_view(plain));
  ASSERT_TRUE(good) << good.error().what;
  EXPECT_EQ(as_text(good->hashed_context), "e30");
  EXPECT_FALSE(decode_report(as_view(escaped)));
  EXPECT_FALSE(decode_report(as_view(report("e3 0"))));
}

TEST(CmcReport, CopiesOfComponentsShareUntilOneChanges) {
  Component one;
  one.name = "one";
  one.ctr = CtrData{Bytes(32, 1), Bytes(32, 2), std::nullopt};
  Components first({one}), second = first;
  EXPECT_EQ(&first.list(), &second.list());
  second.edit()[0].ctr->config_sha256[0] = 9;
  EXPECT_EQ(first.list()[0], one);
  EXPECT_NE(second.list()[0], one);
  Component copy = one;
  copy.ctr.reset();
  EXPECT_TRUE(one.ctr);
  EXPECT_NE(copy, one);
}

TEST(CmcReport, DepthAndCountsAreBounded) {
  Bytes deep{0xa1, 0x18, 0x63};
  for (int i = 0; i < 100000; i++) deep.push_back(0x81);
  deep.push_back(0);
  EXPECT_FALSE(decode_report(deep));
  auto many = from_hex("a1049b00000001000000" "00");
  ASSERT_TRUE(many);
  EXPECT_FALSE(decode_report(*many));
  EXPECT_FALSE(decode_report(as_view(R"({"version":"3.3.0","encoding":"b64","evidences":{}})")));
}

}  // namespace
}  // namespace attest::cmc
