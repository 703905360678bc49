// quote.h: signed PCR values.
#pragma once
#include "drivers/tpm/attestation_key.h"
#include "evidence/native/message.h"
#include "evidence/tpm/attest.h"

namespace attest {

// tpm_quote signs the selection and qualifying (at most 64 bytes) and returns attest, signature and
// ak_public; the rest of the anchor is left empty.
Result<TpmAnchor> tpm_quote(TpmContext& context, AttestationKey& key, const PcrSelection& selection,
                            View qualifying);
// read_pcrs reads the selected PCRs in order; not atomic against an extend in between.
Result<std::vector<Digest>> read_pcrs(TpmContext& context, const PcrSelection& selection);
// quoted_pcr_digest is the pcrDigest of a TPMS_ATTEST of type quote; malformed for anything else.
Result<Digest> quoted_pcr_digest(View attest);
// read_clock asks the TPM for its clock and counts of resets (TPM2_ReadClock); what they say of time proves nothing.
Result<ClockInfo> read_clock(TpmContext& context);

// scheme_hash is the hash the key signs with, which pcrDigest is made with too.
HashAlg scheme_hash(const PublicArea& key);

}  // namespace attest
