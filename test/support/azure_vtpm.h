// azure_vtpm.h: a software TPM made to hold what the vTPM of an Azure confidential VM holds.
#pragma once
#include "test/support/swtpm.h"

namespace attest::test {

// platform_key makes the vTPM's attestation key as the platform does, under 0x81000003, and returns its modulus; empty where a
// tool failed.
Bytes platform_key(const Swtpm& tpm);

// store_hcl defines the NV index of the paravisor's report and fills it; false where a tool failed.
bool store_hcl(const Swtpm& tpm, const Bytes& report);

}  // namespace attest::test
