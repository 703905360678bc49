// signature.h: the one way from the bytes of a report to facts.
#pragma once
#include "evidence/snp/chain.h"

namespace attest {

// verify_snp_report parses a report and checks its signature (ECDSA on P-384 with SHA-384 over the first 0x2a0 bytes) with a
// key whose chain was verified. untrusted where the signature is wrong, where r or s is zero, or where the report says another
// kind of key signed it; unsupported for another algorithm; otherwise as parse_snp_report.
Result<Verified<SnpReport>> verify_snp_report(View report, const Verified<SnpKey>& key);

// check_snp_signature is the check of the signature alone, with a key nobody vouches for yet: for tools that tell what is
// wrong with a report beside its chain.
Status check_snp_signature(View report, EVP_PKEY* key);

}  // namespace attest
