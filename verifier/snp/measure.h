// measure.h: a launch measurement against the signed references.
#pragma once
#include "evidence/snp/report.h"
#include "verifier/case.h"

namespace attest {

// measure_snp_launch: an image is claimed by its references; without one for this measurement anybody's guest could claim it.
void measure_snp_launch(const SnpReport& report, const ClaimedMetadata& metadata, Appraisal& out);

}  // namespace attest
