// pcr_selection.h: which PCRs a quote covers (TPML_PCR_SELECTION) and the digest over their values.
#pragma once
#include "evidence/native/context.h"

namespace attest {

inline constexpr std::size_t kMaxPcrs = 24;

// read_pcr_selections reads a TPML_PCR_SELECTION in its own order. Spoils the reader for more than 16 banks,
// a bitmap of 0 or more than 4 bytes, or a PCR above 23; unsupported for a bank whose hash we do not compute.
Result<std::vector<PcrSelection>> read_pcr_selections(Reader& in);
// parse_pcr_selections is the same for a whole buffer; malformed for trailing bytes.
Result<std::vector<PcrSelection>> parse_pcr_selections(View bytes);
// write_pcr_selections writes one bank as TPML_PCR_SELECTION with 3-byte bitmaps; malformed for a PCR
// above 23.
Status write_pcr_selections(Writer& out, const PcrSelection& selection);

// only_bank returns the one bank of a selection list; mismatch if it selects none or several.
Result<PcrSelection> only_bank(const std::vector<PcrSelection>& selections);

// pcr_digest is what a quote signs: the hash of the signing scheme over the selected values in selection
// order. Empty if OpenSSL fails.
Digest pcr_digest(HashAlg scheme_hash, const std::vector<Digest>& values);

// selection_text shows a selection to people: "sha256:0,1,2,7".
std::string selection_text(const PcrSelection& selection);

}  // namespace attest
