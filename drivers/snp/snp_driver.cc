#include "drivers/snp/snp_driver.h"

#include "evidence/core/file.h"
#include "evidence/core/hex.h"
#include "evidence/snp/anchor.h"
#include "evidence/snp/certificate_table.h"

namespace attest {
namespace {

constexpr std::string_view kProvider = "sev_guest";

// Certificates are the signing key's and what the host or the administrator gave beside it.
struct Certificates {
  Bytes key;
  std::vector<Bytes> above;
};

bool is_key(View der) { return static_cast<bool>(parse_snp_key_certificate(der)); }

// from_file reads a PEM or DER file: the VCEK or VLEK and, if they are there, ASK or ASVK and ARK.
Result<Certificates> from_file(const std::filesystem::path& path) {
  TRY(std::vector<Bytes> all, read_certificates(path.string()));
  Certificates out;
  for (Bytes& der : all) {
    if (out.key.empty() && is_key(der))
      out.key = std::move(der);
    else
      out.above.push_back(std::move(der));
  }
  if (out.key.empty()) return Error{Errc::denied, path.string() + ": holds no certificate of a VCEK or VLEK"};
  return out;
}

Result<Certificates> certificates_of(const TsmReport& report, const SnpDriverConfig& config) {
  if (!config.certificates.empty()) return from_file(config.certificates);
  TRY(SnpCertificateTable table, parse_certificate_table(report.auxblob));
  return Certificates{table.key(), table.above()};
}

std::string where_to_find(const SnpReport& report, SnpProduct product) {
  std::string url = kds_url(report, product);
  return url.empty() ? std::string("ask the provider for it") : "fetch " + url;
}

// check_certificate: a verifier would refuse evidence with another certificate; here the remedy can be named.
Status check_certificate(const SnpReport& report, const Certificates& certificates) {
  SnpProduct product = report.product();
  if (certificates.key.empty())
    return Error{Errc::denied, "snp: the host gives no certificate of the key that signs reports; " + where_to_find(report, product) +
                                   " and name the file under snp.certificates"};
  TRY(SnpKeyCertificate key, parse_snp_key_certificate(certificates.key));
  SnpTcb reported = decode_tcb(report.reported_tcb, key.product);
  if (reported == key.tcb) return ok();
  return Error{Errc::denied, "snp: the certificate is for firmware " + tcb_text(key.tcb, key.product) + ", the machine reports " +
                                 tcb_text(reported, key.product) + "; " + where_to_find(report, key.product)};
}

class SnpDriver : public Driver {
 public:
  SnpDriver(SnpDriverConfig config, TsmReporter reporter) : config_(std::move(config)), reporter_(std::move(reporter)) {}
  // begin makes the first report and learns who we are.
  Status begin() {
    TRY(SnpAnchor first, fetch(Bytes(TsmReporter::kReportData)));
    TRY(identity_, identity_of(first));
    return ok();
  }
  AnchorKind kind() const override { return AnchorKind::snp; }
  AnchorIdentity identity() const override { return {AnchorKind::snp, identity_}; }
  std::optional<PcrSelection> pcrs() const override { return std::nullopt; }
  std::string algorithm() const override { return "ec-p384"; }
  Result<Anchor> quote(const Digest& qualifying) override;
  Result<const MeasuredLog*> log(const Anchor&) override { return static_cast<const MeasuredLog*>(nullptr); }
  Result<Bytes> raw_log(LogKind) override { return Error{Errc::unsupported, "snp: this hardware keeps no measurement log"}; }

 private:
  Result<SnpAnchor> fetch(View report_data);
  static Result<Bytes> identity_of(const SnpAnchor& anchor) {
    TRY(SnpReport report, parse_snp_report(anchor.report));
    TRY(SnpKeyCertificate key, parse_snp_key_certificate(anchor.certificates.front()));
    return snp_identity(report, key);
  }
  SnpDriverConfig config_;
  TsmReporter reporter_;
  Bytes identity_;
};

Result<SnpAnchor> SnpDriver::fetch(View report_data) {
  TRY(TsmReport answer, reporter_.report(report_data, kProvider));
  TRY(SnpReport report, parse_snp_report(answer.outblob));
  if (!equal(report.report_data, report_data)) return Error{Errc::io, "snp: the report is over other data than asked for"};
  TRY(Certificates certificates, certificates_of(answer, config_));
  CHECK_OK(check_certificate(report, certificates));
  SnpAnchor anchor{std::move(answer.outblob), {std::move(certificates.key)}};
  for (Bytes& der : certificates.above)
    if (anchor.certificates.size() < SnpAnchor::kMaxCertificates) anchor.certificates.push_back(std::move(der));
  return anchor;
}

Result<Anchor> SnpDriver::quote(const Digest& qualifying) {
  TRY(SnpAnchor anchor, fetch(snp_report_data(qualifying)));
  TRY(Bytes identity, identity_of(anchor));
  if (identity != identity_) return Error{Errc::io, "snp: another chip or key answers than at start"};
  return Anchor(std::move(anchor));
}

}  // namespace

std::string kds_url(const SnpReport& report, SnpProduct product) {
  constexpr const char* kNames[] = {"", "Milan", "Genoa", "Turin"};
  bool masked = std::ranges::all_of(report.chip_id, [](std::uint8_t b) { return b == 0; });
  if (product == SnpProduct::unknown || masked || report.signing_key != static_cast<std::uint8_t>(SnpSigningKey::vcek)) return {};
  bool turin = product == SnpProduct::turin;
  SnpTcb tcb = decode_tcb(report.reported_tcb, product);
  std::string url = std::string("https://kdsintf.amd.com/vcek/v1/") + kNames[static_cast<int>(product)] + "/" +
                    to_hex(View(report.chip_id).first(turin ? 8 : 64)) + "?";
  if (turin) url += "fmcSPL=" + std::to_string(tcb.fmc) + "&";
  return url + "blSPL=" + std::to_string(tcb.bl) + "&teeSPL=" + std::to_string(tcb.tee) + "&snpSPL=" + std::to_string(tcb.snp) +
         "&ucodeSPL=" + std::to_string(tcb.ucode);
}

Result<OpenedDriver> open_snp_with(const SnpDriverConfig& config, TsmReporter::Options options) {
  options.root = config.root;
  options.privlevel = config.privlevel;
  auto driver = std::make_unique<SnpDriver>(config, TsmReporter(std::move(options)));
  CHECK_OK(driver->begin());
  OpenedDriver opened;
  opened.driver = std::move(driver);
  return opened;
}

Result<OpenedDriver> open_snp(const SnpDriverConfig& config) { return open_snp_with(config, {}); }

}  // namespace attest
