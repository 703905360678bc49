#include "cmcd-lite/server/sockets/admission.h"

namespace attest {

SessionLimits session_limits(const Limits& limits) {
  return {std::chrono::seconds(limits.read_seconds), std::chrono::seconds(limits.write_seconds),
          std::chrono::seconds(limits.idle_seconds), limits.nonces, limits.nonce_seconds * 1000};
}

std::unique_ptr<Session::Ticket> admit(Quota& quota, uid_t uid, bool controls, std::optional<Error>& refuse) {
  if (quota.enter(uid, controls)) return std::make_unique<Session::Ticket>(quota, uid);
  refuse = Error{Errc::io, "daemon.overloaded: too many connections; close some or raise limits.connections in cmcd.json"};
  if (!quota.enter_refused()) return nullptr;
  return std::make_unique<Session::Ticket>(quota, std::nullopt);
}

Error no_entry(uid_t uid, const std::string& where) {
  return {Errc::denied,
          "daemon.denied: no entry of \"callers\" in cmcd.json is for uid " + std::to_string(uid) + " on " + where};
}

}  // namespace attest
