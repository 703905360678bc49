// control.h: JSON in, JSON out: what attestctl asks (docs/PROTOCOL.md, "Control").
#pragma once
#include "cmcd-lite/server/engine/engine.h"
#include "cmcd-lite/server/sockets/session.h"

namespace attest {

// serve_control answers one control call; rights differ by op: status, explain and verdicts show a caller
// without the right `control` only what is its own.
void serve_control(Engine& engine, const Call& call, const Reply& reply);

}  // namespace attest
