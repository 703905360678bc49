// calls.h: what the daemon does for a call of the handshake.
#pragma once
#include "cmcd-lite/server/engine/engine.h"
#include "cmcd-lite/server/sockets/session.h"

namespace attest {

// serve_call decides, hands the work to the thread it belongs to, and answers through reply. On the loop's
// thread; does not block.
void serve_call(Engine& engine, Call call, Reply reply);

}  // namespace attest
