// The driver for SEV-SNP guests over a model of the kernel's interface, serving synthetic reports.
#include <gtest/gtest.h>

#include <cerrno>

#include "drivers/snp/snp_driver.h"
#include "evidence/core/file.h"
#include "evidence/snp/anchor.h"
#include "evidence/snp/certificate_table.h"
#include "test/support/snp_samples.h"
#include "test/support/temp_dir.h"
#include "test/support/tsm_model.h"

namespace attest {
namespace {
using namespace attest::test;
using std::chrono::milliseconds;

Bytes turin_report(View inblob, unsigned privlevel) {
  return snp_resigned("turin-v5-report.bin", [&](Bytes& r) {
    std::copy(inblob.begin(), inblob.end(), r.begin() + 0x50);
    r[0x30] = static_cast<std::uint8_t>(privlevel);
  });
}

Bytes table(const char* key = "vcek-turin.pem") {
  SnpCertificateTable certificates;
  certificates.vcek = snp_certificate(key);
  certificates.ask = snp_certificate("ask-turin.pem");
  certificates.ark = snp_certificate("ark-turin.pem");
  return encode_certificate_table(certificates);
}

std::shared_ptr<TsmModel> machine(Bytes auxblob = table()) {
  return std::make_shared<TsmModel>("sev_guest", turin_report, std::move(auxblob));
}

TsmReporter::Options options(std::shared_ptr<TsmModel> model) {
  TsmReporter::Options out;
  out.files = std::move(model);
  return out;
}

Result<TsmReport> ask(const std::shared_ptr<TsmModel>& model, TsmReporter::Options o) {
  o.files = model;
  return TsmReporter(std::move(o)).report(Bytes(64, 7), "sev_guest");
}

TEST(Tsm, AReportIsOverWhatWasAskedFor) {
  auto model = machine();
  TsmReporter::Options at_level;
  at_level.privlevel = 2;
  auto report = ask(model, at_level);
  ASSERT_TRUE(report) << report.error().what;
  auto parsed = parse_snp_report(report->outblob);
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->report_data[63], 7);
  EXPECT_EQ(parsed->vmpl, 2U);
  EXPECT_EQ(report->auxblob, table());
  EXPECT_EQ(model->folders(), 0U) << "the folder goes with the report";
}

TEST(Tsm, BusyAndInterruptedCallsAreTriedAgain) {
  for (int error : {EBUSY, EINTR, EAGAIN}) {
    auto model = machine();
    model->fail_next(5, error);
    auto report = ask(model, {});
    EXPECT_TRUE(report) << report.error().what;
  }
  auto model = machine();
  model->fail_next(1 << 20, EBUSY);
  TsmReporter::Options hurry;
  hurry.patience = milliseconds(50);
  auto never = ask(model, hurry);
  ASSERT_FALSE(never);
  EXPECT_EQ(never.error().code, Errc::io);
}

TEST(Tsm, AForeignWriteIsNoticedByItsCount) {
  auto model = machine();
  model->intruder(2);
  auto report = ask(model, {});
  ASSERT_TRUE(report) << report.error().what;
  EXPECT_EQ(parse_snp_report(report->outblob)->report_data[0], 7) << "not the intruder's";
  EXPECT_EQ(model->folders_made(), 3U);
  model->intruder(1000);
  auto raced = ask(model, {});
  ASSERT_FALSE(raced);
  EXPECT_EQ(raced.error().code, Errc::mismatch);
  EXPECT_EQ(model->folders(), 0U);
}

TEST(Tsm, WhatTheKernelRefusesHasAReason) {
  auto none = machine();
  none->refuse_folders(ENXIO);
  auto no_hardware = ask(none, {});
  ASSERT_FALSE(no_hardware);
  EXPECT_NE(no_hardware.error().what.find("no hardware"), std::string::npos) << no_hardware.error().what;
  auto intel = std::make_shared<TsmModel>("tdx_guest", turin_report);
  auto other = ask(intel, {});
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code, Errc::unsupported);
  EXPECT_FALSE(TsmReporter(options(machine())).report(Bytes(32, 1), "sev_guest")) << "32 bytes";
  auto old = machine();
  old->without_auxblob();
  auto report = ask(old, {});
  ASSERT_TRUE(report);
  EXPECT_TRUE(report->auxblob.empty());
}

TEST(SnpDriver, QuotesVerifyAndNameTheChip) {
  auto opened = open_snp_with({}, options(machine()));
  ASSERT_TRUE(opened) << opened.error().what;
  Digest qualifying = sha256(as_view("batch"));
  auto anchor = opened->driver->quote(qualifying);
  ASSERT_TRUE(anchor) << anchor.error().what;
  const SnpAnchor& snp = std::get<SnpAnchor>(*anchor);
  auto key = snp_trust("turin").verify(snp.certificates.front(), {}, kSnpNow);
  ASSERT_TRUE(key);
  auto report = verify_snp_report(snp.report, *key);
  ASSERT_TRUE(report);
  EXPECT_TRUE(equal((*report)->report_data, snp_report_data(qualifying)));
  EXPECT_EQ(opened->driver->identity().id, snp_identity(**report, (*key)->certificate));
  EXPECT_EQ(opened->driver->kind(), AnchorKind::snp);
  EXPECT_FALSE(opened->driver->pcrs());
}

TEST(SnpDriver, AMissingOrWrongCertificateIsToldWithItsAddress) {
  auto bare = open_snp_with({}, options(machine({})));
  ASSERT_FALSE(bare);
  EXPECT_EQ(bare.error().code, Errc::denied);
  EXPECT_NE(bare.error().what.find("https://kdsintf.amd.com/vcek/v1/Turin/a0a1a2a3a4a5a6a7?fmcSPL=1&blSPL=3&teeSPL=2&snpSPL=5&ucodeSPL=72"),
            std::string::npos) << bare.error().what;
  auto old = open_snp_with({}, options(machine(table("vcek-genoa.pem"))));
  ASSERT_FALSE(old);
  EXPECT_EQ(old.error().code, Errc::denied);
  EXPECT_FALSE(open_snp_with({}, options(machine({1, 2, 3}))));
  TempDir folder;
  SnpDriverConfig config;
  config.certificates = folder.path() / "vcek.pem";
  ASSERT_TRUE(write_file_atomic(config.certificates.string(), snp_fixture("vcek-turin.pem")));
  auto from_file = open_snp_with(config, options(machine({})));
  EXPECT_TRUE(from_file) << from_file.error().what;
}

TEST(SnpDriver, AnotherChipBehindTheSameInterfaceIsAnError) {
  bool moved = false;
  auto model = std::make_shared<TsmModel>(
      "sev_guest",
      [&](View inblob, unsigned) {
        return snp_resigned("turin-v5-report.bin", [&](Bytes& r) {
          std::copy(inblob.begin(), inblob.end(), r.begin() + 0x50);
          if (moved) r[0x1a0]++;
        });
      },
      table());
  auto opened = open_snp_with({}, options(model));
  ASSERT_TRUE(opened);
  moved = true;
  auto anchor = opened->driver->quote(sha256(as_view("x")));
  ASSERT_FALSE(anchor);
  EXPECT_EQ(anchor.error().code, Errc::io);
}

}  // namespace
}  // namespace attest
