// platform_certificate.h: platform certificates: attribute certificates (RFC 5755), or X.509 certificates
// with the extended key usage 2.23.133.8.2, which OpenSSL 3.0 has no or only half a type for.
#pragma once
#include "evidence/platform/components.h"

namespace attest {

// PlatformHolder names the machine: issuer and serial of its EK certificate, or of the base certificate of a
// delta.
struct PlatformHolder {
  bool has_certificate = false;
  Bytes issuer_name;  // DER Name; empty unless the GeneralNames are exactly one directoryName
  Bytes serial;       // content of the INTEGER
  bool has_entity_name = false;
  bool has_object_digest = false;
};

struct PlatformExtension {
  std::string oid;
  bool critical = false;
  Bytes value;
};

// PlatformCertificate is a parsed certificate. It proves nothing by itself.
struct PlatformCertificate {
  bool attribute_form = true;  // false: an X.509 certificate
  int version = 0;             // 2 for v2
  PlatformHolder holder;
  Bytes issuer_name;          // DER Name; empty unless issuer is v2Form with exactly one directoryName
  bool issuer_extra = false;  // v1Form, baseCertificateID or objectDigestInfo, which the profile forbids
  Bytes serial;
  UnixTime not_before = 0, not_after = 0;
  std::string signature_oid;
  bool algorithms_agree = false;  // inner and outer signature algorithm are the same bytes
  std::vector<std::string> attribute_oids;
  std::vector<PlatformExtension> extensions;
  PlatformClaims claims;
  Bytes signed_part, algorithm, signature;  // DER of TBS and AlgorithmIdentifier, octets of the BIT STRING
  Bytes der;
  std::size_t trailing_bytes = 0;
};

// parse_platform_certificate reads DER or PEM (ATTRIBUTE CERTIFICATE or CERTIFICATE, as either is found in
// the field). malformed otherwise; unsupported for an X.509 certificate that is no platform certificate.
Result<PlatformCertificate> parse_platform_certificate(View bytes);

}  // namespace attest
