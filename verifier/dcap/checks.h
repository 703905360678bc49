// checks.h: the named checks of DCAP quotes. A name follows the TEE: "tdx.quote-signature", "sgx.quote-signature".
#pragma once
#include "evidence/core/bytes.h"
#include "evidence/core/verdict.h"

namespace attest {

namespace dcap_check {
inline constexpr std::string_view kPckChain = "pck-chain";                // PCK certificate to a trusted root
inline constexpr std::string_view kQeReportSignature = "qe-report-signature";
inline constexpr std::string_view kQeReportData = "qe-report-data";       // QE report binds the attestation key
inline constexpr std::string_view kQuoteSignature = "quote-signature";
inline constexpr std::string_view kTrailing = "trailing-bytes";
inline constexpr std::string_view kCollateral = "collateral";             // what must be there is
inline constexpr std::string_view kTcbInfoSignature = "tcb-info-signature";
inline constexpr std::string_view kQeIdentitySignature = "qe-identity-signature";
inline constexpr std::string_view kCrl = "crl";                           // root CA and PCK CRLs are genuine
inline constexpr std::string_view kTime = "collateral-time";              // nothing is outside its validity
inline constexpr std::string_view kRevoked = "pck-revoked";
inline constexpr std::string_view kTcbInfoMatch = "tcb-info-match";       // TEE, FMSPC, PCE-ID
inline constexpr std::string_view kQeIdentity = "qe-identity";
inline constexpr std::string_view kTdxModule = "tdx-module";
inline constexpr std::string_view kTcbStatus = "tcb-status";
inline constexpr std::string_view kNonce = "nonce";
inline constexpr std::string_view kCertificateKey = "certificate-key";    // RA-TLS: the quote speaks for this key
inline constexpr std::string_view kDebug = "debug";
inline constexpr std::string_view kAttributes = "attributes";
inline constexpr std::string_view kXfam = "xfam";
inline constexpr std::string_view kMeasurements = "measurements";
inline constexpr std::string_view kIdentity = "identity";                 // owner, configuration, product, SVN
inline constexpr std::string_view kRtmrReplay = "rtmr-replay";
}  // namespace dcap_check

// padded_equal: value followed by zeros is the whole of data, as nonces stand in REPORTDATA.
inline bool padded_equal(View value, View data) {
  return value.size() <= data.size() && equal(value, data.first(value.size())) &&
         std::ranges::all_of(data.subspan(value.size()), [](std::uint8_t byte) { return byte == 0; });
}

// NamedCheck is one check with what was expected and what was found; both may be empty.
struct NamedCheck {
  std::string id;
  Outcome outcome = Outcome::fail;
  std::string expected, measured, why;
};

// NamedChecks collects the checks of one TEE.
class NamedChecks {
 public:
  explicit NamedChecks(std::string_view tee) : prefix_(std::string(tee) + ".") {}
  void pass(std::string_view id, std::string measured = {}) { add(id, Outcome::pass, {}, std::move(measured), {}); }
  void warn(std::string_view id, std::string why) { add(id, Outcome::warn, {}, {}, std::move(why)); }
  void fail(std::string_view id, std::string why, std::string expected = {}, std::string measured = {}) {
    add(id, Outcome::fail, std::move(expected), std::move(measured), std::move(why));
  }
  // settle passes or fails by a status; true if it passed.
  bool settle(std::string_view id, const Status& status) {
    status ? pass(id) : fail(id, status.error().what);
    return static_cast<bool>(status);
  }
  // equals passes if both texts are the same.
  void equals(std::string_view id, std::string_view what, std::string expected, std::string measured) {
    if (expected == measured) return pass(id, std::move(measured));
    std::string why = std::string(what) + " is " + measured + ", expected " + expected;
    fail(id, std::move(why), std::move(expected), std::move(measured));
  }
  bool failed() const {
    for (const NamedCheck& check : list_)
      if (check.outcome == Outcome::fail) return true;
    return false;
  }
  const std::vector<NamedCheck>& list() const { return list_; }

 private:
  void add(std::string_view id, Outcome outcome, std::string expected, std::string measured, std::string why) {
    list_.push_back({prefix_ + std::string(id), outcome, std::move(expected), std::move(measured), std::move(why)});
  }
  std::string prefix_;
  std::vector<NamedCheck> list_;
};

}  // namespace attest
