// certificate.h: the certificates of keys that sign SEV-SNP reports (AMD 57230, "Versioned Chip Endorsement Key (VCEK)
// Certificate and KDS Interface Specification", clause 4) and of the authorities above them.
#pragma once
#include <memory>

#include "evidence/core/time.h"
#include "evidence/snp/report.h"
#include "evidence/x509/certificate.h"

namespace attest {

// SnpCertificateRole: the place of a certificate in AMD's tree. An ASK certifies VCEKs, an ASVK VLEKs, an ARK both of
// these.
enum class SnpCertificateRole : std::uint8_t { vcek, vlek, ask, asvk, ark };
const char* snp_role_name(SnpCertificateRole role);  // "VCEK"

// SnpCertificateName is what a certificate's subject says it is. A claim; the chain proves it.
struct SnpCertificateName {
  SnpCertificateRole role = SnpCertificateRole::vcek;
  SnpProduct product = SnpProduct::unknown;  // of ASK, ASVK, ARK
};
// snp_certificate_name reads the common name: "SEV-VCEK", "SEV-VLEK", "SEV-Milan", "SEV-VLEK-Milan", "ARK-Milan"; nullopt
// for any other.
std::optional<SnpCertificateName> snp_certificate_name(std::string_view common_name);

// SnpKeyCertificate is the certificate of a VCEK or VLEK: which firmware versions and which chip, or which cloud provider,
// its key stands for.
struct SnpKeyCertificate {
  SnpCertificateRole role = SnpCertificateRole::vcek;
  std::uint32_t struct_version = 0;  // 1 since Turin
  std::string product_name;          // "Milan-B0"
  SnpProduct product = SnpProduct::unknown;
  SnpTcb tcb;
  std::array<std::uint8_t, 4> spl4_to_7{};
  Bytes hwid;           // VCEK: 64 bytes, 8 since Turin
  std::string csp_id;   // VLEK
  UnixTime not_before = 0, not_after = 0;
  std::shared_ptr<EVP_PKEY> key;  // P-384; safe to use from several threads for verification
};

// parse_snp_key_certificate reads one DER certificate. untrusted where its subject or extensions are not those of a VCEK or
// VLEK, malformed where an extension has not the form it must have, unsupported for an unknown product or a key that is not
// on P-384. No signature is checked: verify_snp_key in chain.h does.
Result<SnpKeyCertificate> parse_snp_key_certificate(View der);

}  // namespace attest
