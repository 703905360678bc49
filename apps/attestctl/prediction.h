// prediction.h: predicted events as a reference manifest that takes the old and the new boot.
#pragma once
#include "evidence/logs/ima_list.h"
#include "evidence/metadata/metadata.h"
#include "verifier/logs/predict.h"

namespace attest::ctl {

// predicted_references are the reference values of the log, in its order. An event that changes stands there twice, new before
// old and both optional; with `both` false only the new one, as before. Events that come in are optional with `both`, those that
// will be missing are there with `both` alone. Of a CCEL they are values of a trust domain's RTMRs, else of a TPM's PCRs.
std::vector<ReferenceValue> predicted_references(const TcgEventLog& log, const Prediction& prediction, bool both);

// predicted_files are those of the IMA list of the same boot. Its first entry, boot_aggregate, changes with the firmware's
// registers. mismatch if that entry is not what the log replays to.
Result<std::vector<ReferenceValue>> predicted_files(const ImaList& list, const Prediction& prediction, bool both);

}  // namespace attest::ctl
