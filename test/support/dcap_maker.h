// dcap_maker.h: a make-believe Intel: a hierarchy, collateral and quotes signed with keys of the test.
#pragma once
#include <map>

#include "evidence/core/owned.h"
#include "evidence/dcap/collateral.h"
#include "evidence/dcap/quote.h"

namespace attest::test {

// DcapKey is a P-256 key. point is x || y; sign gives r || s, sign_der an ECDSA-Sig-Value.
class DcapKey {
 public:
  DcapKey();
  Bytes point() const;
  Bytes sign(View message) const;
  Bytes sign_der(View message) const;

 private:
  OwnedPkey key_;
};

// PlatformSpec is what a PCK certificate says of its platform.
struct PlatformSpec {
  Block<16> comp{3, 3, 2, 2, 3, 1, 0, 3};
  std::uint16_t pce_svn = 11;
  Block<6> fmspc{0x50, 0x80, 0x6f, 0, 0, 0};
  Block<2> pce_id{};
  bool extension_first = false;  // the SGX extension before all others
  bool short_extension = false;  // without FMSPC
};

// DcapCertificateSpec is one certificate to be made.
struct DcapCertificateSpec {
  std::string subject, issuer;
  std::uint8_t serial = 1;
  bool ca = false;
  std::optional<PlatformSpec> pck;
  std::string not_before = "200101000000Z", not_after = "491231235959Z";
  bool unknown_critical = false;
};

// DcapQuoteSpec is one quote to be made; the QE report is Intel's as DcapWorld's identities know it.
struct DcapQuoteSpec {
  std::uint16_t version = 4;
  bool td15 = false;  // version 5 alone
  TdReport td;
  EnclaveReport enclave;
  EnclaveReport qe;
  TeeType tee = TeeType::tdx;
  Bytes qe_authentication = Bytes(32, 0x5a);
  bool bind_key = true;  // the QE report vouches for the attestation key
  std::uint16_t certification = 5;
  Bytes trailing;
  DcapQuoteSpec();
};

// DcapWorld holds the keys of one hierarchy and makes everything from them. Times: certificates 2020 to 2049,
// collateral June 2025 (kNow lies inside).
class DcapWorld {
 public:
  static constexpr UnixTime kNow = 1749945600;  // 2025-06-15T00:00:00Z
  DcapKey root, ca, tcb, pck, attestation;
  bool steady = false;        // all quotes carry the chain of the first one, as those of a machine do
  mutable std::string chain;  // that chain, PEM
  UnixTime from = kNow - 14 * 86400, until = kNow + 16 * 86400;  // of collateral and CRLs

  Bytes certificate(const DcapCertificateSpec& spec, const DcapKey& key, const DcapKey& by) const;
  Bytes root_der() const;
  Bytes ca_der() const;
  Bytes tcb_der() const;
  Bytes pck_der(const PlatformSpec& platform = {}) const;
  // crl is one of the issuer with these serials.
  Bytes crl(const std::string& issuer, const DcapKey& by,
            const std::vector<std::uint8_t>& revoked = {}) const;
  // signed_json is {name: value, "signature": ...}.
  std::string signed_json(const std::string& name, const std::string& value) const;
  std::string tcb_info(const std::string& id = "TDX",
                       const std::map<std::string, std::string>& changed = {}) const;
  std::string identity(const std::string& id = "TD_QE",
                       const std::map<std::string, std::string>& changed = {}) const;
  // collateral is everything a TDX (or SGX) quote of this world needs, parsed.
  DcapCollateral collateral(const std::string& tcb_info_json, const std::string& identity_json,
                            const std::vector<std::uint8_t>& root_revoked = {},
                            const std::vector<std::uint8_t>& pck_revoked = {}) const;
  Bytes quote(const DcapQuoteSpec& spec = {}, const PlatformSpec& platform = {}) const;
};

// Serial numbers that DcapWorld gives.
inline constexpr std::uint8_t kRootSerial = 1, kCaSerial = 2, kTcbSerial = 3, kPckSerial = 4;

}  // namespace attest::test
