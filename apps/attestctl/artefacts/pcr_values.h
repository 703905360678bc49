// pcr_values.h: PCR values as files give them (--with pcrs=FILE).
#pragma once
#include "apps/attestctl/artefacts/artefact.h"
#include "verifier/logs/event_log.h"

namespace attest::ctl {

// read_pcr_values takes JSON ({"sha256": {"0": "…"}}, also under "pcrs_sha256" and "rtmrs_sha384" with "rtmr0" to
// "rtmr3"), or the lines of tpm2_pcrread, of IBM's pcrread and of the kernel ("PCR-00: AA BB"). Where no bank is
// named the length of the value says it. malformed if no value is found, or one has no bank's length.
Result<PcrValues> read_pcr_values(View file);

}  // namespace attest::ctl
