#include "cmcd-lite/server/devices/job.h"

namespace attest {
namespace {

Error too_large(std::size_t size, std::uint32_t room) {
  return {Errc::denied,
          "evidence.too-large: the evidence has " + std::to_string(size) + " bytes, the handshake carries " +
              std::to_string(room) +
              " (manifests that list this machine's events shorten it: attestctl metadata create)"};
}

bool knows(const std::vector<Bytes>& known, const Digest& digest) {
  return std::ranges::any_of(known, [&](const Bytes& prefix) {
    return prefix.size() <= digest.size() && equal(prefix, digest.view().first(prefix.size()));
  });
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

}  // namespace attest
