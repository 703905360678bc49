// long_call.h: calls of the daemon that take as long as a TPM and a server on the network do.
#pragma once
#include "apps/attestctl/session.h"

namespace attest::ctl {

// ask_long is ask with two minutes of patience.
Result<Json> ask_long(const Session& session, const Json& call, std::string_view what);

}  // namespace attest::ctl
