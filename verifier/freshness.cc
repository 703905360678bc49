#include "verifier/freshness.h"

#include <algorithm>

#include "evidence/core/hex.h"
#include "verifier/consistency.h"

namespace attest {
namespace {

constexpr const char* kClockRemedy = "set this machine's clock; attestctl status shows the newest Epoch ID";

std::string seconds(std::int64_t s) { return std::to_string(s) + " s"; }

Failed check_mode(const Question& q, const Policy& policy, FreshnessMode mode) {
  if (q.binder.empty())
    return failed(check::kFreshnessMode, "a report outside a handshake has to answer the nonce itself");
  if (policy.max_age_s == 0)
    return failed(check::kFreshnessMode, std::string("the evidence rests on an earlier quote (") + freshness_name(mode) +
                                             "), policy \"" + policy.name + "\" demands one over this handshake",
                  "set max_age in the policy to accept evidence of that age");
  return {};
}

// same_machine: all that a context says of the machine, whoever asks.
bool same_machine(const ReportContext& a, const ReportContext& b) {
  return a.profile == b.profile && a.anchors == b.anchors && a.pcrs == b.pcrs && a.metadata == b.metadata && a.known_key == b.known_key;
}

Failed check_proof(const Question& q, const QuotedKey& message) {
  const Evidence& evidence = message.evidence;
  Status proof = verify_key_proof(*evidence.key, message.context.known_key, evidence_hash(q.binder, evidence.context));
  if (proof) return {};
  return failed(check::kFreshnessKeySignature, proof.error().what + " for this handshake",
                "connect without a TLS middle box; otherwise take it for an attack");
}

Failed check_known(const Question& q, const Policy& policy, const QuotedKey& message, Subject& subject, Appraisal& out) {
  const ReportContext& context = message.context;
  auto known = std::ranges::find_if(q.known, [&](const KnownKey& k) { return k.fact->context.known_key == context.known_key; });
  if (known == q.known.end())
    return failed(check::kFreshnessKeyUnknown, "key " + short_hex(context.known_key.view()) + " was not among those our request named",
                  "connect again: the next request asks for a whole quote");
  out.age_s = known->age_ms / 1000;
  if (known->age_ms < 0 || known->age_ms > std::int64_t{policy.max_age_s} * 1000)
    return failed(check::kFreshnessKeyExpired, "the quote of key " + short_hex(context.known_key.view()) + " is " + seconds(out.age_s) +
                                                   " old, policy \"" + policy.name + "\" accepts " + seconds(policy.max_age_s),
                  "connect again: the next request asks for a whole quote");
  if (!same_machine(context, known->fact->context))
    return failed(check::kEvidenceInconsistent, "key " + short_hex(context.known_key.view()) + " was quoted for another machine or other metadata");
  subject = {known->fact, known->fact->qualifying};
  return check_proof(q, message);
}

// find_distributor reads the Epoch ID under the one key of the policy that signed it.
Failed find_distributor(const Policy& policy, const SignedEpochId& signed_epoch, EpochSeen& out) {
  for (const Distributor& distributor : policy.distributors) {
    auto key = read_p256(distributor.spki_der);
    if (!key) continue;
    auto epoch = verify_epoch(signed_epoch, key->get());
    if (!epoch && epoch.error().code == Errc::untrusted) continue;
    if (!epoch) return failed(check::kEpochSignature, epoch.error().what);
    out = {distributor.name, (*epoch)->time, (*epoch)->sequence, epoch_digest(signed_epoch)};
    return {};
  }
  return failed(check::kEpochSignature, "the Epoch ID is signed by none of the " + std::to_string(policy.distributors.size()) +
                                            " distributors that policy \"" + policy.name + "\" names",
                "list the distributor's key under epoch_distributors if it is the right one");
}

// check_clock: a clock that lies behind what was certainly written before cannot tell the age of anything.
Failed check_clock(const Question& q, const Policy& policy) {
  UnixTime latest = q.now + policy.epoch_skew_s;
  if (latest < q.built)
    return failed(check::kEpochClock, "this machine's clock says " + format_rfc3339(q.now) + ", this program was made " + format_rfc3339(q.built), kClockRemedy);
  for (const EpochSeen& seen : q.epochs) {
    bool ours = std::ranges::find(policy.distributors, seen.distributor, &Distributor::name) != policy.distributors.end();
    if (ours && latest < seen.time)
      return failed(check::kEpochClock, "this machine's clock says " + format_rfc3339(q.now) + ", an Epoch ID of " +
                                            format_rfc3339(seen.time) + " was seen before", kClockRemedy);
  }
  return {};
}

Failed check_age(const Question& q, const Policy& policy, const EpochSeen& epoch) {
  if (epoch.time > q.now + policy.epoch_skew_s)
    return failed(check::kEpochFuture, "the Epoch ID is of " + format_rfc3339(epoch.time) + ", now is " + format_rfc3339(q.now),
                  "compare the clocks; if they are right, the distributor signs for hours to come: replace it");
  if (q.now - epoch.time > policy.max_age_s)
    return failed(check::kEpochTooOld, "the Epoch ID is " + seconds(q.now - epoch.time) + " old, policy \"" + policy.name + "\" accepts " +
                                           seconds(policy.max_age_s), "see on the peer whether Epoch IDs reach it (attestctl status)");
  return {};
}

// check_order: time and sequence of one distributor rise together, and nothing returns from behind the newest.
Failed check_order(const Question& q, const Policy& policy, const EpochSeen& epoch) {
  auto seen = std::ranges::find(q.epochs, epoch.distributor, &EpochSeen::distributor);
  if (seen == q.epochs.end()) return {};
  if (epoch.time + policy.max_age_s < seen->time)
    return failed(check::kEpochTooOld, "the Epoch ID is of " + format_rfc3339(epoch.time) + ", one of " + format_rfc3339(seen->time) + " was seen before",
                  "see on the peer whether Epoch IDs reach it (attestctl status)");
  bool agree = epoch.sequence == seen->sequence   ? epoch.id == seen->id
               : epoch.sequence > seen->sequence ? epoch.time >= seen->time
                                                  : epoch.time <= seen->time;
  if (agree) return {};
  return failed(check::kEpochOrder, "Epoch ID " + std::to_string(epoch.sequence) + " of " + format_rfc3339(epoch.time) + " contradicts number " +
                                        std::to_string(seen->sequence) + " of " + format_rfc3339(seen->time),
                "two machines sign with this distributor's key, or its clock was set back: find out which");
}

Result<Digest> quoted_key(const QuotedKey& message) {
  TRY(Bytes context, key_context(message.context));
  TRY(Digest root, merkle_root(key_hash(context), message.evidence.path));
  return batch_qualifying_data(root);
}

Failed check_epoch(const Question& q, const Policy& policy, const QuotedKey& message, Subject& subject, Appraisal& out) {
  if (epoch_digest(*message.evidence.epoch) != message.context.epoch_id)
    return failed(check::kEvidenceInconsistent, "the report context names another Epoch ID than the evidence carries");
  EpochSeen epoch;
  if (Failed bad = find_distributor(policy, *message.evidence.epoch, epoch)) return bad;
  if (Failed bad = check_clock(q, policy)) return bad;
  if (Failed bad = check_age(q, policy, epoch)) return bad;
  if (Failed bad = check_order(q, policy, epoch)) return bad;
  out.age_s = std::max<UnixTime>(0, q.now - epoch.time);
  out.epoch = epoch;
  auto qualifying = quoted_key(message);
  if (!qualifying) return failed(check::kEvidenceMalformed, qualifying.error().what);
  subject.qualifying = *qualifying;
  return check_proof(q, message);
}

}  // namespace

const char* freshness_name(FreshnessMode mode) {
  constexpr const char* names[] = {"nonce", "known-key", "epoch-id"};
  auto i = static_cast<std::size_t>(mode);
  return i < std::size(names) ? names[i] : "unknown";
}

bool check_freshness(const Question& q, const Policy& policy, const QuotedKey& message, Subject& subject, Appraisal& out) {
  FreshnessMode mode = message.context.freshness;
  out.freshness = mode;
  if (mode == FreshnessMode::nonce) {
    auto qualifying = qualifying_data(q, message.evidence);
    if (!qualifying) out.verdict.fail(check::kEvidenceMalformed, qualifying.error().what);
    if (qualifying) subject.qualifying = *qualifying;
    return static_cast<bool>(qualifying);
  }
  if (!note(out.verdict, check::kFreshnessMode, check_mode(q, policy, mode))) return false;
  bool known = mode == FreshnessMode::known_key;
  Failed result = known ? check_known(q, policy, message, subject, out) : check_epoch(q, policy, message, subject, out);
  return note(out.verdict, check::kFreshnessKeySignature, std::move(result));
}

}  // namespace attest
