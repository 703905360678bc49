// tls_renewal.h: certificates of the keys that TLSCreate made, renewed before they end.
#pragma once
#include <atomic>
#include <chrono>
#include <map>

#include "cmcd-lite/server/cmc/api/tls.h"

namespace attest {

// TlsRenewal has certificates renewed by the server that "enroll" names (unless it says "renew": false), two weeks before they
// end or at the last third of a short life; one at a time, the one that ends first before the others. What failed is tried again,
// at first after seconds, for each key on its own. What came of it stands on the engine's fleet board.
class TlsRenewal {
 public:
  explicit TlsRenewal(Engine& engine) : engine_(engine) {}
  // poll is called every second or so and does not block; of the loop's thread. The work goes to the thread of enrolments of
  // `tls`, which ends before this does.
  void poll(CmcTls& tls);

 private:
  using Clock = std::chrono::steady_clock;
  struct Plan {
    UnixTime shown = 0;  // the end of the certificate that the board shows
    bool on = false;     // and whether it says that it will be renewed
    Clock::time_point next{};
    std::chrono::seconds pause{0};
    std::string problem;
  };
  bool revoked(const FleetKeyTerm& key) const;
  void show(const FleetKeyTerm& key, const CmcConfig& config, Plan& plan);
  void renew(CmcTls& tls, const std::string& id, const std::shared_ptr<const State>& state);
  Engine& engine_;
  std::atomic<bool> busy_ = false;
  // Of the loop's thread, and of the renewal in work while busy_ is set:
  std::map<std::string, Plan> plans_;
};

}  // namespace attest
