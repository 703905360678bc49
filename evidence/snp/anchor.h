// anchor.h: how an SEV-SNP report stands in the native profile.
#pragma once
#include "evidence/core/hash.h"
#include "evidence/snp/certificate.h"

namespace attest {

// snp_identity is how the machine is named in a report context: its chip id (64 bytes), or, where the host masks it,
// SHA-256 over the signing key's SPKI: then the name is that of the chip's key or of the provider's.
Bytes snp_identity(const SnpReport& report, const SnpKeyCertificate& key);

// snp_report_data is what a report for these 32 bytes has to be over: they and 32 zero bytes.
Bytes snp_report_data(const Digest& qualifying);

}  // namespace attest
