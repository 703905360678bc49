// nv.h: what the TPM's manufacturer left in non-volatile memory.
#pragma once
#include "drivers/tpm/context.h"
#include "evidence/core/bytes.h"

namespace attest {

// read_nv reads an NV index whole, without an authorisation value; mismatch when it is not there or was never
// written.
Result<Bytes> read_nv(TpmContext& context, TPM2_HANDLE index);
// write_nv writes an NV index whole, with its own authorisation (empty) or the owner's; one that is not there is made, as
// Azure's documentation has its guests do. At most 1,024 bytes.
Status write_nv(TpmContext& context, TPM2_HANDLE index, View bytes);
// read_nv_certificate reads one certificate: what precedes it (the 7-byte header of old TPMs) and what
// follows it (padding) is cut off. The inside is not judged: issuers meet certificates that are slightly
// malformed.
Result<Bytes> read_nv_certificate(TpmContext& context, TPM2_HANDLE index);
// certificate_span finds the certificate in what an NV index holds; malformed if there is none.
Result<View> certificate_span(View contents);

}  // namespace attest
