#include "drivers/azure/azure_driver.h"

#include <chrono>
#include <thread>

#include "drivers/tpm/nv.h"
#include "evidence/azure/anchor.h"
#include "evidence/core/file.h"
#include "evidence/dcap/anchor.h"
#include "evidence/snp/certificate.h"

namespace attest {
namespace {

constexpr std::size_t kMaxTdQuote = 16384;
constexpr int kTries = 20;  // the paravisor may take a moment over new claims
constexpr std::chrono::milliseconds kPause{100};

Status check_binding(const HclReport& report) {
  TRY(Bytes bound, hardware_report_data(report));
  if (bound == claims_digest(report)) return ok();
  return Error{Errc::denied, "azure: the hardware report does not bind the claims beside it; restart the VM"};
}

// read_snp: the VCEK first, then what stands above it.
Status read_snp(const AzureDriverConfig& config, AzureAnchor& out) {
  if (config.certificates.empty())
    return Error{Errc::denied, "azure: no certificate of the processor; store vcekCert and certificateChain of "
                               "http://169.254.169.254/metadata/THIM/amd/certification (header Metadata: true) as PEM and name the "
                               "file under azure.certificates"};
  TRY(std::vector<Bytes> all, read_certificates(config.certificates.string()));
  for (Bytes& der : all) {
    bool key = static_cast<bool>(parse_snp_key_certificate(der));
    out.certificates.insert(key ? out.certificates.begin() : out.certificates.end(), std::move(der));
  }
  if (out.certificates.empty() || !parse_snp_key_certificate(out.certificates.front()))
    return Error{Errc::denied, config.certificates.string() + ": holds no VCEK"};
  if (out.certificates.size() > SnpAnchor::kMaxCertificates) out.certificates.resize(SnpAnchor::kMaxCertificates);
  return ok();
}

// bound_td_quote is a TD quote over the claims of a report, without its padding.
Result<Bytes> bound_td_quote(View padded, const HclReport& report, const std::string& from) {
  TRY(Bytes bare, bare_quote(padded));
  TRY(Quote quote, parse_quote(bare));
  if (quote.td() != nullptr && equal(quote.report_data(), claims_digest(report))) return bare;
  return Error{Errc::denied, from + ": not a TD quote over the claims in the vTPM; make it anew after every start"};
}

// ask_td_quote has a quote made of the report's TDREPORT.
Result<Bytes> ask_td_quote(const AzureDriverConfig& config, const HclReport& report) {
  TRY(Bytes padded, config.quote_td(View(report.hardware).first(kTdReportBytes)));
  return bound_td_quote(padded, report, config.quote_service);
}

Result<Bytes> read_tdx(const AzureDriverConfig& config, const HclReport& report) {
  if (config.td_quote.empty() && config.quote_td) return ask_td_quote(config, report);
  if (config.td_quote.empty())
    return Error{Errc::denied, "azure: no TD quote; have http://169.254.169.254/acc/tdquote make one of the TDREPORT in the vTPM and "
                               "name the file under azure.td_quote, or the service under azure.quote_service"};
  TRY(Bytes padded, read_file(config.td_quote.string(), kMaxTdQuote));
  return bound_td_quote(padded, report, config.td_quote.string());
}

constexpr TPM2_HANDLE kUserData = 0x01400002;

// NvSource is the vTPM: user data in one NV index, the report, made at each read, in another. It keeps no connection, since not every
// TPM takes two at a time.
class NvSource : public HclSource {
 public:
  explicit NvSource(const AzureDriverConfig& config) : config_(config) {}
  Result<Bytes> read() override {
    TRY(std::unique_ptr<TpmContext> context, TpmContext::open(config_.tcti));
    return read_with(*context);
  }
  Result<Bytes> renew(View user_data) override {
    TRY(std::unique_ptr<TpmContext> context, TpmContext::open(config_.tcti));
    CHECK_OK(write_nv(*context, kUserData, user_data));
    return read_with(*context);
  }

 private:
  Result<Bytes> read_with(TpmContext& context) {
    auto contents = read_nv(context, config_.index);
    if (!contents && contents.error().code == Errc::mismatch)
      return Error{Errc::denied, "azure: the TPM has no report of a paravisor; is this a confidential VM? (" + contents.error().what + ")"};
    return contents;
  }
  AzureDriverConfig config_;
};

// bound_report is a report that the hardware in it binds.
Result<Bytes> bound_report(const Result<Bytes>& index) {
  if (!index) return index.error();
  TRY(Bytes hcl, bare_hcl(*index));
  TRY(HclReport report, parse_hcl_report(hcl));
  CHECK_OK(check_binding(report));
  return hcl;
}

// AzureDriver hands out what was read when it was opened: the claims change with the machine's next start alone, unless others are asked
// for.
class AzureDriver : public Driver {
 public:
  AzureDriver(AzureDriverConfig config, AzureAnchor anchor, Bytes identity, std::unique_ptr<HclSource> source)
      : config_(std::move(config)), anchor_(std::move(anchor)), identity_(std::move(identity)), source_(std::move(source)) {}
  AnchorKind kind() const override { return AnchorKind::azure; }
  AnchorIdentity identity() const override { return {AnchorKind::azure, identity_}; }
  std::optional<PcrSelection> pcrs() const override { return std::nullopt; }
  std::string algorithm() const override { return "rsa-2048"; }
  Result<Anchor> quote(const Digest&) override { return Anchor(anchor_); }
  Result<Anchor> fresh_quote(const Digest& qualifying) override;
  Finisher finisher() const override;
  Result<const MeasuredLog*> log(const Anchor&) override { return static_cast<const MeasuredLog*>(nullptr); }
  Result<Bytes> raw_log(LogKind) override { return Error{Errc::unsupported, "azure: the logs are the vTPM's"}; }

 private:
  AzureDriverConfig config_;
  AzureAnchor anchor_;
  Bytes identity_;
  std::unique_ptr<HclSource> source_;
};

Result<Anchor> AzureDriver::fresh_quote(const Digest& qualifying) {
  bool tdx = !anchor_.td_quote.empty();
  if (tdx && !config_.quote_td)
    return Error{Errc::unsupported, "azure: a TD quote over new claims is the metadata service's to make; name it under azure.quote_service"};
  Bytes user_data = to_bytes(qualifying.view());
  user_data.resize(64);
  AzureAnchor fresh = anchor_;
  HclReport report;
  for (int i = 0;; i++) {
    TRY(fresh.hcl, bound_report(source_->renew(user_data)));
    TRY(report, parse_hcl_report(fresh.hcl));
    TRY(HclClaims claims, parse_hcl_claims(report.claims));
    if (claims.user_data == user_data) break;
    if (i == kTries) return Error{Errc::io, "azure: the paravisor's claims are over other data than asked for"};
    std::this_thread::sleep_for(kPause);
  }
  TRY(Bytes identity, azure_identity(fresh.hcl));
  if (identity != identity_) return Error{Errc::io, "azure: another key is claimed than at start; restart cmcd-lite"};
  if ((report.type == HclReportType::tdx) != tdx) return Error{Errc::io, "azure: other hardware than at start"};
  fresh.td_quote.clear();  // its finisher's to fetch
  return Anchor(std::move(fresh));
}

Finisher AzureDriver::finisher() const {
  if (anchor_.td_quote.empty()) return {};
  return [config = config_](Anchor anchor) -> Result<Anchor> {
    auto* azure = std::get_if<AzureAnchor>(&anchor);
    if (azure == nullptr) return Error{Errc::mismatch, "azure: claims of another device"};
    TRY(HclReport report, parse_hcl_report(azure->hcl));
    TRY(azure->td_quote, ask_td_quote(config, report));
    return anchor;
  };
}

}  // namespace

Result<OpenedDriver> open_azure_with(const AzureDriverConfig& config, std::unique_ptr<HclSource> source) {
  AzureAnchor anchor;
  TRY(anchor.hcl, bound_report(source->read()));
  TRY(HclReport report, parse_hcl_report(anchor.hcl));
  if (report.type == HclReportType::snp) {
    CHECK_OK(read_snp(config, anchor));
  } else {
    TRY(anchor.td_quote, read_tdx(config, report));
  }
  TRY(Bytes identity, azure_identity(anchor.hcl));
  OpenedDriver opened;
  opened.driver = std::make_unique<AzureDriver>(config, std::move(anchor), std::move(identity), std::move(source));
  return opened;
}

Result<OpenedDriver> open_azure(const AzureDriverConfig& config) {
  return open_azure_with(config, std::make_unique<NvSource>(config));
}

}  // namespace attest
