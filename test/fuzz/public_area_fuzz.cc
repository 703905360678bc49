#include "evidence/tpm/public_area.h"

#include "evidence/tpm/credential.h"

// What parses has a name, an SPKI and one length.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  attest::View bytes(data, size);
  auto parsed = attest::parse_public(bytes);
  if (!parsed) return 0;
  if (parsed->name().size() != 2 + attest::digest_size(parsed->name_alg) || !parsed->spki_der())
    __builtin_trap();
  if (!attest::equal(parsed->encoded, bytes) || attest::parse_public(bytes.first(size - 1))) __builtin_trap();
  (void)attest::check_attestation_key(*parsed);
  (void)attest::check_endorsement_key(*parsed);
  return 0;
}
