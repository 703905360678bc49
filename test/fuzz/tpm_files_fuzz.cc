#include "evidence/platform/inventory.h"
#include "evidence/tpm/creation.h"
#include "evidence/tpm/pcr_file.h"
#include "evidence/tpm/signing_key.h"

// Files that lie around a quote: each reader takes any bytes, and what it takes is of one length.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  attest::View bytes(data, size);
  if (auto made = attest::parse_creation_data(bytes);
      made && attest::parse_creation_data(bytes.first(size - 1)))
    __builtin_trap();
  if (auto values = attest::parse_pcr_file(bytes); values && attest::parse_pcr_file(bytes.first(size - 1)))
    __builtin_trap();
  if (auto inventory = attest::parse_smbios(bytes); inventory && inventory->components.size() > size)
    __builtin_trap();
  auto key = attest::read_signing_key(bytes);
  if (!key) return 0;
  if (!key->area.key || key->has_area == key->area.encoded.empty()) __builtin_trap();
  (void)attest::read_any_signature(bytes, key->area, attest::HashAlg::sha256);
  (void)attest::qualified_name(bytes, key->area.name());
  return 0;
}
