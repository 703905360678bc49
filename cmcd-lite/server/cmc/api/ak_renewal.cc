#include "cmcd-lite/server/cmc/api/ak_renewal.h"

#include <unistd.h>

#include <algorithm>

#include "cmcd-lite/server/engine/ak_enrolment.h"
#include "cmcd-lite/server/engine/on_tpm.h"
#include "drivers/secret_file.h"
#include "evidence/core/crypto.h"
#include "evidence/x509/certificate.h"

namespace attest {
namespace {

constexpr std::chrono::seconds kHourly{3600}, kDaily{86400}, kFirstPause{5};
constexpr std::chrono::seconds kSoonest{60};

// certificate_of quotes for nobody: what a quote carries is what peers see. Empty: none.
Result<Bytes> certificate_of(TpmThread& tpm) {
  TRY(Secret random, random_secret(32));
  return on_tpm<Bytes>(tpm, geteuid(), [&random](TpmThread::Devices& devices) -> Result<Bytes> {
    TRY(OpenedDriver * device, tpm_device(devices));
    TRY(Anchor anchor, device->driver->quote(sha256(random.reveal())));
    const auto* quoted = std::get_if<TpmAnchor>(&anchor);
    if (quoted == nullptr) return Error{Errc::unsupported, "enrolment: the first device is no TPM"};
    return quoted->ak_chain.empty() ? Bytes() : quoted->ak_chain.front();
  });
}

}  // namespace

void AkRenewal::poll() {
  if (busy_ || Clock::now() < next_) return;
  auto state = engine_.state.get();
  bool on = state->config.cmc.endorse_automatic && engine_.enrolments != nullptr;
  if (on_ && !on)
    engine_.fleet_board.change(kAttestationKey, [](FleetCertificate& entry) {
      entry.automatic = false;
      entry.next.reset();
    });
  on_ = on;
  if (!on) return;
  busy_ = true;
  engine_.enrolments->post(geteuid(), [this, state](const Status& go) {
    next_ = Clock::now() + kFirstPause;
    if (go) look(*state);
    busy_ = false;
  });
}

// due: there is no certificate, or another one is to be asked for.
Result<bool> AkRenewal::due() {
  TRY(Bytes certificate, certificate_of(engine_.tpm));
  CertificateTerm term;
  if (!certificate.empty()) {
    TRY(OwnedX509 parsed, parse_certificate(certificate));
    TRY(term, term_of(parsed.get()));
  }
  engine_.fleet_board.change(kAttestationKey, [&](FleetCertificate& entry) {
    entry.subject = term.subject;
    entry.not_after = certificate.empty() ? std::nullopt : std::optional(term.not_after);
    entry.renewal = certificate.empty() ? std::nullopt : std::optional(term.renewal);
  });
  renewal_ = term.renewal;
  return certificate.empty() || term.renewal <= engine_.clock();
}

// rest_after is how long a certificate that is there can be left alone; renewed: it came just now, and were it due at once, the
// next would be no better.
std::chrono::seconds AkRenewal::rest_after(bool renewed) const {
  std::chrono::seconds longest = renewed ? kDaily : kHourly, until(renewal_ - engine_.clock());
  return until.count() <= 0 ? longest : std::clamp(until, kSoonest, longest);
}

void AkRenewal::look(const State& state) {
  auto wanted = due();
  Status done = wanted ? ok() : Status(wanted.error());
  if (wanted && *wanted) {
    auto enrolled = enroll_ak(engine_, geteuid(), state);
    if (enrolled)
      renewal_ = enrolled->term.renewal;
    else
      done = enrolled.error();
  }
  pause_ = pause_after(done, pause_);
  std::chrono::seconds rest = done ? rest_after(*wanted) : pause_;
  next_ = Clock::now() + rest;
  engine_.fleet_board.change(kAttestationKey, [&](FleetCertificate& entry) {
    entry.automatic = true;
    if (!wanted) note_attempt(entry, state.config.cmc.endorse, engine_.clock(), done);
    if (done) entry.problem = entry.remedy = "";  // a certificate is there, whoever issued it
    entry.next = engine_.clock() + rest.count();
  });
  std::string problem = done ? "" : done.error().what;
  if (!problem.empty() && problem != last_problem_) engine_.log("the attestation key is not certified by the fleet, which is tried again: " + problem);
  last_problem_ = std::move(problem);
}

}  // namespace attest
