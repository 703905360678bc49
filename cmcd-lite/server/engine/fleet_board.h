// fleet_board.h: what became of what servers of a CMC fleet are asked for: certificates of this machine's keys, revocation answers
// about its manifests.
#pragma once
#include <chrono>
#include <map>
#include <mutex>
#include <optional>
#include <vector>

#include "cmcd-lite/server/cmc/est.h"
#include "evidence/core/owned.h"
#include "evidence/core/time.h"

namespace attest {

// FleetAttempt is what status shows of the last attempt, since the daemon started, to get something of a server.
struct FleetAttempt {
  std::optional<UnixTime> tried;
  std::string problem, remedy;   // empty: it succeeded
  std::optional<UnixTime> next;  // when it is tried again, or looked after
};

// FleetCertificate is what status shows of one key's certificate.
struct FleetCertificate : FleetAttempt {
  std::string key;                  // kAttestationKey, or the id of a key that TLSCreate made
  std::string server;               // HOST:PORT that certifies it
  bool automatic = false;           // renewed without being asked
  std::string subject;              // of the certificate that is there; empty: none is known
  std::optional<UnixTime> not_after, renewal;  // of that certificate: its end, and from when on another is asked for
};
inline constexpr std::string_view kAttestationKey = "ak";

// FleetAnswer is what status shows of one server of revocation answers.
struct FleetAnswer : FleetAttempt {
  std::string server;                          // URL
  std::optional<UnixTime> produced, until;     // of the answer that is held: when it was made, and its first nextUpdate
  std::optional<UnixTime> renewal;             // from when on another is asked for
  std::vector<std::string> concerns;           // what it says beside "good"
};

// FleetBoard is where those who ask servers of a fleet say what came of it. Thread safe.
class FleetBoard {
 public:
  // change calls f with the entry of a key, which is made where there is none.
  template <class F>
  void change(std::string_view key, F f) {
    std::lock_guard lock(mutex_);
    auto [at, made] = entries_.try_emplace(std::string(key));
    if (made) at->second.key = key;
    f(at->second);
  }
  void forget(std::string_view key) {
    std::lock_guard lock(mutex_);
    if (auto at = entries_.find(key); at != entries_.end()) entries_.erase(at);
  }
  // all are the entries, the attestation key's first.
  std::vector<FleetCertificate> all() const;
  // change_answer calls f with the entry of a server of revocation answers, which is made where there is none; forget_answers
  // takes all away.
  template <class F>
  void change_answer(const std::string& server, F f) {
    std::lock_guard lock(mutex_);
    FleetAnswer& entry = answers_[server];
    entry.server = server;
    f(entry);
  }
  void forget_answers() {
    std::lock_guard lock(mutex_);
    answers_.clear();
  }
  std::vector<FleetAnswer> answers() const;

 private:
  mutable std::mutex mutex_;
  std::map<std::string, FleetCertificate, std::less<>> entries_;
  std::map<std::string, FleetAnswer> answers_;
};

// note_attempt says how an attempt ended.
void note_attempt(FleetCertificate& entry, const EstConfig& server, UnixTime when, const Status& outcome);
void note_attempt(FleetAnswer& entry, UnixTime when, const Status& outcome);

// pause_after is how long to wait with another attempt: none after a success; 5 s after a failure, twice the pause before after
// each further one, an hour at most.
std::chrono::seconds pause_after(const Status& outcome, std::chrono::seconds before);

// CertificateTerm is when a certificate ends and when another one is due: two weeks before, or a third of its life where that
// is less.
struct CertificateTerm {
  std::string subject;
  UnixTime not_after = 0, renewal = 0;
};
// term_of: malformed for times that nobody can read.
Result<CertificateTerm> term_of(const X509* certificate);

}  // namespace attest
