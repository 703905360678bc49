#include "evidence/metadata/payload.h"

// What parses can be written, and reads the same again.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto metadata = attest::parse_payload({data, size});
  if (!metadata || metadata->type == attest::MetadataType::company_description) return 0;
  auto text = attest::write_payload(*metadata);
  if (!text) return 0;  // a time before year 0 or after 9999 cannot be written
  auto again = attest::parse_payload(attest::as_view(*text));
  if (!again || again->name != metadata->name || again->not_after != metadata->not_after ||
      again->manifest.tpm != metadata->manifest.tpm ||
      again->manifest.base_layers != metadata->manifest.base_layers ||
      again->image.manifests != metadata->image.manifests)
    __builtin_trap();
  auto once_more = attest::write_payload(*again);
  if (!once_more || *once_more != *text) __builtin_trap();
  return 0;
}
