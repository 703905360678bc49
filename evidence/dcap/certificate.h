// certificate.h: the X.509 that Intel signs quotes' keys with: v3, ECDSA P-256 with SHA-256, four levels of
// names.
#pragma once
#include <optional>

#include "evidence/core/time.h"
#include "evidence/dcap/pck_extension.h"

namespace attest {

inline constexpr std::size_t kMaxDcapCertificates = 16;  // of one chain or bundle
inline constexpr std::size_t kMaxDcapCertBytes = 16384;
inline constexpr std::size_t kMaxDcapCrlBytes = 4 << 20;
inline constexpr std::size_t kMaxRevoked = 65536;

// DcapCertificate is one certificate of Intel's profile (PCK, PCK CA, TCB signing, root). The views lead into
// der. Move only.
struct DcapCertificate {
  DcapCertificate() = default;
  DcapCertificate(DcapCertificate&&) = default;
  DcapCertificate& operator=(DcapCertificate&&) = default;

  Bytes der;
  View tbs, serial, issuer, subject;  // names as DER
  View point;                         // x || y of the public key
  View signature;                     // ECDSA-Sig-Value over tbs
  UnixTime not_before = 0, not_after = 0;
  std::string subject_cn, issuer_cn;
  bool is_ca = false;
  std::optional<std::uint32_t> path_length;
  bool key_cert_sign = false, crl_sign = false, digital_signature = false;
  std::optional<PckExtension> pck;  // 1.2.840.113741.1.13.1, wherever among the extensions it stands
  std::string unknown_critical;     // first critical extension this code does not understand
};

// parse_dcap_certificate reads exactly one DER certificate; malformed or unsupported (another algorithm)
// otherwise.
Result<DcapCertificate> parse_dcap_certificate(View der);

// parse_dcap_chain takes what quotes and PCS responses carry: PEM blocks or concatenated DER, in any order,
// NUL or white space behind. At most 16 certificates; blocks of another kind are refused.
Result<std::vector<DcapCertificate>> parse_dcap_chain(View bytes);

// DcapCrl is one revocation list of Intel's profile. Move only; the views lead into der.
struct DcapCrl {
  DcapCrl() = default;
  DcapCrl(DcapCrl&&) = default;
  DcapCrl& operator=(DcapCrl&&) = default;

  Bytes der;
  View tbs, issuer, signature;
  std::string issuer_cn;
  UnixTime this_update = 0, next_update = 0;
  std::vector<View> revoked;  // serials as they stand in the DER, sorted

  bool lists(View serial) const;
};
Result<DcapCrl> parse_dcap_crl(View der);
// split_pem_crls decodes "X509 CRL" blocks, at most 16, nothing between them but white space.
Result<std::vector<Bytes>> split_pem_crls(std::string_view text);

}  // namespace attest
