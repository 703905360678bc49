// known_logs.h: logs of which only what is new came (docs/PROTOCOL.md, "Prefix cursors").
#pragma once
#include "verifier/case.h"

namespace attest {

// complete_logs puts the tails of a message behind the logs that the request named: those of accepted evidence of the same
// anchors, PCRs and metadata. Logs that came whole stay as they are. What it makes is no more than a claim: all of it is replayed
// against this message's quote and judged. A log left out that was not named is log.malformed, too many segments log.too-long.
Failed complete_logs(const Question& question, QuotedKey& message);

}  // namespace attest
