// measured_boot.h: measured logs and manifests made from a recorded boot.
#pragma once
#include "evidence/logs/references.h"
#include "test/support/recording.h"

namespace attest::test {

// measured_log is the whole log of a recording in one bank, all entries covered; sha384 is a padded bank
// there.
MeasuredLog measured_log(const Recording& recording, HashAlg bank);
// manifest_of makes reference values of everything a recording measured, in log order: firmware events with
// all banks, IMA entries with the SHA-1 and SHA-256 of their template data.
Manifest manifest_of(const Recording& recording);
// manifest_with has one SHA-256 reference value for each pair of PCR and digest.
Manifest manifest_with(const std::vector<std::pair<std::uint32_t, Digest>>& values);

}  // namespace attest::test
