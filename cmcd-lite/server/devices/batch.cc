#include "cmcd-lite/server/devices/batch.h"

#include "cmcd-lite/server/devices/key_directory.h"
#include "evidence/tpm/attest.h"

namespace attest {
namespace {

std::vector<AnchorIdentity> anchors_of(std::span<const OpenedDriver> drivers) {
  std::vector<AnchorIdentity> out;
  for (const OpenedDriver& opened : drivers) out.push_back(opened.driver->identity());
  return out;
}

ReportContext base_context(std::span<const OpenedDriver> drivers, const OwnMetadata& own) {
  ReportContext base;
  base.anchors = anchors_of(drivers);
  for (const OpenedDriver& opened : drivers)
    if (auto pcrs = opened.driver->pcrs()) base.pcrs = std::move(pcrs);
  for (const auto& item : own.items) base.metadata.push_back(item->digest);
  return base;
}

// ContextTable encodes the report context once for each (role, service label) of a batch, with and without a
// key.
class ContextTable {
 public:
  ContextTable(ReportContext base, Digest key) : base_(std::move(base)), key_(std::move(key)) {}
  Result<View> find(const AttestJob& job) {
    bool keyed = job.max_age_s > 0 && job.raw_nonce.empty();
    auto& slot = contexts_[{job.role, job.service, keyed}];
    if (!slot.empty()) return View(slot);
    ReportContext context = base_;
    context.role = job.role;
    context.service = job.service;
    if (keyed) context.known_key = key_;
    TRY(slot, encode_context(context));
    return View(slot);
  }

 private:
  ReportContext base_;
  Digest key_;  // empty: no key is quoted
  std::map<std::tuple<Role, std::string, bool>, Bytes> contexts_;
};

// Leaf is a job that takes part in the batch.
struct Leaf {
  AttestJob* job;
  View context;
};

// Leaves are what one quote covers: jobs first, then K with each Epoch ID.
struct Leaves {
  std::vector<Leaf> jobs;
  std::vector<Digest> hashes;
  std::vector<std::pair<AttestJob*, Error>> failed;
};

Result<Digest> leaf_hash(const AttestJob& job, View context) {
  if (!job.raw_nonce.empty()) return raw_evidence_hash(job.raw_nonce, context);
  if (job.binder.size() != 32) return Error{Errc::malformed, "attest: neither binder nor nonce"};
  return evidence_hash(job.binder, context);
}

Leaves gather(std::vector<AttestJob>& jobs, ContextTable& contexts) {
  Leaves out;
  for (AttestJob& job : jobs) {
    auto context = contexts.find(job);
    auto hash = context ? leaf_hash(job, *context) : Result<Digest>(context.error());
    if (!hash) {
      out.failed.emplace_back(&job, hash.error());
      continue;
    }
    out.jobs.push_back({&job, *context});
    out.hashes.push_back(*hash);
  }
  return out;
}

// certified is the TPM's word for the key of the handshake. Without it the evidence is good all the same, and who
// demands it refuses; why there is none, attestctl key list says.
std::optional<CertifiedKey> certified(const AttestJob& job, std::span<const OpenedDriver> drivers) {
  if (!job.tls_key && job.key_file.empty()) return std::nullopt;
  for (const OpenedDriver& opened : drivers) {
    if (!opened.keys || opened.driver->kind() != AnchorKind::tpm) continue;
    std::string name;
    if (job.tls_key)
      name = name_now(*opened.keys, *job.tls_key);
    else if (auto borrowed = opened.keys->borrow(job.key_file))
      name = borrowed->name;
    if (auto key = opened.keys->certify(name)) return *std::move(key);
  }
  return std::nullopt;
}

Status add_epochs(const KeyedQuote& key, Leaves& leaves) {
  for (const QuotedEpoch& quoted : key.epochs) {
    ReportContext context = key.base;
    context.freshness = FreshnessMode::epoch_id;
    context.epoch_id = quoted.epoch.seen.id;
    TRY(Bytes encoded, key_context(std::move(context)));
    leaves.hashes.push_back(key_hash(encoded));
  }
  return ok();
}

// named puts the stable name of a refusal before an error of one kind.
Error named(Error error, Errc kind, const char* name) {
  if (error.code == kind) error.what = std::string(name) + ": " + error.what;
  return error;
}

}  // namespace

Result<BatchMaker::Anchors> BatchMaker::quote(const Digest& qualifying, std::span<const OpenedDriver> drivers,
                                              const OwnMetadata& own, const ReportContext& context) {
  Anchors out;
  for (const OpenedDriver& opened : drivers) {
    auto quoted = opened.driver->quote(qualifying);
    if (!quoted) return named(quoted.error(), Errc::denied, "tpm.locked");
    Anchor anchor = *std::move(quoted);
    note_clock(anchor);
    auto read = opened.driver->log(anchor);  // after the quote: it matches the prefix quoted
    if (!read) return named(read.error(), Errc::mismatch, "pcr.replay-mismatch");
    const MeasuredLog* log = *read;
    auto* tpm = std::get_if<TpmAnchor>(&anchor);
    if (tpm != nullptr) ak_certificate_ = tpm->ak_chain.empty() ? Bytes() : tpm->ak_chain.front();
    if (tpm != nullptr && log != nullptr) {
      tpm->pcr_values = log->pcr_values;
      tpm->startup_locality = log->startup_locality;
      auto encoded = logs_.encoded(*log, own, context);
      if (!encoded) return named(encoded.error(), Errc::denied, "log.too-long");
      out.tpm_logs = *std::move(encoded);
    }
    out.anchors.push_back(std::move(anchor));
  }
  return out;
}

void BatchMaker::note_clock(const Anchor& anchor) const {
  const auto* tpm = std::get_if<TpmAnchor>(&anchor);
  if (keyring_ == nullptr || tpm == nullptr) return;
  if (auto statement = parse_attest(tpm->attest)) keyring_->confirm(statement->clock, moment_now());
}

Status BatchMaker::make(std::vector<AttestJob>& jobs, std::span<const OpenedDriver> drivers,
                        const State& state) {
  auto key = keyring_ != nullptr ? keyring_->plan(jobs, state, moment_now()) : nullptr;
  ReportContext base = base_context(drivers, state.own);
  ContextTable contexts(base, key ? key->key.name() : Digest());
  Leaves leaves = gather(jobs, contexts);
  if (key) {
    key->base = base;
    key->base.known_key = key->key.name();
    CHECK_OK(add_epochs(*key, leaves));
  }
  if (!leaves.hashes.empty()) {
    TRY(MerkleTree tree, MerkleTree::make(leaves.hashes));
    TRY(Anchors quoted, quote(batch_qualifying_data(tree.root()), drivers, state.own, base));
    Evidence evidence;
    evidence.anchors = std::move(quoted.anchors);
    if (key) keep_key(std::move(key), tree, leaves.jobs.size(), evidence.anchors, quoted.tpm_logs);
    for (std::uint32_t i = 0; i < leaves.jobs.size(); i++) {
      evidence.context = to_bytes(leaves.jobs[i].context);
      evidence.path = tree.path(i);
      const AttestJob& job = *leaves.jobs[i].job;
      evidence.tls_key = certified(job, drivers);
      if (keyring_ != nullptr && evidence.tls_key) keyring_->keep(job.certify_spki, *evidence.tls_key, anchors_of(drivers));
      auto tail = logs_.after(job.cursor, job.nonce, job.tell_files);
      const auto& whole = job.tell_files ? quoted.tpm_logs.told : quoted.tpm_logs.withheld;
      job.done(message_for(job, evidence, tail ? *tail : whole, state.own));
    }
  }
  for (auto& [job, error] : leaves.failed) job->done(error);
  return ok();
}

// keep_key hands the key over to the ring before anybody can ask for it.
void BatchMaker::keep_key(std::unique_ptr<KeyedQuote> key, const MerkleTree& tree, std::size_t jobs,
                          const std::vector<Anchor>& anchors, const LogCache::Encoded& logs) {
  for (std::size_t i = 0; i < key->epochs.size(); i++)
    key->epochs[i].path = tree.path(static_cast<std::uint32_t>(jobs + i));
  if (!key->epochs.empty()) {
    key->quote.anchors = anchors;
    for (View log : logs.told) key->quote.told.push_back(to_bytes(log));
    for (View log : logs.withheld) key->quote.withheld.push_back(to_bytes(log));
  }
  keyring_->add(std::move(key), moment_now());
}

}  // namespace attest
