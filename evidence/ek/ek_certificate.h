// ek_certificate.h: what a certificate of a TPM says about it (TCG EK Credential Profile 2.x).
#pragma once
#include <memory>
#include <optional>

#include "evidence/core/time.h"
#include "evidence/ek/ek_file.h"
#include "evidence/x509/certificate.h"

namespace attest {

// TcgSpecification is the attribute "TPM specification" (2.23.133.2.16).
struct TcgSpecification {
  std::string family;
  std::int64_t level = 0, revision = 0;
};

// GceInstance is the extension 1.3.6.1.4.1.11129.2.1.21 of Google's vTPM certificates.
struct GceInstance {
  std::string zone, project_id, instance_name;
  std::int64_t project_number = 0;
  std::uint64_t instance_id = 0;
};

// EkRole is what a certificate is for, by its own words.
enum class EkRole : std::uint8_t { ek, ak, device, ca, other };
const char* ek_role_name(EkRole role);  // "ek"

// EkCertificate is one parsed certificate. It proves nothing by itself.
struct EkCertificate {
  Bytes der;
  OwnedX509 x509;
  std::shared_ptr<EVP_PKEY> key;  // nullptr if the key is of a kind we cannot use
  std::string subject, issuer;    // "C = CH, O = …", as `openssl x509` prints names
  std::string serial;             // upper-case hex
  UnixTime not_before = 0, not_after = 0;
  bool ca = false;
  std::optional<std::int64_t> path_length;
  std::optional<std::uint32_t> key_usage;                  // KU_ bits, where the extension is present
  std::optional<std::vector<std::string>> extended_usage;  // dotted OIDs
  std::string manufacturer, model, version;  // of the TPM, from the subjectAltName; may be empty
  bool names_hardware = false;               // a hardwareModuleName: IDevID and IAK
  std::optional<TcgSpecification> specification;
  std::optional<GceInstance> gce;
  std::vector<std::string> extension_oids;
  std::string extensions_text;  // constraints, usages and names as OpenSSL prints them, " | " between

  EkRole role() const;
};

// parse_ek_certificate reads one DER certificate. malformed if OpenSSL cannot read it, or an extension that
// is read here has not its form. A key under id-RSAES-OAEP (TPM 1.2 profile) counts as RSA.
Result<EkCertificate> parse_ek_certificate(View der);

}  // namespace attest
