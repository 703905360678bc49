// containers.cc: which reference a measured container is of.
#include "evidence/container/rules.h"
#include "verifier/cmc/steps.h"

namespace attest::cmc {
namespace {

constexpr std::size_t kDigest = 32;  // of SHA-256

// rootfs_of: a reference of CMC's names the root file system by its hash alone; empty if it names none.
Bytes rootfs_of(const Component& reference) {
  if (!reference.ctr->rootfs_sha256.empty()) return reference.ctr->rootfs_sha256;
  const Bytes* named = reference.hash(HashAlg::sha256);
  return named != nullptr ? *named : Bytes();
}

}  // namespace

// Known is a reference with what is computed of its configuration: once, when a container needs it.
struct ContainerReferences::Known {
  std::size_t position;
  const Reference* reference;
  bool read = false;
  std::vector<Digest> digests;  // of a configuration that stands there without one and with all its values
  nlohmann::json sorted;
  container::Variables variables;
};

ContainerReferences::ContainerReferences(const std::vector<Reference>& references) {
  for (std::size_t i = 0; i < references.size(); i++) {
    if (!references[i].component->ctr) continue;
    Bytes rootfs = rootfs_of(*references[i].component);
    if (rootfs.size() == kDigest) by_rootfs_[std::move(rootfs)].push_back({i, &references[i], false, {}, {}, {}});
  }
}

ContainerReferences::ContainerReferences(ContainerReferences&&) noexcept = default;
ContainerReferences::~ContainerReferences() = default;

namespace {

void read_config(ContainerReferences::Known& known) {
  const CtrData& ctr = *known.reference->component->ctr;
  if (std::exchange(known.read, true) || !ctr.oci_spec) return;
  if (ctr.config_sha256.empty() && !container::redacted(*ctr.oci_spec)) known.digests = container::digests_of(*ctr.oci_spec);
  if (known.reference->rules == nullptr) return;
  known.variables = container::variables_of(*ctr.oci_spec);
  known.sorted = *ctr.oci_spec;
  container::sort_config(known.sorted);
}

// same_config: by the reference's digest, or where it has none by that of its configuration, which is all that CMC's
// verifiers look at.
bool same_config(ContainerReferences::Known& known, View config) {
  const CtrData& ctr = *known.reference->component->ctr;
  if (!ctr.config_sha256.empty()) return equal(ctr.config_sha256, config);
  read_config(known);
  return std::ranges::any_of(known.digests, [&](const Digest& digest) { return equal(digest.view(), config); });
}

// allowed_by_rules: the event's configuration is the one whose digest was measured, and rules allow what differs from the
// reference's. Values of variables do not travel: those of the reference stand in for them, and the digest tells whether
// they are the same.
bool allowed_by_rules(ContainerReferences::Known& known, const CtrData& event) {
  const Reference& reference = *known.reference;
  if (reference.rules == nullptr || !reference.component->ctr->oci_spec || !event.oci_spec) return false;
  read_config(known);
  nlohmann::json measured = *event.oci_spec;
  container::restore_environment(measured, known.variables);
  if (container::redacted(measured) || !container::has_digest(measured, event.config_sha256)) return false;
  container::sort_config(measured);
  return bool(container::match_rules(known.sorted, measured, *reference.rules));
}

}  // namespace

std::optional<std::size_t> ContainerReferences::find(const Component& event, std::optional<std::int64_t> index) {
  auto at = event.ctr ? by_rootfs_.find(event.ctr->rootfs_sha256) : by_rootfs_.end();
  if (at == by_rootfs_.end()) return std::nullopt;
  for (Known& known : at->second) {
    if (index && known.reference->index != *index) continue;
    if (same_config(known, event.ctr->config_sha256) || allowed_by_rules(known, *event.ctr)) return known.position;
  }
  return std::nullopt;
}

bool genuine_container(const Component& event, View digest) {
  return event.ctr && event.ctr->config_sha256.size() == kDigest && event.ctr->rootfs_sha256.size() == kDigest &&
         equal(container::template_digest(event.ctr->config_sha256, event.ctr->rootfs_sha256).view(), digest);
}

}  // namespace attest::cmc
