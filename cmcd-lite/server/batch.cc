#include "cmcd-lite/server/batch.h"

#include "cmcd-lite/server/key_directory.h"

namespace attest {
namespace {

// ContextTable encodes the report context once for each (role, service label) of a batch.
class ContextTable {
 public:
  ContextTable(std::span<const OpenedDriver> drivers, const OwnMetadata& own) {
    for (const OpenedDriver& opened : drivers) {
      base_.anchors.push_back(opened.driver->identity());
      if (auto pcrs = opened.driver->pcrs()) base_.pcrs = std::move(pcrs);
    }
    for (const auto& item : own.items) base_.metadata.push_back(item->digest);
  }
  Result<View> find(Role role, const std::string& service) {
    auto& slot = contexts_[{role, service}];
    if (!slot.empty()) return View(slot);
    ReportContext context = base_;
    context.role = role;
    context.service = service;
    TRY(slot, encode_context(context));
    return View(slot);
  }

 private:
  ReportContext base_;
  std::map<std::pair<Role, std::string>, Bytes> contexts_;
};

// Leaf is a job that takes part in the batch.
struct Leaf {
  AttestJob* job;
  View context;
};

Result<Digest> leaf_hash(const AttestJob& job, View context) {
  if (!job.raw_nonce.empty()) return raw_evidence_hash(job.raw_nonce, context);
  if (job.binder.size() != 32) return Error{Errc::malformed, "attest: neither binder nor nonce"};
  return evidence_hash(job.binder, context);
}

Error too_large(std::size_t size, std::uint32_t room) {
  return {Errc::denied,
          "evidence.too-large: the evidence has " + std::to_string(size) + " bytes, the handshake carries " +
              std::to_string(room) +
              " (manifests that list this machine's events shorten it: attestctl metadata create)"};
}

Result<Bytes> message_for(const AttestJob& job, Evidence& evidence, const std::vector<View>& tpm_logs,
                          const OwnMetadata& own) {
  evidence.metadata.clear();
  TRY(Bytes bare, encode_evidence_with(evidence, tpm_logs));
  std::size_t room = std::min<std::size_t>(job.room, kMaxEvidence);
  if (bare.size() > room) return too_large(bare.size(), job.room);
  evidence.metadata = fit_metadata(own, job.known, room - bare.size());
  if (evidence.metadata.empty()) return bare;
  return encode_evidence_with(evidence, tpm_logs);
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

bool knows(const std::vector<Bytes>& known, const Digest& digest) {
  return std::ranges::any_of(known, [&](const Bytes& prefix) {
    return prefix.size() <= digest.size() && equal(prefix, digest.view().first(prefix.size()));
  });
}

// named puts the stable name of a refusal before an error of one kind.
Error named(Error error, Errc kind, const char* name) {
  if (error.code == kind) error.what = std::string(name) + ": " + error.what;
  return error;
}

}  // namespace

std::vector<Bytes> fit_metadata(const OwnMetadata& own, const std::vector<Bytes>& known, std::size_t left) {
  constexpr std::size_t kHeads = 8;  // CBOR heads of an item, and of the list that holds it
  std::vector<const MetadataItem*> unknown;
  for (const auto& item : own.items)
    if (!item->bytes.empty() && !knows(known, item->digest)) unknown.push_back(item.get());
  std::ranges::stable_sort(unknown, {}, [](const MetadataItem* item) { return item->bytes.size(); });
  std::vector<Bytes> chosen;
  for (const MetadataItem* item : unknown) {
    if (item->bytes.size() + kHeads > left) break;
    left -= item->bytes.size() + kHeads;
    chosen.push_back(item->bytes);
  }
  return chosen;
}

Result<BatchMaker::Anchors> BatchMaker::quote(const Digest& qualifying, std::span<const OpenedDriver> drivers,
                                              const OwnMetadata& own) {
  Anchors out;
  for (const OpenedDriver& opened : drivers) {
    auto quoted = opened.driver->quote(qualifying);
    if (!quoted) return named(quoted.error(), Errc::denied, "tpm.locked");
    Anchor anchor = *std::move(quoted);
    auto read = opened.driver->log(anchor);  // after the quote: it matches the prefix quoted
    if (!read) return named(read.error(), Errc::mismatch, "pcr.replay-mismatch");
    const MeasuredLog* log = *read;
    auto* tpm = std::get_if<TpmAnchor>(&anchor);
    if (tpm != nullptr) ak_certificate_ = tpm->ak_chain.empty() ? Bytes() : tpm->ak_chain.front();
    if (tpm != nullptr && log != nullptr) {
      tpm->pcr_values = log->pcr_values;
      tpm->startup_locality = log->startup_locality;
      auto encoded = logs_.encoded(*log, own);
      if (!encoded) return named(encoded.error(), Errc::denied, "log.too-long");
      out.tpm_logs = *std::move(encoded);
    }
    out.anchors.push_back(std::move(anchor));
  }
  return out;
}

Status BatchMaker::make(std::vector<AttestJob>& jobs, std::span<const OpenedDriver> drivers,
                        const State& state) {
  ContextTable contexts(drivers, state.own);
  std::vector<Leaf> leaves;
  std::vector<Digest> hashes;
  std::vector<std::pair<AttestJob*, Error>> failed;
  for (AttestJob& job : jobs) {
    auto context = contexts.find(job.role, job.service);
    auto hash = context ? leaf_hash(job, *context) : Result<Digest>(context.error());
    if (!hash) {
      failed.emplace_back(&job, hash.error());
      continue;
    }
    leaves.push_back({&job, *context});
    hashes.push_back(*hash);
  }
  if (!leaves.empty()) {
    TRY(MerkleTree tree, MerkleTree::make(hashes));
    TRY(Anchors quoted, quote(batch_qualifying_data(tree.root()), drivers, state.own));
    Evidence evidence;
    evidence.anchors = std::move(quoted.anchors);
    for (std::uint32_t i = 0; i < leaves.size(); i++) {
      evidence.context = to_bytes(leaves[i].context);
      evidence.path = tree.path(i);
      const AttestJob& job = *leaves[i].job;
      const auto& logs = job.tell_files ? quoted.tpm_logs.told : quoted.tpm_logs.withheld;
      evidence.tls_key = certified(job, drivers);
      job.done(message_for(job, evidence, logs, state.own));
    }
  }
  for (auto& [job, error] : failed) job->done(error);
  return ok();
}

}  // namespace attest
