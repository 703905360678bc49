#include "drivers/azure/azure_driver.h"

#include "drivers/tpm/nv.h"
#include "evidence/azure/anchor.h"
#include "evidence/core/file.h"
#include "evidence/dcap/anchor.h"
#include "evidence/snp/certificate.h"

namespace attest {
namespace {

constexpr std::size_t kMaxTdQuote = 16384;

// AzureDriver hands out what was read when it was opened: the claims change with the machine's next start alone.
class AzureDriver : public Driver {
 public:
  AzureDriver(AzureAnchor anchor, Bytes identity) : anchor_(std::move(anchor)), identity_(std::move(identity)) {}
  AnchorKind kind() const override { return AnchorKind::azure; }
  AnchorIdentity identity() const override { return {AnchorKind::azure, identity_}; }
  std::optional<PcrSelection> pcrs() const override { return std::nullopt; }
  std::string algorithm() const override { return "rsa-2048"; }
  Result<Anchor> quote(const Digest&) override { return Anchor(anchor_); }
  Result<const MeasuredLog*> log(const Anchor&) override { return static_cast<const MeasuredLog*>(nullptr); }
  Result<Bytes> raw_log(LogKind) override { return Error{Errc::unsupported, "azure: the logs are the vTPM's"}; }

 private:
  AzureAnchor anchor_;
  Bytes identity_;
};

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

Status read_tdx(const AzureDriverConfig& config, const HclReport& report, AzureAnchor& out) {
  if (config.td_quote.empty())
    return Error{Errc::denied, "azure: no TD quote; have http://169.254.169.254/acc/tdquote make one of the TDREPORT in the vTPM and "
                               "name the file under azure.td_quote"};
  TRY(Bytes padded, read_file(config.td_quote.string(), kMaxTdQuote));
  TRY(out.td_quote, bare_quote(padded));
  TRY(Quote quote, parse_quote(out.td_quote));
  if (quote.td() != nullptr && equal(quote.report_data(), claims_digest(report))) return ok();
  return Error{Errc::denied, config.td_quote.string() + ": not a TD quote over the claims in the vTPM; make it anew after every start"};
}

Result<Bytes> read_index(const AzureDriverConfig& config) {
  TRY(std::unique_ptr<TpmContext> context, TpmContext::open(config.tcti));
  auto contents = read_nv(*context, config.index);
  if (!contents && contents.error().code == Errc::mismatch)
    return Error{Errc::denied, "azure: the TPM has no report of a paravisor; is this a confidential VM? (" + contents.error().what + ")"};
  return contents;
}

}  // namespace

Result<OpenedDriver> open_azure(const AzureDriverConfig& config) {
  TRY(Bytes index, read_index(config));
  AzureAnchor anchor;
  TRY(anchor.hcl, bare_hcl(index));
  TRY(HclReport report, parse_hcl_report(anchor.hcl));
  CHECK_OK(check_binding(report));
  CHECK_OK(report.type == HclReportType::snp ? read_snp(config, anchor) : read_tdx(config, report, anchor));
  TRY(Bytes identity, azure_identity(anchor.hcl));
  OpenedDriver opened;
  opened.driver = std::make_unique<AzureDriver>(std::move(anchor), std::move(identity));
  return opened;
}

}  // namespace attest
