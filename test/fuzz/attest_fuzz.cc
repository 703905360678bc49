#include "evidence/tpm/attest.h"

#include "evidence/tpm/pcr_selection.h"

// What parses fills its bytes exactly: neither one less nor one more may parse.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  attest::View bytes(data, size);
  auto parsed = attest::parse_attest(bytes);
  if (!parsed) return 0;
  attest::Bytes longer = attest::to_bytes(bytes);
  longer.push_back(0);
  if (attest::parse_attest(longer) || attest::parse_attest(bytes.first(size - 1))) __builtin_trap();
  if (const attest::QuoteInfo* quote = parsed->quote())
    for (const attest::PcrSelection& s : quote->selections) (void)attest::selection_text(s);
  return 0;
}
