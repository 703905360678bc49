// pcr_file.h: PCR values as files that tpm2_quote and tpm2_pcrread write with -o.
#pragma once
#include <map>

#include "evidence/core/hash.h"

namespace attest {

// PcrValues holds values by bank and number.
using PcrValues = std::map<HashAlg, std::map<std::uint8_t, Digest>>;

// parse_pcr_file reads the structure dump of tpm2-tools (little-endian TPML_PCR_SELECTION of 132 bytes, a
// count, and that many TPML_DIGEST of 532 bytes). malformed if sizes, counts or numbers do not fit;
// unsupported for a bank whose hash we do not compute.
Result<PcrValues> parse_pcr_file(View bytes);

}  // namespace attest
