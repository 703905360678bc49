#include "verifier/cmc/handshake.h"

#include "evidence/core/hex.h"
#include "evidence/core/printable.h"
#include "evidence/native/profile.h"
#include "evidence/tpm/attest.h"
#include "evidence/tpm/pcr_selection.h"
#include "verifier/checks.h"

namespace attest {
namespace {

constexpr std::uint8_t kImaPcr = 10;

struct KindRow {
  std::string_view type;
  AnchorKind kind;
};
constexpr KindRow kKinds[] = {{cmc::kTpmEvidence, AnchorKind::tpm},        {cmc::kSnpEvidence, AnchorKind::snp},
                              {cmc::kTdxEvidence, AnchorKind::tdx},        {cmc::kSgxEvidence, AnchorKind::sgx},
                              {cmc::kSwEvidence, AnchorKind::sw},          {cmc::kAzureSnpEvidence, AnchorKind::azure},
                              {cmc::kAzureTdxEvidence, AnchorKind::azure}, {cmc::kAzureVtpmEvidence, AnchorKind::tpm}};

bool contains(const auto& list, const auto& value) { return std::ranges::find(list, value) != list.end(); }

std::string in_quotes(std::string_view text) { return "\"" + printable(text, 200) + "\""; }

// Case is one report in front of its judge.
struct Case {
  const Question& question;
  const Policy& policy;
  const PeerRule& rule;
  const ActiveSet& active;
  const ReportTerms& terms;
  cmc::Judged judged;
  Verdict& verdict;
};

// settle notes one check; false if it failed.
bool settle(Case& c, std::string_view id, bool good, const std::string& why, const char* remedy = "") {
  good ? c.verdict.pass(id) : c.verdict.fail(id, why, remedy);
  return good;
}

bool settle(Case& c, std::string_view id, const cmc::Finding& finding, const std::string& what) {
  return settle(c, id, finding.good(), what + (finding.details.empty() ? "" : ": " + printable(finding.details, 300)));
}

// check_fresh: the report is over this handshake, and every evidence over the report.
bool check_fresh(Case& c) {
  bool fresh = settle(c, check::kQuoteNotFresh, c.judged.result.freshness, "the report is over another nonce than this handshake's");
  for (const cmc::MeasurementFinding& one : c.judged.result.measurements)
    fresh = fresh && settle(c, check::kQuoteNotFresh, one.freshness, in_quotes(one.type) + ": the evidence is over another context");
  return fresh;
}

bool check_signatures(Case& c) {
  for (const cmc::MeasurementFinding& one : c.judged.result.measurements) {
    if (!settle(c, check::kQuoteSignature, one.signature.signature, in_quotes(one.type) + ": the signature")) return false;
    if (!settle(c, check::kAkUntrusted, one.signature.chain, in_quotes(one.type) + ": the certificates of the key")) return false;
  }
  return true;
}

// check_key: a listed attestation key, for which whoever listed it says that it answers handshakes of its own machine alone.
bool check_key(Case& c, Appraisal& out) {
  const Bytes& certificate = c.judged.tpm_certificate;
  auto spki = certificate.empty() ? Result<Digest>(Error{Errc::untrusted, "no evidence of a TPM"}) : spki_sha256(certificate);
  std::string which = spki ? "key " + to_hex(spki->view()) + " is not listed" : spki.error().what;
  bool listed = spki && contains(c.terms.keys, *spki);
  if (!settle(c, check::kAkUntrusted, listed, "CMC report: " + which,
              "list it under cmc.handshakes.take.keys in cmcd.json if it is the key of a daemon like this one"))
    return false;
  out.anchors.push_back({AnchorKind::tpm, to_bytes(spki->view())});
  bool pinned = c.rule.ak_names.empty();
  return settle(c, check::kAkUntrusted, pinned, "rule " + in_quotes(c.rule.name) + " pins keys by TPM name, which CMC reports do not show",
                "write the rule with image_descriptions");
}

// check_selection: the registers the policy demands. That the quote covers exactly those that are explained is judged already.
bool check_selection(Case& c) {
  auto at = std::ranges::find(c.judged.evidences, cmc::kTpmEvidence, &cmc::EvidenceItem::type);
  auto statement = at == c.judged.evidences.end() ? Result<Attest>(Error{Errc::malformed, "no quote"}) : parse_attest(at->evidence);
  const QuoteInfo* quote = statement ? statement->quote() : nullptr;
  auto selection = quote == nullptr ? Result<PcrSelection>(Error{Errc::malformed, "no quote of a TPM"}) : only_bank(quote->selections);
  if (!selection) return settle(c, check::kQuoteSelection, false, selection.error().what);
  bool covered = contains(c.policy.banks, selection->bank);
  for (std::uint8_t pcr : c.policy.required_pcrs) covered = covered && contains(selection->pcrs, pcr);
  if (!settle(c, check::kQuoteSelection, covered, "the quote is of " + selection_text(*selection) + ", the policy demands more",
              "widen tpm.pcrs in the peer's cmcd.json"))
    return false;
  return !c.policy.ima_required || settle(c, check::kImaMissing, contains(selection->pcrs, kImaPcr),
                                          "the policy demands file measurements and the quote leaves out PCR 10");
}

bool check_anchors(Case& c) {
  std::vector<AnchorKind> present;
  for (const cmc::EvidenceItem& evidence : c.judged.evidences) {
    const auto* row = std::ranges::find(kKinds, evidence.type, &KindRow::type);
    bool allowed = row != std::end(kKinds) && contains(c.rule.allowed_anchors, row->kind);
    if (!settle(c, check::kAnchorNotAllowed, allowed, in_quotes(evidence.type) + " came, which rule " + in_quotes(c.rule.name) + " does not allow"))
      return false;
    present.push_back(row->kind);
  }
  for (AnchorKind kind : c.rule.required_anchors)
    if (!settle(c, check::kAnchorMissing, contains(present, kind),
                "rule " + in_quotes(c.rule.name) + " demands evidence of " + in_quotes(anchor_name(kind)) + ", none came"))
      return false;
  return true;
}

// check_named: as of native evidence: a listed key says that it is an accepted machine, not which.
void check_named(Case& c) {
  if (c.question.x509_ok || c.question.prover == Role::client) return c.verdict.pass(check::kPeerNotIdentified);
  std::string why = "CMC report: nothing but the key's being listed says which machine this is";
  constexpr const char* kRemedy = "set attest-x509-name-checked = yes where the program checks names";
  c.rule.name == "*" ? c.verdict.warn(check::kPeerAnyMachine, why, kRemedy) : c.verdict.fail(check::kPeerNotIdentified, why, kRemedy);
}

void check_item(Case& c, const cmc::MetadataFinding& item, const char* what) {
  settle(c, check::kMetadataUntrusted, item.summary, std::string(what) + " " + in_quotes(item.metadata.name));
}

void check_metadata(Case& c, Appraisal& out) {
  const cmc::AttestationResult& result = c.judged.result;
  check_item(c, result.image, "image description");
  for (const auto& item : result.manifests) check_item(c, item, "manifest");
  for (const auto& item : result.companies) check_item(c, item, "company description");
  for (const auto& item : result.unknown) check_item(c, item, "unknown item");
  settle(c, check::kMetadataLayers, result.compatibility.result, "the manifests do not fit together");
  out.image = printable(result.image.metadata.name) + " " + printable(result.image.metadata.version);
  for (const auto& item : result.manifests)
    out.manifests.push_back(printable(item.metadata.name) + " " + printable(item.metadata.version));
  if (c.active.list() == nullptr) return;
  for (View item : c.judged.verified_items)
    if (c.active.find(sha256(item)) == nullptr)
      c.verdict.fail(check::kSetUnlisted, "item " + short_hex(sha256(item).view()) + " of the report is not on the set list in force");
}

void check_demands(Case& c) {
  const std::string& image = c.judged.result.image.metadata.name;
  bool allowed = c.rule.image_descriptions.empty() || contains(c.rule.image_descriptions, image);
  settle(c, check::kPeerImage, allowed, "the peer runs image " + in_quotes(image) + ", which rule " + in_quotes(c.rule.name) + " does not allow",
         "add it to image_descriptions of the rule if this peer may run it");
  settle(c, check::kPeerService, c.rule.services.empty(), "rule " + in_quotes(c.rule.name) + " names services, and CMC reports name none");
  if (c.rule.certified_key) c.verdict.fail(check::kKeyUncertified, "CMC reports certify no TLS key, and rule " + in_quotes(c.rule.name) + " demands it");
}

// check_measured: every disagreement, in the order of the report.
void check_measured(Case& c, Appraisal& out) {
  for (const cmc::MeasurementFinding& one : c.judged.result.measurements) {
    std::string what;
    for (const cmc::DigestFinding& event : one.artifacts) {
      out.events++;
      if (event.success || what.size() > 300) continue;
      what += (what.empty() ? "" : ", ") + std::string(event.launched ? "" : "missing ") + in_quotes(event.name) + " in register " +
              std::to_string(event.index);
    }
    settle(c, check::kPcrUnexpected, one.summary.good(), in_quotes(one.type) + ": " + (what.empty() ? printable(one.summary.details, 300) : what),
           "have the change signed, or find out what ran there");
  }
  // What no check above stands for: scripts, revocation, parts that are no part of a report.
  if (!c.judged.trusted && !c.verdict.failed())
    c.verdict.fail(check::kPeerRefused, "CMC report: " + printable(c.judged.result.summary.details, 500));
}

void run(Case& c, Appraisal& out) {
  if (!check_fresh(c) || !check_signatures(c) || !check_key(c, out) || !check_anchors(c) || !check_selection(c)) return;
  check_named(c);
  check_metadata(c, out);
  check_demands(c);
  check_measured(c, out);
}

}  // namespace

Appraisal appraise_report(const Question& question, const Policy& policy, const ActiveSet& active_set, const ReportTerms& terms) {
  Appraisal out;
  out.peer = printable(question.peer, 256);
  const PeerRule* rule = find_rule(policy, question.peer, question.prover);
  if (rule == nullptr) {
    out.verdict.fail(check::kPeerUnknown, "policy \"" + policy.name + "\" has no rule for " + in_quotes(question.peer) + " as " + role_name(question.prover));
    return out;
  }
  auto report = decode_report_evidence(question.evidence);
  cmc::Judged judged;
  if (report)
    judged = terms.judge(*report, report_nonce(question.binder));
  else
    judged.malformed = report.error();
  if (judged.malformed) {
    out.verdict.fail(check::kEvidenceMalformed, judged.malformed->what);
    return out;
  }
  Case c{question, policy, *rule, active_set, terms, std::move(judged), out.verdict};
  run(c, out);
  return out;
}

}  // namespace attest
