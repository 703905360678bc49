// attestctl verify: judge evidence that was made over a nonce.
#include <cstdio>

#include "apps/attestctl/commands.h"
#include "apps/attestctl/field.h"
#include "apps/attestctl/files.h"
#include "apps/attestctl/metadata_store.h"
#include "apps/attestctl/style.h"
#include "apps/attestctl/verify_report.h"
#include "evidence/core/hex.h"
#include "verifier/explain/explain.h"

namespace attest::ctl {
namespace {

struct Options {
  std::string file, nonce, peer, policy, policy_file, metadata;
  std::vector<std::string> roots;
  ReportOptions report;
};

// read_evidence takes the bytes, or the JSON that attestctl generate prints (its nonce then counts where none
// is given).
Result<Bytes> read_evidence(Options& options) {
  TRY(Bytes bytes, read_input(options.file, 2 * kMaxEvidence));
  Json json = Json::parse(bytes.begin(), bytes.end(), nullptr, false);
  if (!json.is_object()) return bytes;
  if (options.nonce.empty()) options.nonce = text_of(json, "nonce");
  return from_base64(text_of(json, "evidence"), kMaxEvidence);
}

Result<Appraisal> by_daemon(const Session& session, const Options& options, View evidence) {
  TRY(Json answer, ask(session,
                       {{"op", "verify"},
                        {"evidence", to_base64(evidence)},
                        {"nonce", options.nonce},
                        {"peer", options.peer},
                        {"policy", options.policy}},
                       "waiting for the verdict"));
  const Json& appraisal = field(answer, "appraisal");
  return parse_appraisal(appraisal.is_object() ? appraisal.dump() : answer.dump());
}

Result<Appraisal> by_hand(const Options& options, View evidence) {
  TRY(Policy policy, load_policy(options.policy_file));
  TRY(std::vector<Bytes> roots, read_roots(options.roots));
  Question question;
  question.now = wall_clock_now();
  TRY(ActiveSet active, ActiveSet::load(options.metadata, roots, question.now));
  TRY(question.raw_nonce, from_hex(options.nonce, 64));
  question.evidence = evidence;
  question.peer = options.peer;
  return appraise(question, policy, active);
}

Exit show(const Session& session, const Appraisal& appraisal, const std::string& peer) {
  bool trusted = appraisal.verdict.trusted();
  bool warned = false;
  for (const Check& check : appraisal.verdict.checks()) warned = warned || check.outcome == Outcome::warn;
  Refusal told;
  told.when = wall_clock_now();
  told.peer = peer;
  told.outcome = trusted ? "accepted" : "refused";
  told.appraisal = appraisal;
  if (const Check* first = appraisal.verdict.first_failure()) {
    told.name = first->id;
    told.why = first->why;
    told.remedy = first->remedy;
  }
  if (session.json)
    std::printf("%s\n", appraisal_json(appraisal).c_str());
  else
    std::printf("%s", explain_text(told, {session.verbose}).c_str());
  return trusted ? settle(session, warned) : Exit::refused;
}

Result<Exit> run(Session& session, Options options) {
  if (!options.report.report.empty()) {
    options.report.policy = options.policy;
    return run_report(session, options.report, options.nonce);
  }
  if (options.file.empty()) return usage(session, "verify: EVIDENCE or --report FILE is missing");
  bool alone = !options.policy_file.empty();
  if (alone && (options.metadata.empty() || options.roots.empty()))
    return usage(session, "verify: --policy-file also needs --metadata FOLDER and --root FILE");
  TRY(Bytes evidence, read_evidence(options));
  if (options.nonce.empty())
    return usage(session, "verify: --nonce is missing: evidence without a nonce proves nothing");
  if (auto nonce = from_hex(options.nonce, 64); !nonce) return usage(session, "verify: --nonce: " + nonce.error().what);
  TRY(Appraisal appraisal, alone ? by_hand(options, evidence) : by_daemon(session, options, evidence));
  return show(session, appraisal, options.peer);
}

}  // namespace

void add_verify(CLI::App& app_, Session& session) {
  auto options = std::make_shared<Options>();
  CLI::App* app = command(app_, session, "verify", "judge evidence made by attestctl generate",
                          [options](Session& s) { return run(s, *options); });
  app->add_option("EVIDENCE", options->file, "file with evidence; - for stdin");
  app->add_option("--nonce", options->nonce, "the nonce you asked for, in hex");
  app->add_option("--peer", options->peer, "the name you know the machine by");
  app->add_option("--policy", options->policy, "policy of the daemon (default: default); with --report a JavaScript file that has the last word");
  app->add_option("--policy-file", options->policy_file, "judge without the daemon, under this policy file");
  app->add_option("--metadata", options->metadata, "folder of signed metadata (with --policy-file)");
  app->add_option("--root", options->roots, "root certificate of metadata signers (with --policy-file)");
  add_report_options(*app, options->report);
}

}  // namespace attest::ctl
