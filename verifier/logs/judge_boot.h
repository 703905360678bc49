// judge_boot.h: the rules on Secure Boot and on what ran.
#pragma once
#include "verifier/logs/event_log.h"

namespace attest {

// judge_boot adds its checks to the judgement, from what was found before.
void judge_boot(const TcgEventLog& log, const EventLogOptions& options, EventLogJudgement& out);

}  // namespace attest
