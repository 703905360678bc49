// hardware_collateral.h: what CMC's reports carry beside the evidence of confidential hardware.
#pragma once
#include "evidence/cmc/report.h"
#include "evidence/dcap/collateral.h"
#include "evidence/native/message.h"

namespace attest {

// hardware_collateral: the chain of the key that signed; for TDX and SGX Intel's documents about the platform, of those that
// are held, and for TDX the event logs of the registers that they explain. mismatch where a document is missing, unsupported for
// anchors of another kind.
Result<cmc::Collateral> hardware_collateral(const Anchor& anchor, const DcapCollateral& held);

}  // namespace attest
