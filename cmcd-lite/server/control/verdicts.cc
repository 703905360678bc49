// explain, verdicts, generate, verify, reload.
#include "cmcd-lite/server/control/ops.h"
#include "evidence/core/hex.h"
#include "verifier/appraise.h"

namespace attest {
namespace {

constexpr std::size_t kMaxNonce = 64;

Result<Bytes> explain(const Engine& engine, const ControlCall& call) {
  auto id = static_cast<std::uint64_t>(call.root().integer("id", 0, INT64_MAX, 0));
  CHECK_OK(call.checked());
  auto record = engine.verdicts.find(id, call.own());
  if (!record)
    return Error{Errc::denied, id == 0 ? "verdict.unknown: nothing was refused since the daemon started"
                                       : "verdict.unknown: verdict " + std::to_string(id) +
                                             " is not kept any more (see the audit log)"};
  std::string json = record_json(*record, true);
  json.insert(1, "\"ok\":true,");
  return to_bytes(as_view(json));
}

Result<Bytes> verdicts(const Engine& engine, const ControlCall& call) {
  auto count = static_cast<std::size_t>(call.root().integer("count", 1, 100000, 20));
  CHECK_OK(call.checked());
  JsonWriter out = accepted();
  out.key("verdicts").array();
  for (const VerdictRecord& record : engine.verdicts.last(count, call.own()))
    out.raw(record_json(record, false));
  out.end_array();
  return finish_json(std::move(out));
}

Result<Bytes> nonce_of(const ControlCall& call) {
  TRY(Bytes nonce, from_hex(call.root().string("nonce"), kMaxNonce));
  if (nonce.empty()) return Error{Errc::malformed, "nonce: 1 to 64 bytes in hex are needed"};
  return nonce;
}

Result<AttestJob> raw_job(const ControlCall& call) {
  CHECK_OK(call.state->access.may(call.asker(), Right::raw));
  AttestJob job;
  TRY(job.raw_nonce, nonce_of(call));
  CHECK_OK(call.checked());
  CHECK_OK(raw_evidence_hash(job.raw_nonce, {}));  // refused here where it begins "attest/"
  job.uid = call.peer.uid;
  job.room = kMaxEvidence;
  job.tell_files = true;  // whoever has the right hands the evidence on himself
  return job;
}

struct VerifyTask {
  Bytes evidence;
  Question question;
  std::shared_ptr<const Policy> policy;
};

Result<VerifyTask> verify_task(const ControlCall& call) {
  CHECK_OK(call.state->access.may(call.asker(), call.controls ? Right::control : Right::judge));
  Object root = call.root();
  VerifyTask task;
  TRY(task.evidence, from_base64(root.string("evidence"), kMaxEvidence));
  TRY(task.question.raw_nonce, nonce_of(call));
  task.question.peer = root.string("peer", "");
  std::string policy = root.string("policy", "");
  CHECK_OK(call.checked());
  TRY(task.policy, call.state->policy(policy));
  return task;
}

}  // namespace

void op_explain(Engine& engine, const ControlPtr& call, const Reply& reply) {
  reply.send(explain(engine, *call));
}
void op_verdicts(Engine& engine, const ControlPtr& call, const Reply& reply) {
  reply.send(verdicts(engine, *call));
}

void op_generate(Engine& engine, const ControlPtr& call, const Reply& reply) {
  auto job = raw_job(*call);
  if (!job) return reply.send(job.error());
  job->done = [reply](Result<Bytes> evidence) {
    if (!evidence) return reply.send(evidence.error());
    JsonWriter out = accepted();
    out.field("evidence", to_base64(*evidence));
    reply.send(finish_json(std::move(out)));
  };
  engine.tpm.attest(std::move(*job));
}

void op_verify(Engine& engine, const ControlPtr& call, const Reply& reply) {
  auto made = verify_task(*call);
  if (!made) return reply.send(made.error());
  auto task = std::make_shared<VerifyTask>(std::move(*made));
  engine.workers.post(call->peer.uid, [call, task, reply](Status go) {
    if (!go) return reply.send(go.error());
    task->question.evidence = task->evidence;
    task->question.now = wall_clock_now();
    JsonWriter out = accepted();
    out.key("appraisal").raw(appraisal_json(appraise(task->question, *task->policy, *call->state->active)));
    reply.send(finish_json(std::move(out)));
  });
}

void op_reload(Engine& engine, const ControlPtr& call, const Reply& reply) {
  if (auto form = call->checked(); !form) return reply.send(form.error());
  engine.reload([reply](Result<std::string> note) {
    if (!note) return reply.send(note.error());
    JsonWriter out = accepted();
    out.field("note", *note);
    reply.send(finish_json(std::move(out)));
  });
}

}  // namespace attest
