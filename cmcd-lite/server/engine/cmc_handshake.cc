#include "cmcd-lite/server/engine/cmc_handshake.h"

#include "cmcd-lite/server/cmc/judge_report.h"
#include "cmcd-lite/server/engine/reports.h"
#include "verifier/cmc/handshake.h"

namespace attest {
namespace {

using StatePtr = std::shared_ptr<const State>;

constexpr std::uint8_t number(Profile profile) { return static_cast<std::uint8_t>(profile); }

// may_tell: a report names every file in IMA's list, so it goes to those alone who may know them.
Status may_tell(const State& state, const AttestJob& job) {
  const auto& tpm = state.config.drivers.tpm;
  if (job.tell_files || !tpm || tpm->ima_list.empty()) return ok();
  return Error{Errc::denied, "evidence.unsupported: a CMC report tells the names of measured files, and this peer was not accepted "
                             "before (\"ima_entries\": \"anyone\" in cmcd.json allows it)"};
}

Result<Bytes> evidence_of(const Bytes& report, const AttestJob& job) {
  Bytes evidence = encode_report_evidence(report);
  if (evidence.size() <= job.room) return evidence;
  return Error{Errc::denied, "evidence.too-large: a CMC report of " + std::to_string(report.size()) +
                                 " bytes, the certificates of this handshake carry " + std::to_string(job.room) +
                                 "; attest after the handshake (libattest, attestctl dial), or natively"};
}

}  // namespace

std::vector<std::uint8_t> wished_profiles(const State& state, std::string_view policy) {
  const CmcHandshakes::Taken* taken = state.config.cmc.handshakes.under(policy);
  if (taken == nullptr) return {};
  if (taken->required) return {number(Profile::cmc)};
  return {number(Profile::native), number(Profile::cmc)};
}

Result<Profile> chosen_profile(const State& state, const Request& request) {
  if (request.profiles.empty()) return Profile::native;
  for (std::uint8_t profile : request.profiles) {
    if (profile == number(Profile::native)) return Profile::native;
    if (profile == number(Profile::cmc) && state.config.cmc.handshakes.give) return Profile::cmc;
  }
  return Error{Errc::unsupported, "evidence.unsupported: the peer takes CMC reports and no native evidence, and this machine gives none in "
                                  "handshakes (\"handshakes\" of \"cmc\" in cmcd.json)"};
}

void give_report(Engine& engine, StatePtr state, AttestJob job) {
  if (Status may = may_tell(*state, job); !may) return job.done(may.error());
  const CmcHandshakes& handshakes = state->config.cmc.handshakes;
  if (!handshakes.give) return job.done(Error{Errc::unsupported, "evidence.unsupported: no CMC reports are given"});
  ReportWish wish{report_nonce(job.binder), {}, *handshakes.give};
  auto shared = std::make_shared<AttestJob>(std::move(job));
  make_report(engine, shared->uid, std::move(wish), std::move(state), [shared](const Result<Bytes>& report) {
    shared->done(report ? evidence_of(*report, *shared) : Result<Bytes>(report.error()));
  });
}

Result<Appraisal> judged_report(const State& state, const BeginCall& begin, const Question& question, const Policy& policy) {
  const CmcHandshakes::Taken* taken = state.config.cmc.handshakes.under(begin.policy);
  if (taken == nullptr) return Error{Errc::denied, "evidence.unsupported: CMC reports are not taken under this policy"};
  const Fleet& fleet = *state.fleet;
  CHECK_OK(has_roots(fleet));
  ReportTerms terms;
  terms.keys = taken->keys;
  terms.judge = [&](View report, View nonce) {
    cmc::Question asked;
    asked.report = report;
    asked.nonce = nonce;
    asked.now = question.now;
    asked.peer_ip = question.peer;
    return judge_in_fleet(fleet, std::move(asked), std::nullopt);
  };
  return appraise_report(question, policy, *state.active, terms);
}

Status check_offered(View request, View evidence) {
  TRY(Request asked, decode_request(request));
  Profile profile = profile_of(evidence);
  if (asked.accepts(profile)) return ok();
  return Error{Errc::unsupported, std::string("evidence.unsupported: ") + profile_name(profile) + " evidence came, which our request did not ask for"};
}

}  // namespace attest
