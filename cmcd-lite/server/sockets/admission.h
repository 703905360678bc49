// admission.h: who gets a place, and what the others are told.
#pragma once
#include <memory>
#include <optional>

#include "cmcd-lite/server/config/state.h"
#include "cmcd-lite/server/sockets/session.h"

namespace attest {

SessionLimits session_limits(const Limits& limits);

// admit counts a connection under its uid. Where the daemon is full, `refuse` says so and the place is one of the few for
// those who wait to be told; nullptr where these are taken too.
std::unique_ptr<Session::Ticket> admit(Quota& quota, uid_t uid, bool controls, std::optional<Error>& refuse);

// no_entry: nothing in cmcd.json is for this user on this socket.
Error no_entry(uid_t uid, const std::string& where);

}  // namespace attest
