// containers.cc: whether a measured container is the one of a reference.
#include "evidence/container/rules.h"
#include "verifier/cmc/steps.h"

namespace attest::cmc {
namespace {

// allowed_by_rules: the event's configuration is the one whose digest was measured, and rules allow what differs from the
// reference's. Values of variables do not travel: those of the reference stand in for them, and the digest tells whether
// they are the same.
bool allowed_by_rules(const Reference& reference, const CtrData& event) {
  const auto& due = reference.component->ctr->oci_spec;
  if (reference.rules == nullptr || !due || !event.oci_spec) return false;
  nlohmann::json expected = *due, measured = *event.oci_spec;
  container::restore_environment(measured, expected);
  if (!container::has_digest(measured, event.config_sha256)) return false;
  container::sort_config(expected);
  container::sort_config(measured);
  return bool(container::match_rules(expected, measured, *reference.rules));
}

// same_rootfs: a reference of CMC's names the root file system by its hash alone.
bool same_rootfs(const Component& reference, const Bytes& rootfs) {
  const Bytes* named = reference.hash(HashAlg::sha256);
  return reference.ctr->rootfs_sha256.empty() ? named != nullptr && *named == rootfs : reference.ctr->rootfs_sha256 == rootfs;
}

// same_config: by the reference's digest of it, or by its configuration, which is all that CMC's verifiers look at.
bool same_config(const CtrData& reference, const Bytes& config) {
  return reference.config_sha256 == config || (reference.oci_spec && container::has_digest(*reference.oci_spec, config));
}

}  // namespace

bool genuine_container(const Component& event, View digest) {
  return event.ctr && equal(container::template_digest(event.ctr->config_sha256, event.ctr->rootfs_sha256).view(), digest);
}

bool same_container(const Reference& reference, const Component& event) {
  const auto& due = reference.component->ctr;
  if (!due || !event.ctr || !same_rootfs(*reference.component, event.ctr->rootfs_sha256)) return false;
  return same_config(*due, event.ctr->config_sha256) || allowed_by_rules(reference, *event.ctr);
}

}  // namespace attest::cmc
