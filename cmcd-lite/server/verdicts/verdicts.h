// verdicts.h: the last verdicts, for attestctl explain, and the audit log they all go to.
#pragma once
#include <atomic>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>

#include "cmcd-lite/protocol/messages.h"
#include "cmcd-lite/server/access/peer.h"
#include "cmcd-lite/server/verdicts/audit.h"
#include "evidence/core/time.h"

namespace attest {

namespace cmc {
struct AttestationResult;
}

// VerdictRecord is one judged handshake, or report of CMC's.
struct VerdictRecord {
  std::uint64_t id = 0;
  UnixTime when = 0;
  std::string peer;
  Role role = Role::server;  // the prover's
  uid_t uid = 0;
  pid_t pid = 0;
  std::string service;
  std::string policy;
  JudgeOutcome outcome = JudgeOutcome::refused;
  bool trusted = false;  // what the evidence deserved, whatever observe made of it
  std::string name;      // of the first failed check; empty if trusted
  std::string why;
  std::string remedy;
  std::string appraisal;  // JSON
  std::shared_ptr<const cmc::AttestationResult> result{};  // of a report of CMC's, whole: told, not kept
};

// record_json: the record as explain and the audit log show it; without the appraisal when short.
std::string record_json(const VerdictRecord& record, bool whole);

// Verdicts numbers verdicts, writes each to the audit log and keeps the newest: at most `keep`, and never
// more than kMaxKeptBytes of text. What is too much goes in this order: appraisals of trusted evidence, then
// whole verdicts, the oldest first. Thread safe.
class Verdicts {
 public:
  static constexpr std::size_t kMaxKeptBytes = 768 << 10;
  static constexpr std::size_t kMaxNames = 256;
  // first_id continues the numbers of the audit log.
  Verdicts(std::size_t keep, Audit& audit) : keep_(keep), audit_(audit), next_id_(audit.last_id() + 1) {}
  // tell names who hears of every verdict; before the first one.
  void tell(std::function<void(const VerdictRecord&)> sink) { sink_ = std::move(sink); }
  // add gives the record its number and returns it.
  std::uint64_t add(VerdictRecord record);
  // find: id 0 is the last refusal. uid restricts to the verdicts of one user. nullopt if it is not kept.
  std::optional<VerdictRecord> find(std::uint64_t id, std::optional<uid_t> uid) const;
  // accepted: verdict `id` is kept, was made for this user, not before `since`, and accepted the peer.
  bool accepted(std::uint64_t id, uid_t uid, UnixTime since) const;
  std::vector<VerdictRecord> last(std::size_t count, std::optional<uid_t> uid) const;
  struct Totals {
    std::uint64_t accepted = 0, refused = 0, observed = 0;
    std::map<std::string, std::uint64_t>
        untrusted_by;  // by name of the first failed check; at most kMaxNames
  };
  Totals totals() const;
  void set_keep(std::size_t keep);

 private:
  static std::size_t text_bytes(const VerdictRecord& record);
  void forget_what_is_too_much();
  bool forget_an_appraisal();  // false if there is none to forget
  mutable std::mutex mutex_;
  std::size_t keep_;
  Audit& audit_;
  std::function<void(const VerdictRecord&)> sink_;
  std::uint64_t next_id_;
  std::size_t bytes_ = 0;
  Totals totals_;
  std::deque<VerdictRecord> records_;
};

}  // namespace attest
