#include "evidence/x509/certificate.h"

// What a file holds can be written as PEM and read again.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (attest::split_crls({data, size}, "f")) return 0;
  auto ders = attest::split_certificates({data, size}, "f");
  if (!ders) return 0;
  for (const attest::Bytes& der : *ders) {
    auto certificate = attest::parse_certificate(der);
    if (!certificate) __builtin_trap();
    (void)attest::common_name(certificate->get());
    for (char c : attest::subject_text(certificate->get()))
      if (c < 0x20 || c > 0x7e) __builtin_trap();
  }
  auto again = attest::split_certificates(attest::as_view(attest::certificates_to_pem(*ders)), "f");
  if (!again || *again != *ders) __builtin_trap();
  return 0;
}
