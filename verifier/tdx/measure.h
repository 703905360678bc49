// measure.h: the registers of a TD against the signed references.
#pragma once
#include "evidence/dcap/ccel.h"
#include "evidence/dcap/quote.h"
#include "verifier/case.h"

namespace attest {

// measure_td compares every register: event by event where `events` has some of it (the log was replayed and explains the
// register), else as what its references, extended in their order, give.
void measure_td(const TdReport& td, const std::vector<CcelEvent>& events, const ClaimedMetadata& metadata, Appraisal& out);

}  // namespace attest
