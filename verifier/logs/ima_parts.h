// ima_parts.h: the parts of judge_ima; each adds its checks.
#pragma once
#include "verifier/logs/ima.h"

namespace attest {

void judge_boot_aggregate(const ImaList& list, const ImaOptions& options, ImaJudgement& out);
void judge_signatures(const ImaList& list, const ImaOptions& options, ImaJudgement& out);
void judge_files(const ImaList& list, const ImaOptions& options, ImaJudgement& out);

}  // namespace attest
