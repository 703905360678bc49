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
  container::sort_config(expected);
  container::restore_environment(measured, expected);
  container::sort_config(measured);
  auto digest = container::config_digest(measured);
  return digest && equal(digest->view(), event.config_sha256) && container::match_rules(expected, measured, *reference.rules);
}

}  // namespace

bool genuine_container(const Component& event, View digest) {
  return event.ctr && equal(container::template_digest(event.ctr->config_sha256, event.ctr->rootfs_sha256).view(), digest);
}

bool same_container(const Reference& reference, const Component& event) {
  const auto& due = reference.component->ctr;
  if (!due || !event.ctr || due->rootfs_sha256 != event.ctr->rootfs_sha256) return false;
  return due->config_sha256 == event.ctr->config_sha256 || allowed_by_rules(reference, *event.ctr);
}

}  // namespace attest::cmc
