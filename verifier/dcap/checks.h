// checks.h: the named checks of DCAP quotes. A name follows the TEE: "tdx.quote-signature",
// "sgx.quote-signature".
#pragma once
#include "evidence/core/bytes.h"
#include "verifier/finding.h"

namespace attest {

namespace dcap_check {
inline constexpr std::string_view kForm = "form";           // a quote this version reads
inline constexpr std::string_view kPckChain = "pck-chain";  // PCK certificate to a trusted root
inline constexpr std::string_view kQeReportSignature = "qe-report-signature";
inline constexpr std::string_view kQeReportData = "qe-report-data";  // QE report binds the attestation key
inline constexpr std::string_view kQuoteSignature = "quote-signature";
inline constexpr std::string_view kTrailing = "trailing-bytes";
inline constexpr std::string_view kCollateral = "collateral";  // what must be there is
inline constexpr std::string_view kTcbInfoSignature = "tcb-info-signature";
inline constexpr std::string_view kQeIdentitySignature = "qe-identity-signature";
inline constexpr std::string_view kCrl = "crl";               // root CA and PCK CRLs are genuine
inline constexpr std::string_view kTime = "collateral-time";  // nothing is outside its validity
inline constexpr std::string_view kRevoked = "pck-revoked";
inline constexpr std::string_view kTcbInfoMatch = "tcb-info-match";  // TEE, FMSPC, PCE-ID
inline constexpr std::string_view kQeIdentity = "qe-identity";
inline constexpr std::string_view kTdxModule = "tdx-module";
inline constexpr std::string_view kTcbStatus = "tcb-status";
inline constexpr std::string_view kNonce = "nonce";
inline constexpr std::string_view kCertificateKey =
    "certificate-key";  // RA-TLS: the quote speaks for this key
inline constexpr std::string_view kDebug = "debug";
inline constexpr std::string_view kAttributes = "attributes";
inline constexpr std::string_view kXfam = "xfam";
inline constexpr std::string_view kMeasurements = "measurements";
inline constexpr std::string_view kIdentity = "identity";  // owner, configuration, product, SVN
inline constexpr std::string_view kRtmrReplay = "rtmr-replay";
}  // namespace dcap_check

// padded_equal: value followed by zeros is the whole of data, as nonces stand in REPORTDATA.
inline bool padded_equal(View value, View data) {
  return value.size() <= data.size() && equal(value, data.first(value.size())) &&
         std::ranges::all_of(data.subspan(value.size()), [](std::uint8_t byte) { return byte == 0; });
}

// NamedChecks collects the findings about one TEE's quote under that TEE's names.
class NamedChecks {
 public:
  explicit NamedChecks(std::string_view tee) : prefix_(std::string(tee) + ".") {}
  void pass(std::string_view id, std::string measured = {}) {
    findings_.pass(named(id), std::move(measured));
  }
  void warn(std::string_view id, std::string why) { findings_.warn(named(id), std::move(why)); }
  void fail(std::string_view id, std::string why, std::string expected = {}, std::string measured = {}) {
    findings_.fail(named(id), std::move(why), std::move(expected), std::move(measured));
  }
  // settle passes or fails by a status; true if it passed.
  bool settle(std::string_view id, const Status& status) { return findings_.settle(named(id), status); }
  // equals passes if both texts are the same.
  void equals(std::string_view id, std::string_view what, std::string expected, std::string measured) {
    std::string why = std::string(what) + " is " + measured + ", expected " + expected;
    findings_.compare(named(id), std::move(expected), std::move(measured), std::move(why));
  }
  const std::vector<Finding>& list() const { return findings_.checks; }

 private:
  std::string named(std::string_view id) const { return prefix_ + std::string(id); }
  std::string prefix_;
  Findings findings_;
};

}  // namespace attest
