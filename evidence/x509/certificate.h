// certificate.h: certificates and CRLs as files and DER bytes.
#pragma once
#include "evidence/core/bytes.h"
#include "evidence/core/owned.h"
#include "evidence/core/time.h"

namespace attest {

using OwnedX509Crl = Owned<X509_CRL, X509_CRL_free>;

constexpr std::size_t kMaxCertificateBytes = 64 << 10;
constexpr std::size_t kMaxCrlBytes = 4 << 20;
constexpr std::size_t kMaxCertificatesInFile = 1024;

// parse_certificate reads exactly one DER certificate of at most 64 KiB into the private library context;
// malformed otherwise, also with trailing bytes.
Result<OwnedX509> parse_certificate(View der);
// parse_crl is the same for a CRL of at most 4 MiB.
Result<OwnedX509Crl> parse_crl(View der);

// split_certificates takes the bytes of a file: one DER certificate, or PEM with 1 to 1,024 CERTIFICATE
// blocks in order (text between blocks is allowed, blocks of any other kind are refused). Every certificate
// is parsed once. malformed otherwise; name stands for the file in errors.
Result<std::vector<Bytes>> split_certificates(View file, std::string_view name);
// split_crls is the same for X509 CRL blocks.
Result<std::vector<Bytes>> split_crls(View file, std::string_view name);
// read_certificates and read_crls read a file of at most 16 MiB; io if it cannot be read.
Result<std::vector<Bytes>> read_certificates(const std::string& path);
Result<std::vector<Bytes>> read_crls(const std::string& path);

// to_pem writes certificates as PEM, in order.
std::string certificates_to_pem(const std::vector<Bytes>& ders);

// subject_text is the subject as people read it ("CN=a,O=b"), printable ASCII, at most 200 characters.
std::string subject_text(const X509* certificate);
// common_name is the last CN of the subject as UTF-8; empty if there is none, if it is not valid text or
// longer than 200 bytes.
std::string common_name(const X509* certificate);
// unix_time is a moment of a certificate or CRL; malformed if it cannot be read.
Result<UnixTime> unix_time(const ASN1_TIME* time);
// spki_der is the SubjectPublicKeyInfo of a key; empty if it cannot be encoded.
Bytes spki_der(const EVP_PKEY* key);

}  // namespace attest
