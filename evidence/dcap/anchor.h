// anchor.h: how TDX and SGX quotes stand in the native profile.
#pragma once
#include "evidence/core/hash.h"
#include "evidence/dcap/certificate.h"
#include "evidence/dcap/quote.h"

namespace attest {

// dcap_identity is how a platform is named in a report context: SHA-256 over the PPID of its PCK certificate,
// which stays the same when the TCB changes.
Bytes dcap_identity(const PckExtension& pck);

// dcap_report_data is what a quote for these 32 bytes has to carry as REPORTDATA: they and 32 zero bytes.
Bytes dcap_report_data(const Digest& qualifying);

// pck_of reads the PCK extension out of the certificate chain in a quote; unsupported where it carries none.
Result<PckExtension> pck_of(const Quote& quote);

// bare_quote cuts what stands behind the signature data: buffers of the kernel and of quoting services are
// padded.
Result<Bytes> bare_quote(View bytes);

}  // namespace attest
