#include "cmcd-lite/server/calls.h"

#include "cmcd-lite/server/control/control.h"
#include "cmcd-lite/server/engine/cmc_handshake.h"
#include "cmcd-lite/server/engine/judge.h"
#include "drivers/tls_scheme.h"
#include "evidence/core/hex.h"
#include "evidence/core/printable.h"
#include "evidence/native/certificate_verify.h"
#include "evidence/native/request.h"
#include "evidence/tpm/tss2_key.h"

namespace attest {
namespace {

using StatePtr = std::shared_ptr<const State>;

constexpr UnixTime kAcceptedSeconds = 60;  // evidence answers a peer accepted in the same handshake

Access::Asker asker_of(const Call& call, const State& state) {
  return {call.peer, state.socket_callers(call.socket)};
}

KeyNames key_names(const Engine& engine) {
  return [&keys = engine.keys](std::string_view name, const Digest& spki) { return keys.is(name, spki); };
}

// wishes_of: what we ask of this peer. Hints of its keys and logs, like known digests, are for peers with a rule
// of their own.
Wishes wishes_of(Engine& engine, const State& state, const Policy& policy, const BeginCall& begin,
                 const Moment& now) {
  bool drivers = state.config.drivers.tpm || state.config.drivers.sw;
  bool requires_evidence = begin.mode == Mode::require && !policy.observe && !state.config.observe;
  Role prover = other(begin.our_role);
  Wishes wishes;
  wishes.flags = static_cast<std::uint8_t>((drivers ? RequestHeader::kCanAttest : 0) |
                                           (requires_evidence ? RequestHeader::kRequires : 0));
  wishes.known_digests = known_digests(policy, *state.active, begin.peer, prover);
  wishes.max_age_s = policy.max_age_s;
  bool known_peer = listed(policy, begin.peer, prover);
  if (known_peer) wishes.prefix = engine.known.newest_log(begin.peer, prover);
  wishes.profiles = wished_profiles(state, begin.policy);
  if (policy.max_age_s == 0) return wishes;
  if (known_peer)
    wishes.keys = engine.known.find(begin.peer, prover, policy.max_age_s, now);
  for (const Distributor& distributor : policy.distributors) wishes.distributors.push_back(distributor.name);
  return wishes;
}

Result<Bytes> begin(Engine& engine, const StatePtr& state, Call& call) {
  TRY(BeginCall begin, decode_begin_call(call.payload));
  CHECK_OK(state->access.may(asker_of(call, *state), Right::judge));
  TRY(auto policy, state->policy(begin.policy));
  Moment now = moment_now();
  Wishes wishes = wishes_of(engine, *state, *policy, begin, now);
  TRY(BeginAnswer answer, call.nonces.issue(std::move(begin), std::move(wishes), now));
  return encode_begin_answer(answer);
}

Status not_revoked(const Engine& engine, const Digest& spki) {
  if (!engine.revoked.contains(spki)) return ok();
  return Error{Errc::denied, "key.revoked: the key with SPKI " + short_hex(spki.view()) +
                                 " was revoked on this machine (attestctl key revoke)"};
}

Result<KeyInfo> key_in_file(View der) {
  TRY(Tss2Key file, parse_tss2_key(der));
  TRY(PublicArea area, tss2_public(file));
  TRY(Bytes spki, area.spki_der());
  return KeyInfo{"", area.algorithm(), std::move(spki), true};
}

Result<Digest> spki_of_file(View der) {
  auto key = key_in_file(der);
  if (!key) return Error{key.error().code, "key.reference: " + key.error().what};
  return sha256(key->spki_der);
}

// name_tls_key tells the TPM's thread which key to certify: one it holds, or the one in the program's file.
Status name_tls_key(const Engine& engine, const Digest& spki, const Bytes& key_file, AttestJob& job) {
  if (auto key = engine.keys.find_spki(spki)) {
    if (!key->info.in_tpm) return ok();
    job.tls_key = std::move(key->info);
    job.certify_spki = spki;
    return ok();
  }
  if (key_file.empty()) return ok();
  TRY(Digest of_file, spki_of_file(key_file));
  if (of_file != spki)
    return Error{Errc::mismatch, "key.reference: the key file is not that of the certificate"};
  job.key_file = key_file;
  job.certify_spki = spki;
  return ok();
}

// ProfiledJob is a job and the form its evidence is to have.
struct ProfiledJob {
  AttestJob job;
  Profile profile = Profile::native;
};

Result<ProfiledJob> attest_job(Engine& engine, const StatePtr& state, const Call& call) {
  TRY(AttestCall asked, decode_attest_call(call.payload));
  const BinderInputs& inputs = asked.inputs;
  TRY(Digest spki, spki_sha256(inputs.leaf_der));
  CHECK_OK(not_revoked(engine, spki));
  TRY(Grant grant, state->access.may_attest(asker_of(call, *state), inputs.prover, spki, state->machine_spki,
                                            key_names(engine)));
  TRY(Request request, decode_request(inputs.request));
  ProfiledJob out;
  TRY(out.profile, chosen_profile(*state, request));
  AttestJob& job = out.job;
  job.uid = call.peer.uid;
  job.role = inputs.prover;
  job.service = grant.service;
  job.leaf_spki = spki;
  job.still_granted = [&engine, state, peer = call.peer, socket = std::string(call.socket), role = inputs.prover, spki,
                       service = grant.service] {
    Access::Asker asker{peer, state->socket_callers(socket)};
    auto now = state->access.may_attest(asker, role, spki, state->machine_spki, key_names(engine));
    return now && now->service == service;
  };
  TRY(job.binder, compute_binder(inputs));
  job.known = std::move(request.known_digests);
  job.nonce = request.header.nonce;
  job.max_age_s = request.max_age_s;
  job.cursor = std::move(request.cursor);
  job.known_keys = std::move(request.known_keys);
  job.distributors = std::move(request.distributors);
  job.room = asked.room;
  job.listed = listed_by_any(*state, asked.peer, other(inputs.prover));
  job.tell_files =
      state->config.ima_entries == ImaEntries::anyone ||
      engine.verdicts.accepted(asked.peer_verdict, call.peer.uid, wall_clock_now() - kAcceptedSeconds);
  CHECK_OK(name_tls_key(engine, spki, asked.key_file, job));
  if (!job.certify_spki.empty() && !job.still_granted())  // the TPM was opened in between
    return Error{Errc::denied, "daemon.denied: the key has a name now, which the rules give to another caller"};
  return out;
}

void attest(Engine& engine, const StatePtr& state, const Call& call, const Reply& reply) {
  auto asked = attest_job(engine, state, call);
  if (!asked) return reply.send(asked.error());
  AttestJob* job = &asked->job;
  job->done = [reply](Result<Bytes> evidence) {
    if (!evidence) return reply.send(evidence.error());
    reply.send(encode_attest_answer({std::move(*evidence)}));
  };
  if (asked->profile == Profile::cmc) return give_report(engine, state, std::move(*job));
  if (!engine.keyring.may_answer(*job, moment_now())) return engine.tpm.attest(std::move(*job));
  auto shared = std::make_shared<AttestJob>(std::move(*job));
  engine.workers.post({call.peer.uid, shared->listed}, [&engine, state, shared](Status go) {
    auto evidence = go ? engine.keyring.answer(*shared, *state, moment_now()) : std::nullopt;
    if (evidence) return shared->done(*std::move(evidence));
    engine.tpm.attest(std::move(*shared));
  });
}

void judge_call(Engine& engine, const StatePtr& state, Call& call, const Reply& reply) {
  auto decoded = decode_judge_call(call.payload);
  if (!decoded) return reply.send(decoded.error());
  auto grant = state->access.may(asker_of(call, *state), Right::judge);
  if (!grant) return reply.send(grant.error());
  auto issued =
      call.nonces.take(decoded->handle, decoded->inputs.request, decoded->inputs.prover, moment_now());
  auto task = std::make_shared<JudgeTask>(
      JudgeTask{state, call.peer, grant->service, std::move(*decoded), std::move(issued), {}});
  engine.workers.post(call.peer.uid, [&engine, task, reply](Status go) {
    if (!go) return reply.send(go.error());
    task->now = moment_now();
    reply.send(encode_judge_answer(judge(*task, engine.verdicts, {engine.known, engine.epochs})));
  });
}

struct SignTask {
  KeyEntry key;
  SignCall call;
};

// key_to_sign: the key in the file, the key of the name, or the one that the name replaced and the caller means.
Result<KeyEntry> key_to_sign(const Engine& engine, const SignCall& call) {
  if (!call.key_file.empty()) {
    auto key = key_in_file(call.key_file);
    if (!key) return Error{key.error().code, "key.reference: " + key.error().what};
    Digest spki = sha256(key->spki_der);
    return KeyEntry{*std::move(key), spki};
  }
  auto key = engine.keys.find(call.key);
  if (!key)
    return Error{Errc::denied, "key.unknown: no key \"" + printable(call.key) + "\" (attestctl key list)"};
  if (call.spki_sha256.empty() || equal(call.spki_sha256, key->spki.view())) return *std::move(key);
  Digest meant = Digest::of(call.spki_sha256);
  auto other = engine.keys.find_spki(meant);
  if (other && engine.keys.is(call.key, meant)) return *std::move(other);
  return Error{Errc::mismatch, "key.changed: the daemon's key \"" + printable(call.key) +
                                   "\" is not the one of this reference (write it anew: attestctl key show)"};
}

Result<SignTask> sign_task(Engine& engine, const StatePtr& state, const Call& call) {
  TRY(SignCall asked, decode_sign_call(call.payload));
  auto role = certificate_verify_signer(asked.content);
  if (!role)
    return Error{
        Errc::denied,
        "key.content: not the content of a TLS 1.3 CertificateVerify; handshake keys sign nothing else"};
  if (!asked.spki_sha256.empty()) CHECK_OK(not_revoked(engine, Digest::of(asked.spki_sha256)));
  auto key = key_to_sign(engine, asked);
  if (!key) return key.error();
  CHECK_OK(not_revoked(engine, key->spki));
  CHECK_OK(state->access.may_sign(asker_of(call, *state), *role, key->spki, state->machine_spki,
                                  key_names(engine)));
  if (auto scheme = tls_scheme(asked.scheme, key->info.algorithm); !scheme)
    return Error{Errc::unsupported, "key.scheme: " + scheme.error().what};
  return SignTask{std::move(*key), std::move(asked)};
}

Result<Bytes> sign_with(KeyStore& store, const SignTask& task) {
  std::string name;
  if (task.call.key_file.empty()) {
    name = name_now(store, task.key.info);
  } else {
    TRY(KeyInfo borrowed, store.borrow(task.call.key_file));
    name = std::move(borrowed.name);
  }
  TRY(Bytes signature, store.sign(name, task.call.scheme, task.call.content));
  return encode_sign_answer({std::move(signature)});
}

void sign(Engine& engine, const StatePtr& state, const Call& call, const Reply& reply) {
  auto made = sign_task(engine, state, call);
  if (!made) return reply.send(made.error());
  auto task = std::make_shared<SignTask>(std::move(*made));
  if (!task->key.info.in_tpm)
    return engine.workers.post(call.peer.uid, [&engine, task, reply](Status go) {
      if (!go) return reply.send(go.error());
      reply.send(engine.file_keys.use([&](KeyStore& store) { return sign_with(store, *task); }));
    });
  engine.tpm.run(call.peer.uid, [task, reply](Result<TpmThread::Devices*> devices) {
    if (!devices) return reply.send(devices.error());
    auto keys = tpm_keys(**devices);
    reply.send(keys ? sign_with(**keys, *task) : Result<Bytes>(keys.error()));
  });
}

Result<Bytes> key(Engine& engine, const StatePtr& state, const Call& call) {
  TRY(KeyCall asked, decode_key_call(call.payload));
  auto entry = engine.keys.find(asked.key);
  if (!entry)
    return Error{Errc::denied, "key.unknown: no key \"" + printable(asked.key) + "\" (attestctl key list)"};
  Access::Asker asker = asker_of(call, *state);
  auto as_client =
      state->access.may_sign(asker, Role::client, entry->spki, state->machine_spki, key_names(engine));
  if (!as_client)
    CHECK_OK(
        state->access.may_sign(asker, Role::server, entry->spki, state->machine_spki, key_names(engine)));
  return encode_key_answer({entry->info.spki_der, entry->info.in_tpm});
}

Result<Bytes> machine_cert(Engine& engine, const StatePtr& state, const Call& call) {
  if (!call.payload.empty()) return Error{Errc::malformed, "machine certificate: the call has no payload"};
  if (state->machine_chain.empty()) return encode_machine_cert_answer({});
  CHECK_OK(state->access.may_sign(asker_of(call, *state), Role::client, state->machine_spki,
                                  state->machine_spki, key_names(engine)));
  return encode_machine_cert_answer({state->machine_chain, state->config.machine_cert.key});
}

}  // namespace

void serve_call(Engine& engine, Call call, Reply reply) {
  StatePtr state = engine.state.get();
  switch (call.type) {
    case FrameType::begin:
      return reply.send(begin(engine, state, call));
    case FrameType::attest:
      return attest(engine, state, call, reply);
    case FrameType::judge:
      return judge_call(engine, state, call, reply);
    case FrameType::sign:
      return sign(engine, state, call, reply);
    case FrameType::key:
      return reply.send(key(engine, state, call));
    case FrameType::machine_cert:
      return reply.send(machine_cert(engine, state, call));
    case FrameType::control:
      return serve_control(engine, call, reply);
    default:
      return reply.send(Error{Errc::unsupported, "daemon.protocol: frame type is not served"});
  }
}

}  // namespace attest
