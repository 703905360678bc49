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

constexpr UnixTime kMargin = 14 * 86400;  // of the 180 days for which CMC's server certifies
constexpr std::chrono::seconds kHourly{3600}, kDaily{86400}, kFirstPause{5};

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
  if (!state->config.cmc.endorse_automatic || engine_.enrolments == nullptr) return;
  busy_ = true;
  engine_.enrolments->post(geteuid(), [this, state](const Status& go) {
    next_ = Clock::now() + kFirstPause;
    if (go) look(*state);
    busy_ = false;
  });
}

Result<bool> AkRenewal::due() {
  TRY(Bytes certificate, certificate_of(engine_.tpm));
  if (certificate.empty()) return true;
  TRY(OwnedX509 parsed, parse_certificate(certificate));
  std::time_t limit = engine_.clock() + kMargin;
  return X509_cmp_time(X509_get0_notAfter(parsed.get()), &limit) <= 0;
}

void AkRenewal::look(const State& state) {
  auto wanted = due();
  Status done = wanted ? ok() : Status(wanted.error());
  if (wanted && *wanted) {
    auto enrolled = enroll_ak(engine_, geteuid(), state);
    if (!enrolled) done = enrolled.error();
  }
  pause_ = done ? std::chrono::seconds(0) : std::clamp(pause_ * 2, kFirstPause, kHourly);
  next_ = Clock::now() + (!done ? pause_ : *wanted ? kDaily : kHourly);
  std::string problem = done ? "" : done.error().what;
  if (!problem.empty() && problem != last_problem_) engine_.log("the attestation key is not certified by the fleet, which is tried again: " + problem);
  last_problem_ = std::move(problem);
}

}  // namespace attest
