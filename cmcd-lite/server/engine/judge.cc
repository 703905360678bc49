#include "cmcd-lite/server/engine/judge.h"

#include "cmcd-lite/server/engine/cmc_handshake.h"
#include "cmcd-lite/server/process/build_time.h"
#include "cmcd-lite/server/process/named_error.h"
#include "evidence/core/printable.h"
#include "verifier/appraise.h"

namespace attest {
namespace {

constexpr std::size_t kKeptMismatches = 256;

// refused_by_us is the appraisal of a call that never reached the evidence.
Appraisal refused_by_us(const Error& error, const std::string& peer) {
  ErrorAnswer named = named_error(error);
  Appraisal appraisal;
  appraisal.peer = peer;
  appraisal.verdict.fail(named.name, named.text);
  return appraisal;
}

Result<Appraisal> judged(const JudgeTask& task, const std::string& peer, const JudgeMemory& memory) {
  if (!task.issued) return task.issued.error();
  const BeginCall& begin = task.issued->call;
  TRY(auto policy, task.state->policy(begin.policy));
  Question question;
  question.evidence = task.call.evidence;
  question.prover = task.call.inputs.prover;
  if (!question.evidence.empty()) {  // a silent peer answered nothing that a binder could be made of
    CHECK_OK(check_offered(task.call.inputs.request, question.evidence));
    TRY(question.binder, compute_binder(task.call.inputs));
    TRY(question.leaf_spki, spki_sha256(task.call.inputs.leaf_der));
  }
  question.peer = peer;
  question.x509_ok = begin.x509_name_checked && task.call.x509_ok;
  question.now = task.now.wall_ms / 1000;
  question.built = build_time();
  if (!question.evidence.empty() && profile_of(question.evidence) == Profile::cmc)
    return judged_report(*task.state, begin, question, *policy);
  for (const RememberedKey& key : task.issued->keys)
    question.known.push_back({key.fact, elapsed_ms(key.issued, task.now)});
  question.prefix = task.issued->prefix;
  question.epochs = memory.epochs.seen();
  return appraise(question, *policy, *task.state->active);
}

// lenient: the process or the administrator asked to refuse nobody.
bool lenient(const JudgeTask& task) {
  if (!task.issued) return false;
  const BeginCall& begin = task.issued->call;
  if (begin.mode != Mode::require || task.state->config.observe) return true;
  auto policy = task.state->policy(begin.policy);
  return policy && (*policy)->observe;
}

std::string peer_of(const JudgeTask& task) {
  if (!task.call.peer.empty() || !task.issued) return task.call.peer;
  return task.issued->call.peer;
}

VerdictRecord record_of(const JudgeTask& task, const Appraisal& appraisal, const std::string& peer) {
  VerdictRecord record;
  record.when = task.now.wall_ms / 1000;
  record.peer = peer;
  record.role = task.call.inputs.prover;
  record.uid = task.caller.uid;
  record.pid = task.caller.pid;
  record.service = task.service;
  record.policy = !task.issued || task.issued->call.policy.empty() ? "default" : task.issued->call.policy;
  record.trusted = appraisal.verdict.trusted();
  record.outcome = lenient(task)    ? JudgeOutcome::observed
                   : record.trusted ? JudgeOutcome::accepted
                                    : JudgeOutcome::refused;
  if (!record.trusted) {
    const Check* failure = appraisal.verdict.first_failure();
    record.name = failure != nullptr ? failure->id : "verdict.empty";
    record.why = failure != nullptr ? failure->why : "no check passed";
    record.remedy = failure != nullptr ? failure->remedy : "";
  }
  record.appraisal = appraisal_json(appraisal, kKeptMismatches);
  return record;
}

std::string text_for_caller(const VerdictRecord& record, std::uint64_t id) {
  if (record.trusted) return "";
  std::string text = record.why;
  if (!record.remedy.empty()) text += "; " + record.remedy;
  if (text.size() > 1024) text = text.substr(0, 1024) + "...";
  return text + " (attestctl explain " + std::to_string(id) + ")";
}

std::size_t memory_of(const Segment& segment) {
  std::size_t bytes = sizeof segment;
  if (const auto* event = std::get_if<EventSegment>(&segment))
    bytes += event->template_name.size() + event->digest.size() + event->data.size();
  if (const auto* digest = std::get_if<DigestSegment>(&segment)) bytes += digest->digest.size();
  if (const auto* packed = std::get_if<PackedSegment>(&segment)) bytes += packed->entries.size() * sizeof packed->entries[0];
  return bytes;
}

// memory_of is about what remembered evidence takes: the message, and logs that are longer where only their end came.
std::size_t memory_of(const QuotedKey& fact, std::size_t message) {
  std::size_t bytes = message;
  for (const Anchor& anchor : fact.evidence.anchors)
    if (const auto* tpm = std::get_if<TpmAnchor>(&anchor))
      for (const EvidenceLog& log : tpm->logs)
        for (const Segment& segment : log.segments) bytes += memory_of(segment);
  return bytes;
}

// learn keeps facts: of keys and logs only where the peer was accepted and has a rule of its own, the only ones
// we would name again.
void learn(const JudgeTask& task, const Appraisal& appraisal, JudgeOutcome outcome,
           const JudgeMemory& memory) {
  if (appraisal.epoch) memory.epochs.note(*appraisal.epoch, task.now.wall_ms / 1000);
  if (!task.issued) return;
  const BeginCall& begin = task.issued->call;
  Role prover = task.call.inputs.prover;
  if (outcome != JudgeOutcome::accepted && task.issued->prefix) memory.keys.doubt(begin.peer, prover, task.issued->prefix);
  if (outcome != JudgeOutcome::accepted || !appraisal.quoted) return;
  auto policy = task.state->policy(begin.policy);
  if (!policy || !listed(**policy, begin.peer, prover) || begin.peer != peer_of(task)) return;
  memory.keys.add(begin.peer, prover, appraisal.quoted, task.issued->issued,
                  memory_of(*appraisal.quoted, task.call.evidence.size()));
}

}  // namespace

JudgeAnswer judge(const JudgeTask& task, Verdicts& verdicts, JudgeMemory memory) {
  std::string peer = peer_of(task);
  auto result = judged(task, peer, memory);
  Appraisal appraisal = result ? std::move(*result) : refused_by_us(result.error(), peer);
  VerdictRecord record = record_of(task, appraisal, peer);
  learn(task, appraisal, record.outcome, memory);
  JudgeAnswer answer;
  answer.outcome = record.outcome;
  answer.name = record.name;
  VerdictRecord shown = record;
  answer.verdict_id = verdicts.add(std::move(record));
  answer.text = text_for_caller(shown, answer.verdict_id);
  return answer;
}

}  // namespace attest
