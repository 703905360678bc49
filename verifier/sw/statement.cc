// statement.cc: the software driver's statement. It reaches this point only where the peer rule allows that driver by name, and
// it always leaves a warning: whoever is root on the machine can make it say anything.
#include <algorithm>
#include <unordered_map>

#include "evidence/core/hex.h"
#include "evidence/core/printable.h"
#include "evidence/native/sw_statement.h"
#include "verifier/appraisers.h"
#include "verifier/references/index.h"
#include "verifier/references/sentences.h"
#include "verifier/tpm/key_trust.h"

namespace attest {
namespace {

Failed check_key(const Case& c, const SwAnchor& anchor) {
  Digest id = sw_identity(anchor.public_key);
  auto named = std::ranges::find(c.context.anchors, AnchorKind::sw, &AnchorIdentity::kind);
  if (id.empty() || !equal(named->id, id.view()))
    return failed(check::kEvidenceInconsistent, "the report context names another software key than the evidence carries");
  if (denied_key(c.policy, id.view())) return failed(check::kAkDenied, "software key " + to_hex(id.view()) + " is on the deny list");
  if (pinned_key(c.rule, id.view())) return {};
  return failed(check::kAkUntrusted, "software key " + to_hex(id.view()) + " is none of those that rule \"" + c.rule.name + "\" pins",
                "pin it under ak_names if it is the right one");
}

Failed check_fresh(const Case& c, const SwStatement& statement) {
  if (!c.qualifying.empty() && statement.qualifying == c.qualifying) return {};
  return failed(check::kQuoteNotFresh, "the software statement was not made for this handshake");
}

// Expected is one reference value for the anchor sw.
struct Expected {
  const NamedManifest* manifest;
  std::uint32_t entry;
  const ReferenceValue* value;
  bool seen = false;
};

std::vector<Expected> expected_values(const std::vector<NamedManifest>& manifests) {
  std::vector<Expected> out;
  for (const NamedManifest& m : manifests)
    for (std::uint32_t i = 0; i < m.manifest->references.size(); i++)
      if (m.manifest->references[i].anchor == AnchorKind::sw) out.push_back({&m, i, &m.manifest->references[i]});
  return out;
}

Mismatch mismatch_of(std::size_t position, const SwMeasurement* measured, const Expected* expected) {
  Mismatch m;
  m.check = check::kSwMeasurement;
  m.anchor = anchor_name(AnchorKind::sw);
  m.event = position;
  if (measured != nullptr) m.measured_name = printable(measured->name), m.measured_digest = to_hex(measured->digest.view());
  if (expected == nullptr) return m;
  m.expected_name = printable(expected->value->name);
  if (const Digest* d = expected->value->hash(HashAlg::sha256)) m.expected_digest = to_hex(d->view());
  m.manifest = expected->manifest->name;
  m.manifest_version = expected->manifest->version;
  m.entry = expected->entry;
  return m;
}

// compare applies set rules: a measurement has to equal some reference value, a mandatory value has to be measured.
std::vector<Mismatch> compare(const SwStatement& statement, std::vector<Expected>& expected) {
  std::unordered_map<Digest, std::vector<std::size_t>, DigestHash> by_digest;
  for (std::size_t i = 0; i < expected.size(); i++)
    if (const Digest* d = expected[i].value->hash(HashAlg::sha256)) by_digest[*d].push_back(i);
  std::vector<Mismatch> out;
  for (std::size_t i = 0; i < statement.measurements.size(); i++) {
    auto it = by_digest.find(statement.measurements[i].digest);
    if (it == by_digest.end()) {
      out.push_back(mismatch_of(i, &statement.measurements[i], nullptr));
      continue;
    }
    for (std::size_t at : it->second) expected[at].seen = true;
    it->second.clear();  // all of them are seen
  }
  for (const Expected& e : expected)
    if (!e.seen && !e.value->optional) out.push_back(mismatch_of(statement.measurements.size(), nullptr, &e));
  return out;
}

std::string sentence(const Mismatch& m) {
  if (!m.measured_digest.empty()) return unexpected_sentence(m);
  return value_words(m.expected_name, m.expected_digest) + " (" + source_words(m) + ") was not measured";
}

}  // namespace

bool verify_sw(const Case& c, const Anchor& any, Verdict& verdict) {
  const SwAnchor& anchor = std::get<SwAnchor>(any);
  if (!note(verdict, check::kAkUntrusted, check_key(c, anchor))) return false;
  auto statement = verify_sw_anchor(anchor);
  if (!note(verdict, check::kSwSignature, statement ? Failed{} : failed(check::kSwSignature, statement.error().what))) return false;
  if (!note(verdict, check::kQuoteNotFresh, check_fresh(c, **statement))) return false;
  verdict.warn(check::kSwNoHardware, "the evidence comes from the software driver of \"" + printable((*statement)->host) +
                                         "\" and proves nothing about hardware");
  return true;
}

void measure_sw(const Case&, const Anchor& any, const ClaimedMetadata& metadata, Appraisal& out) {
  auto statement = verify_sw_anchor(std::get<SwAnchor>(any));
  if (!statement) return out.verdict.fail(check::kSwSignature, statement.error().what);
  std::vector<NamedManifest> manifests;
  for (const MetadataItem* item : metadata.layers.manifests)
    manifests.push_back({item->metadata->name, item->metadata->version, &item->metadata->manifest});
  std::vector<Expected> expected = expected_values(manifests);
  std::vector<Mismatch> found = compare(**statement, expected);
  out.events += (*statement)->measurements.size();
  if (found.empty()) return out.verdict.pass(check::kSwMeasurement);
  std::string why = sentence(found.front());
  if (found.size() > 1) why += " (and " + std::to_string(found.size() - 1) + " more)";
  for (Mismatch& m : found) out.verdict.mismatch(std::move(m));
  out.verdict.fail(check::kSwMeasurement, std::move(why), "publish new references if the change was wanted");
}

}  // namespace attest
