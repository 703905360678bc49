// quote.h: Intel DCAP quotes, versions 3, 4 and 5, of SGX enclaves and TDX guests (Intel SGX and TDX DCAP
// quote libraries, "Quote format").
#pragma once
#include <array>
#include <optional>
#include <variant>

#include "evidence/core/bytes.h"

namespace attest {

inline constexpr std::size_t kMaxQuoteBytes = 1 << 17;

template <std::size_t N>
using Block = std::array<std::uint8_t, N>;

enum class TeeType : std::uint32_t { sgx = 0x00, tdx = 0x81 };

// EnclaveReport is an SGX REPORT body: of the enclave in an SGX quote, of the quoting enclave in every quote.
struct EnclaveReport {
  static constexpr std::size_t kBytes = 384;
  Block<16> cpu_svn{};
  std::uint32_t misc_select = 0;
  Block<16> isv_ext_prod_id{};
  Block<16> attributes{};
  Block<32> mr_enclave{}, mr_signer{};
  Block<64> config_id{};
  std::uint16_t isv_prod_id = 0, isv_svn = 0, config_svn = 0;
  Block<16> isv_family_id{};
  Block<64> report_data{};
};
// parse_enclave_report takes exactly 384 bytes; reserved fields are not judged here.
Result<EnclaveReport> parse_enclave_report(View bytes);

// TdReport is a TDX report body: version 1.0 has no second SVN and no service TD.
struct TdReport {
  static constexpr std::size_t kBytes10 = 584, kBytes15 = 648;
  Block<16> tee_tcb_svn{};
  Block<48> mr_seam{}, mr_signer_seam{};
  Block<8> seam_attributes{}, td_attributes{}, xfam{};
  Block<48> mr_td{}, mr_config_id{}, mr_owner{}, mr_owner_config{};
  std::array<Block<48>, 4> rtmr{};
  Block<64> report_data{};
  std::optional<Block<16>> tee_tcb_svn2;
  std::optional<Block<48>> mr_service_td;
};

// CertificationData says which PCK certificate signed the QE report.
//   1 to 3  PPID (plain, RSA-2048, RSA-3072 encrypted), CPU SVN, PCE SVN and PCE id   4 the PCK certificate
//   5       the PCK certificate chain                                                 7 a platform manifest
struct CertificationData {
  std::uint16_t type = 0;
  View data;
};

// PlatformIdentity is what types 1 to 3 carry in place of a certificate.
struct PlatformIdentity {
  View ppid;  // encrypted for types 2 and 3
  Block<16> cpu_svn{};
  std::uint16_t pce_svn = 0;
  std::optional<std::uint16_t> pce_id;
};
Result<PlatformIdentity> parse_platform_identity(const CertificationData& data);

// Quote is one parsed quote. All views lead into the bytes it was parsed from, which must live as long.
struct Quote {
  std::uint16_t version = 0;
  std::uint16_t attestation_key_type = 0;  // 2: ECDSA P-256
  TeeType tee = TeeType::sgx;
  std::uint16_t qe_svn = 0, pce_svn = 0;  // version 3 alone
  Block<16> qe_vendor_id{};
  Block<20> user_data{};
  std::uint16_t body_type = 0;  // version 5: 1 SGX, 2 TD report 1.0, 3 TD report 1.5; else 0
  std::variant<EnclaveReport, TdReport> body;

  View signed_part;      // header and body, what the attestation key signed
  View signature;        // r || s over it
  View attestation_key;  // x || y
  View qe_report_bytes;
  EnclaveReport qe_report;
  View qe_report_signature;  // r || s of the PCK key
  View qe_authentication_data;
  bool nested = false;              // certification data of type 6 around the QE report (versions 4 and 5)
  CertificationData certification;  // the innermost one
  View trailing;                    // bytes behind the signature data; nothing vouches for them

  const TdReport* td() const { return std::get_if<TdReport>(&body); }
  const EnclaveReport* enclave() const { return std::get_if<EnclaveReport>(&body); }
  View report_data() const {
    return td() != nullptr ? View(td()->report_data) : View(enclave()->report_data);
  }
};

// parse_quote reads one quote. unsupported for other versions, TEEs, body and attestation key types;
// malformed for anything else. Every length is checked against what is there; whatever follows the signature
// data is `trailing`.
Result<Quote> parse_quote(View bytes);

// looks_like_quote: version, key type and TEE of the header fit.
bool looks_like_quote(View bytes);

// unwrap_quote finds the quote inside what frameworks put around it: the 16-byte header of Open Enclave, an
// X.509 certificate with the quote as an extension (Open Enclave, Gramine's and Intel's RA-TLS), hex digits.
// Bytes of any other form are returned as they are.
struct UnwrappedQuote {
  Bytes quote;
  std::string_view wrapping;  // "", "open-enclave", "certificate", "hex"
  Bytes certificate;          // DER; only for "certificate"
};
Result<UnwrappedQuote> unwrap_quote(View bytes);

}  // namespace attest
