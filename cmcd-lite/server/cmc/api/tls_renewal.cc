#include "cmcd-lite/server/cmc/api/tls_renewal.h"

#include <unistd.h>

namespace attest {
namespace {

// kRest: a server that issues certificates which are due at once is not asked in a circle.
constexpr std::chrono::seconds kRest{60};

bool renews(const CmcConfig& config) { return config.enroll_renew && !config.enroll.host.empty(); }

}  // namespace

bool TlsRenewal::revoked(const FleetKeyTerm& key) const { return engine_.revoked.contains(key.spki); }

void TlsRenewal::show(const FleetKeyTerm& key, const CmcConfig& config, Plan& plan) {
  bool on = renews(config);
  if (plan.shown == key.term.not_after && plan.on == on) return;
  plan.shown = key.term.not_after;
  plan.on = on;
  engine_.fleet_board.change(key.id, [&](FleetCertificate& entry) {
    entry.server = config.enroll.host.empty() ? "" : config.enroll.host + ":" + config.enroll.port;
    entry.automatic = on;
    entry.subject = key.term.subject;
    entry.not_after = key.term.not_after;
    entry.renewal = entry.next = on ? std::optional(key.term.renewal) : std::nullopt;
    if (!on) entry.problem = entry.remedy = "";
  });
}

void TlsRenewal::poll(CmcTls& tls) {
  if (busy_) return;
  auto state = engine_.state.get();
  const CmcConfig& config = state->config.cmc;
  std::optional<FleetKeyTerm> chosen;
  for (FleetKeyTerm& key : tls.terms()) {
    if (revoked(key)) {
      if (plans_.erase(key.id) != 0) engine_.fleet_board.forget(key.id);
      continue;
    }
    Plan& plan = plans_[key.id];
    show(key, config, plan);
    bool due = plan.on && key.term.renewal <= engine_.clock() && plan.next <= Clock::now();
    if (due && (!chosen || key.term.not_after < chosen->term.not_after)) chosen = std::move(key);
  }
  if (!chosen) return;
  busy_ = true;
  tls.enrolments().post(geteuid(), [this, &tls, id = chosen->id, state](const Status& go) {
    if (go) renew(tls, id, state);
    busy_ = false;
  });
}

void TlsRenewal::renew(CmcTls& tls, const std::string& id, const std::shared_ptr<const State>& state) {
  Status done = tls.renew(id, state);
  Plan& plan = plans_[id];
  plan.pause = pause_after(done, plan.pause);
  std::chrono::seconds rest = done ? kRest : plan.pause;
  plan.next = Clock::now() + rest;
  engine_.fleet_board.change(id, [&](FleetCertificate& entry) {
    note_attempt(entry, state->config.cmc.enroll, engine_.clock(), done);
    entry.next = engine_.clock() + rest.count();
  });
  std::string problem = done ? "" : done.error().what;
  if (!problem.empty() && problem != plan.problem)
    engine_.log("the certificate of TLS key " + id + " was not renewed by the fleet, which is tried again: " + problem);
  plan.problem = std::move(problem);
}

}  // namespace attest
