// omsp.cc: revocation of manifests by answers that travel with the report.
#include "evidence/core/printable.h"
#include "verifier/cmc/steps.h"

namespace attest::cmc {
namespace {

// answer_for is what a manifest's own server said of it; nullptr if it said nothing that can be trusted.
const OmspStatus* answer_for(const Items& items, const Item& manifest) {
  const OmspStatus* found = nullptr;
  for (const Item& answer : items.omsp) {
    const Metadata& m = answer.finding.metadata;
    if (!answer.trusted || m.server != manifest.finding.metadata.omsp_server) continue;
    for (const OmspStatus& status : m.responses) {
      if (status.manifest_hash != manifest.digest) continue;
      if (found == nullptr || status.status == "revoked") found = &status;  // the worst counts
    }
  }
  return found;
}

void check_window(const OmspStatus& status, UnixTime now, Finding& out) {
  auto from = parse_rfc3339(status.this_update);
  if (!from) return out.fail(kParseTime, "thisUpdate: " + from.error().what);
  if (*from > now) out.fail(kNotYetValid, "answer of " + printable(status.this_update, 40));
  if (status.next_update.empty()) return;
  auto until = parse_rfc3339(status.next_update);
  if (!until) return out.fail(kParseTime, "nextUpdate: " + until.error().what);
  if (*until < now) out.fail(kExpired, "answer until " + printable(status.next_update, 40));
  if (!out.good()) note_window(out, now, status.this_update, status.next_update);
}

void judge_status(const OmspStatus& status, MetadataFinding& out) {
  Finding& finding = out.omsp_status.emplace();
  finding.got = status.status;
  out.revocation_time = status.revocation_time;
  out.revocation_reason = status.revocation_reason;
  if (status.status == "good") return;
  if (status.status == "outdated") {
    finding.warn(kManifestOutdated, "a newer manifest exists");
    return out.summary.warn("outdated");
  }
  Code code = status.status == "revoked" ? kManifestRevoked : kManifestRevocationUnknown;
  finding.fail(code);
  out.summary.fail("revocation status \"" + printable(status.status, 20) + "\"");
}

}  // namespace

void check_omsp(Items& items, UnixTime now) {
  for (Item& manifest : items.manifests) {
    MetadataFinding& out = manifest.finding;
    if (out.metadata.omsp_server.empty()) continue;  // it asks for none
    const OmspStatus* status = answer_for(items, manifest);
    if (status == nullptr) {
      out.omsp_status.emplace().fail(kManifestRevocationUnknown, "no answer about it");
      out.summary.fail("no revocation answer");
      continue;
    }
    out.manifest_hash = status->manifest_hash;
    check_window(*status, now, out.omsp_validity.emplace());
    if (!out.omsp_validity->good()) out.summary.fail("its revocation answer is not of now");
    judge_status(*status, out);
  }
}

}  // namespace attest::cmc
