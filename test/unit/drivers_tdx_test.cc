// The drivers of TDX guests and SGX enclaves: over a model of the kernel's interface, and over files as
// Gramine has them.
#include <gtest/gtest.h>

#include <cerrno>
#include <filesystem>
#include <fstream>

#include "drivers/sgx/sgx_driver.h"
#include "drivers/tdx/tdx_driver.h"
#include "evidence/core/file.h"
#include "evidence/dcap/anchor.h"
#include "test/support/dcap_maker.h"
#include "test/support/temp_dir.h"
#include "test/support/testdata.h"
#include "test/support/tsm_model.h"

namespace attest {
namespace {
using namespace attest::test;

const DcapWorld& world() {
  static const DcapWorld made;
  return made;
}

Bytes td_quote(View inblob, unsigned) {
  DcapQuoteSpec spec;
  std::ranges::copy(inblob, spec.td.report_data.begin());
  spec.trailing = Bytes(3065);
  return world().quote(spec);
}

TsmReporter::Options options(std::shared_ptr<TsmModel> model) {
  TsmReporter::Options out;
  out.files = std::move(model);
  return out;
}

Digest qualifying() { return sha256(as_view("handshake")); }

TEST(TdxDriver, QuotesAreOverWhatWasAskedForAndBare) {
  auto model = std::make_shared<TsmModel>("tdx_guest", td_quote);
  TempDir dir;
  std::string area = (dir.path() / "CCEL").string();
  auto log = test::read_file(std::string(ATTEST_SOURCE_DIR) + "/test/fuzz/corpus/rtmr_log/ccel");
  ASSERT_TRUE(log);
  Bytes padded = *log;
  padded.resize(65536, 0xff);
  ASSERT_TRUE(write_file_atomic(area, padded));
  auto opened = open_tdx_with({"/tsm", area}, options(model));
  ASSERT_TRUE(opened) << opened.error().what;
  Driver& driver = *opened->driver;
  EXPECT_EQ(driver.kind(), AnchorKind::tdx);
  EXPECT_EQ(driver.identity().id.size(), 32U);
  model->fail_next(3, EBUSY);
  model->intruder(1);
  auto anchor = driver.quote(qualifying());
  ASSERT_TRUE(anchor) << anchor.error().what;
  const TdxAnchor& td = std::get<TdxAnchor>(*anchor);
  auto quote = parse_quote(td.quote);
  ASSERT_TRUE(quote);
  EXPECT_TRUE(quote->trailing.empty());
  EXPECT_EQ(to_bytes(quote->report_data()), dcap_report_data(qualifying()));
  EXPECT_EQ(td.event_log.size(), log->size() - 64) << "without what the area holds behind the records";
  EXPECT_EQ(*driver.raw_log(LogKind::tcg), td.event_log);
  EXPECT_FALSE(driver.raw_log(LogKind::ima));
}

TEST(TdxDriver, WhatAVerifierWouldRefuseIsToldAtStart) {
  auto error = [](TsmModel::Hardware hardware, const char* provider = "tdx_guest", const char* log = "") {
    auto opened =
        open_tdx_with({"/tsm", log}, options(std::make_shared<TsmModel>(provider, std::move(hardware))));
    return opened ? Errc::malformed : opened.error().code;
  };
  EXPECT_EQ(error(td_quote, "sev_guest"), Errc::unsupported);
  EXPECT_EQ(error(td_quote, "tdx_guest", "/nowhere/CCEL"), Errc::io);
  EXPECT_EQ(error([](View inblob, unsigned) {
              DcapQuoteSpec spec;
              std::ranges::copy(inblob, spec.td.report_data.begin());
              spec.certification = 1;
              return world().quote(spec);
            }),
            Errc::denied);
  EXPECT_EQ(error([](View, unsigned) { return world().quote(); }), Errc::io) << "over other data";
}

// A folder with the files of Gramine's /dev/attestation: the quote is over what was written last, as here one
// that was made for it before.
struct Gramine {
  Gramine() {
    write("attestation_type", as_view("dcap"));
    write("user_report_data", {});
  }
  void write(const std::string& name, View bytes) {
    std::ofstream(dir.path() / name, std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  }
  void quote_over(View report_data) {
    DcapQuoteSpec spec;
    spec.tee = TeeType::sgx;
    spec.version = 3;
    std::ranges::copy(report_data, spec.enclave.report_data.begin());
    write("quote", world().quote(spec));
  }
  TempDir dir;
};

TEST(SgxDriver, QuotesComeFromGraminesFiles) {
  Gramine files;
  files.quote_over(Bytes(64));
  auto opened = open_sgx({files.dir.path()});
  ASSERT_TRUE(opened) << opened.error().what;
  Driver& driver = *opened->driver;
  EXPECT_EQ(driver.kind(), AnchorKind::sgx);
  EXPECT_FALSE(driver.quote(qualifying())) << "the quote is still over other data";
  files.quote_over(dcap_report_data(qualifying()));
  auto anchor = driver.quote(qualifying());
  ASSERT_TRUE(anchor) << anchor.error().what;
  EXPECT_EQ(to_bytes(parse_quote(std::get<SgxAnchor>(*anchor).quote)->report_data()),
            dcap_report_data(qualifying()));
  EXPECT_EQ(test::read_file((files.dir.path() / "user_report_data").string()),
            dcap_report_data(qualifying()));
}

TEST(SgxDriver, OtherWaysOfAttestationAreNamed) {
  Gramine files;
  EXPECT_FALSE(open_sgx({files.dir.path()})) << "no quote";
  files.write("attestation_type", as_view("none"));
  EXPECT_EQ(open_sgx({files.dir.path()}).error().code, Errc::denied);
  EXPECT_EQ(open_sgx({files.dir.path() / "absent"}).error().code, Errc::io);
}

}  // namespace
}  // namespace attest
