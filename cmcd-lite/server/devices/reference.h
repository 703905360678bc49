// reference.h: the running machine's measurements as reference values, for attestctl metadata create.
#pragma once
#include "drivers/driver.h"
#include "evidence/metadata/metadata.h"

namespace attest {

// machine_reference lists every measured event in log order: firmware events with the hashes of all their
// banks, IMA entries with the SHA-256 of their template data and the stored SHA-1, optional. Events of
// firmware come without names where their data says nothing. Owning thread alone; io or malformed where a log
// cannot be read.
Result<std::vector<ReferenceValue>> machine_reference(Driver& driver);

}  // namespace attest
