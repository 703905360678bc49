#include "cmcd-lite/server/engine/fleet_board.h"

#include <algorithm>

#include "evidence/x509/certificate.h"

namespace attest {
namespace {

constexpr UnixTime kMargin = 14 * 86400;  // of the 180 days for which CMC's server certifies
constexpr int kLifePart = 3;

// remedy_of says what an administrator can do about an error of an enrolment; text it begins with says where it arose.
std::string remedy_of(const Error& error, const EstConfig& server) {
  std::string address = server.host + ":" + server.port;
  if (error.what.starts_with("tpm.")) return "see what status says of the TPM";
  if (error.what.find("certificate of the attestation key") != std::string::npos)
    return "\"ak_roots\" of \"cmc\" must hold the authority by which " + address + " certifies";
  if (error.what.starts_with("enrolment at ")) {
    if (error.code == Errc::untrusted) return "\"roots\" of the server must hold the authority of the TLS certificate that " + address + " shows";
    return "see that " + address + " runs and that the daemon may reach it: the packaged unit has no network (docs/CMC.md)";
  }
  if (error.what.starts_with("enrolment: the server answered"))
    return server.token.empty() ? "its administrator has to allow this machine; a token of the server's goes into \"token\""
                                : "its administrator has to allow this machine; the token in " + server.token.string() + " may have ended";
  if (error.code == Errc::unsupported) return "the key cannot be certified by a fleet's server; certify it by other means (attestctl enroll request)";
  return "the present certificate stays in force until it ends; the server's log may say more";
}

// remedy_of_answer: texts begin as fetch_staple and judge_staple make them.
std::string remedy_of_answer(const Error& error) {
  if (error.what.starts_with("revocation server ")) {
    if (error.code == Errc::untrusted) return "\"roots\" of \"staple\" of \"cmc\" in cmcd.json must hold the authority of the TLS certificate that the server shows";
    if (error.code == Errc::io) return "see that the server runs and that the daemon may reach it: the packaged unit has no network (docs/CMC.md)";
    return "see the server's log: it has to answer 200 with a signed OMSP Response of at most 1 MiB";
  }
  if (error.what.starts_with("revocation answer of ")) {
    if (error.code == Errc::untrusted) return "\"signer_roots\" (or \"roots\") of \"cmc\" in cmcd.json must hold the authority of the key by which the server signs its answers";
    return "see the server's configuration and clock; the answer held before stays in force";
  }
  return "the answer is in force, but gone after a restart; see the state folder";
}

// note says how an attempt ended; remedy_for is asked after a failure.
template <class F>
void note(FleetAttempt& entry, UnixTime when, const Status& outcome, F&& remedy_for) {
  entry.tried = when;
  entry.problem = outcome ? "" : outcome.error().what;
  entry.remedy = outcome ? "" : remedy_for(outcome.error());
}

}  // namespace

std::vector<FleetAnswer> FleetBoard::answers() const {
  std::lock_guard lock(mutex_);
  std::vector<FleetAnswer> out;
  for (const auto& [server, entry] : answers_) out.push_back(entry);
  return out;
}

void note_attempt(FleetAnswer& entry, UnixTime when, const Status& outcome) { note(entry, when, outcome, remedy_of_answer); }

std::vector<FleetCertificate> FleetBoard::all() const {
  std::lock_guard lock(mutex_);
  std::vector<FleetCertificate> out;
  for (const auto& [key, entry] : entries_) out.push_back(entry);
  std::ranges::stable_partition(out, [](const FleetCertificate& entry) { return entry.key == kAttestationKey; });
  return out;
}

void note_attempt(FleetCertificate& entry, const EstConfig& server, UnixTime when, const Status& outcome) {
  entry.server = server.host + ":" + server.port;
  note(entry, when, outcome, [&](const Error& error) { return remedy_of(error, server); });
}

std::chrono::seconds pause_after(const Status& outcome, std::chrono::seconds before) {
  constexpr std::chrono::seconds kFirst{5}, kLongest{3600};
  return outcome ? std::chrono::seconds(0) : std::clamp(before * 2, kFirst, kLongest);
}

Result<CertificateTerm> term_of(const X509* certificate) {
  CertificateTerm out;
  out.subject = subject_text(certificate);
  TRY(UnixTime begins, unix_time(X509_get0_notBefore(certificate)));
  TRY(out.not_after, unix_time(X509_get0_notAfter(certificate)));
  UnixTime life = std::max<UnixTime>(out.not_after - begins, 0);
  out.renewal = out.not_after - std::min(kMargin, life / kLifePart);
  return out;
}

}  // namespace attest
