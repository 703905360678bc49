// creation.h: TPMS_CREATION_DATA, what a TPM recorded when it made a key (TPM 2.0 part 2, clause 15.1).
#pragma once
#include "evidence/native/context.h"

namespace attest {

struct CreationData {
  std::vector<PcrSelection> selections;
  Bytes pcr_digest;
  std::uint8_t locality = 0;
  std::uint16_t parent_name_alg = 0;  // TPM_ALG_ID
  Bytes parent_name;                  // 4 bytes (a handle) for a primary key
  Bytes parent_qualified_name;
  Bytes outside_info;
  Bytes encoded;  // the TPMS_CREATION_DATA itself: what the creation hash is over
};

// parse_creation_data reads one TPMS_CREATION_DATA, or a TPM2B_CREATION_DATA, that fills `bytes` exactly;
// malformed otherwise.
Result<CreationData> parse_creation_data(View bytes);

}  // namespace attest
