// judge.h: from a caller's judge call to the answer it gets.
#pragma once
#include "cmcd-lite/server/config/state.h"
#include "cmcd-lite/server/freshness/epochs.h"
#include "cmcd-lite/server/freshness/nonces.h"
#include "cmcd-lite/server/verdicts/verdicts.h"

namespace attest {

// JudgeTask is a judge call with all it is judged by.
struct JudgeTask {
  std::shared_ptr<const State> state;
  LocalPeer caller;
  std::string service;  // of the entry that gave the caller the right
  JudgeCall call;
  Result<IssuedNonce> issued;  // what Begin promised, or why there is nothing to believe
  Moment now;
};

// JudgeMemory is what verdicts teach: facts for later handshakes.
struct JudgeMemory {
  KnownKeys& keys;
  Epochs& epochs;
};

// judge runs one appraisal and files its verdict. Never fails: whatever goes wrong is a refusal with a name.
JudgeAnswer judge(const JudgeTask& task, Verdicts& verdicts, JudgeMemory memory);

}  // namespace attest
