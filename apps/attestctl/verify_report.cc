#include "apps/attestctl/verify_report.h"

#include <cstdio>
#include <filesystem>

#include "apps/attestctl/files.h"
#include "apps/attestctl/style.h"
#include "evidence/core/file.h"
#include "evidence/core/hex.h"
#include "evidence/core/printable.h"
#include "evidence/x509/certificate.h"
#include "verifier/cmc/judge.h"
#include "verifier/script/run_policy.h"

namespace attest::ctl {
namespace {

namespace fs = std::filesystem;
constexpr std::size_t kMaxHeld = 1024;

// Roots are the certificates of both roles.
struct Roots {
  std::vector<Bytes> signers, keys;
};

Result<Roots> read_roots(const ReportOptions& options) {
  if (!options.roots.empty()) {
    TRY(auto roots, read_certificates(options.roots));
    return Roots{roots, roots};
  }
  TRY(auto signers, read_certificates(options.signer_roots));
  TRY(auto keys, read_certificates(options.ak_roots));
  return Roots{std::move(signers), std::move(keys)};
}

// read_held reads the items held for a peer: every file below the folder, whatever its name. A folder that is not there
// holds nothing yet.
Result<std::vector<Bytes>> read_held(const std::string& folder) {
  std::vector<Bytes> held;
  std::error_code error;
  if (folder.empty() || !fs::exists(folder, error)) return held;
  for (fs::recursive_directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    if (!it->is_regular_file(error)) continue;
    if (held.size() == kMaxHeld) return Error{Errc::malformed, folder + ": more than 1024 files"};
    TRY(Bytes bytes, read_file(it->path(), cmc::kMaxReport));
    held.push_back(std::move(bytes));
  }
  if (error) return Error{Errc::io, folder + ": " + error.message()};
  return held;
}

Result<UnixTime> moment(const std::string& text) {
  if (text.empty()) return wall_clock_now();
  return parse_rfc3339(text);
}

void show(const cmc::Judged& judged) {
  const cmc::AttestationResult& result = judged.result;
  std::printf("%s  %s\n", cmc::state_name(result.summary.state), printable(result.prover.hostname).c_str());
  if (!result.summary.details.empty()) std::printf("  %s\n", printable(result.summary.details, 1000).c_str());
  for (const cmc::MeasurementFinding& m : result.measurements) {
    std::printf("  %s: %s%s%s\n", m.type.c_str(), cmc::state_name(m.summary.state), m.summary.details.empty() ? "" : ", ",
                printable(m.summary.details, 1000).c_str());
    for (const cmc::DigestFinding& d : m.artifacts)
      if (!d.success)
        std::printf("    register %lld: %s %s %s\n", static_cast<long long>(d.index),
                    d.launched ? "measured without reference:" : "never measured:", printable(d.name).c_str(),
                    short_hex(d.digest).c_str());
  }
}

// apply_policy lets the administrator's script have the last word; it can refuse and nothing else.
Status apply_policy(const std::string& path, cmc::Judged& judged) {
  if (path.empty()) return ok();
  TRY(Bytes script, read_file(path, kMaxPolicyScript));
  TRY(std::string child, find_policy_child());
  Bytes json = cmc::encode_result(judged.result, cmc::Encoding::json);
  auto answer = run_policy(child, json, script, std::chrono::seconds(10));
  if (answer && answer->pass) return ok();
  judged.result.summary.fail(cmc::kVerifyPolicies, answer ? "policy: " + answer->why : answer.error().what);
  judged.trusted = false;
  return ok();
}

}  // namespace

void add_report_options(CLI::App& app, ReportOptions& options) {
  app.add_option("--report", options.report, "judge a CMC attestation report (JSON or CBOR) without the daemon");
  app.add_option("--at", options.at, "judge as of this time, RFC 3339 (with --report)");
  app.add_option("--signer-roots", options.signer_roots, "roots of metadata signers, PEM (with --report)");
  app.add_option("--ak-roots", options.ak_roots, "roots of attestation keys, PEM (with --report)");
  app.add_option("--roots", options.roots, "one authority certifies signers and attestation keys: its roots, PEM; every result says so (with --report)");
  app.add_flag("--one-root", options.one_root, "says again that --roots is one authority for both (with --report)");
  app.add_flag("--omsp", options.omsp, "demand revocation answers for manifests that name a server (with --report)");
  app.add_option("--peer-cache", options.peer_cache, "folder of signed items held for this peer (with --report)");
}

Result<Exit> run_report(Session& session, const ReportOptions& options, const std::string& nonce) {
  bool one_root = !options.roots.empty(), apart = !options.signer_roots.empty() && !options.ak_roots.empty();
  if (one_root && (!options.signer_roots.empty() || !options.ak_roots.empty()))
    return usage(session, "verify: --roots puts signers and attestation keys under one authority; --signer-roots and --ak-roots keep them apart");
  if (options.one_root && !one_root) return usage(session, "verify: --one-root needs --roots FILE");
  if (!one_root && !apart)
    return usage(session, "verify: --report needs --signer-roots FILE and --ak-roots FILE (or --roots FILE: one authority for both)");
  auto nonce_bytes = from_hex(nonce, 1024);
  if (!nonce_bytes) return usage(session, "verify: --nonce: " + nonce_bytes.error().what);
  auto at = moment(options.at);
  if (!at) return usage(session, "verify: --at: " + at.error().what);
  UnixTime now = *at;
  TRY(Bytes report, read_input(options.report, cmc::kMaxReport));
  TRY(Roots roots, read_roots(options));
  TRY(TrustStore signers, TrustStore::make(roots.signers));
  TRY(TrustStore keys, TrustStore::make(roots.keys));
  TRY(std::vector<Bytes> held, read_held(options.peer_cache));
  std::vector<Bytes> shown = roots.signers;
  shown.insert(shown.end(), roots.keys.begin(), roots.keys.end());
  cmc::Question question;
  question.report = report;
  question.nonce = *nonce_bytes;
  question.now = now;
  question.signers = &signers;
  question.attestation_keys = &keys;
  question.roots = shown;
  question.held = held;
  question.check_omsp = options.omsp;
  question.one_root = one_root;
  cmc::Judged judged = cmc::judge(question);
  CHECK_OK(apply_policy(options.policy, judged));
  if (session.json)
    std::printf("%s\n", std::string(as_text(cmc::encode_result(judged.result, cmc::Encoding::json))).c_str());
  else
    show(judged);
  bool warned = judged.result.summary.state == cmc::State::warn;
  return judged.trusted ? settle(session, warned) : Exit::refused;
}

}  // namespace attest::ctl
