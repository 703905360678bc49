#include "drivers/tdx/tdx_driver.h"

#include "evidence/core/file.h"
#include "evidence/dcap/anchor.h"
#include "evidence/dcap/ccel.h"

namespace attest {
namespace {

constexpr std::string_view kProvider = "tdx_guest";

class TdxDriver : public Driver {
 public:
  TdxDriver(TdxDriverConfig config, TsmReporter reporter)
      : config_(std::move(config)), reporter_(std::move(reporter)) {}
  // begin makes the first quote and learns who we are.
  Status begin() {
    TRY(TdxAnchor first, fetch(Bytes(TsmReporter::kReportData)));
    TRY(identity_, identity_of(first.quote));
    return ok();
  }
  AnchorKind kind() const override { return AnchorKind::tdx; }
  AnchorIdentity identity() const override { return {AnchorKind::tdx, identity_}; }
  std::optional<PcrSelection> pcrs() const override { return std::nullopt; }
  std::string algorithm() const override { return "ec-p256"; }
  Result<Anchor> quote(const Digest& qualifying) override {
    TRY(TdxAnchor anchor, fetch(dcap_report_data(qualifying)));
    TRY(Bytes identity, identity_of(anchor.quote));
    if (identity != identity_)
      return Error{Errc::io,
                   "tdx: another platform answers than at start (was the guest moved? restart cmcd-lite)"};
    return Anchor(std::move(anchor));
  }
  Result<const MeasuredLog*> log(const Anchor&) override { return static_cast<const MeasuredLog*>(nullptr); }
  Result<Bytes> raw_log(LogKind kind) override {
    if (kind != LogKind::tcg || config_.event_log.empty())
      return Error{Errc::unsupported, "tdx: no event log of this kind"};
    return read_log();
  }

 private:
  Result<TdxAnchor> fetch(View report_data);
  Result<Bytes> read_log() const {
    TRY(Bytes area, read_file(config_.event_log.string(), kMaxCcelBytes));
    return ccel_records(area);
  }
  static Result<Bytes> identity_of(View quote) {
    TRY(Quote parsed, parse_quote(quote));
    auto pck = pck_of(parsed);
    if (!pck)
      return Error{Errc::denied,
                   "tdx: " + pck.error().what +
                       "; the host's quoting service must hand out the chain (set up its PCCS)"};
    return dcap_identity(*pck);
  }
  TdxDriverConfig config_;
  TsmReporter reporter_;
  Bytes identity_;
};

Result<TdxAnchor> TdxDriver::fetch(View report_data) {
  TRY(TsmReport answer, reporter_.report(report_data, kProvider));
  TdxAnchor anchor;
  TRY(anchor.quote, bare_quote(answer.outblob));
  TRY(Quote quote, parse_quote(anchor.quote));
  if (quote.td() == nullptr || !equal(quote.report_data(), report_data))
    return Error{Errc::io, "tdx: the quote is over other data than asked for"};
  if (!config_.event_log.empty()) {
    TRY(anchor.event_log, read_log());
  }
  return anchor;
}

}  // namespace

Result<OpenedDriver> open_tdx_with(const TdxDriverConfig& config, TsmReporter::Options options) {
  options.root = config.root;
  auto driver = std::make_unique<TdxDriver>(config, TsmReporter(std::move(options)));
  CHECK_OK(driver->begin());
  OpenedDriver opened;
  opened.driver = std::move(driver);
  return opened;
}

Result<OpenedDriver> open_tdx(const TdxDriverConfig& config) { return open_tdx_with(config, {}); }

}  // namespace attest
