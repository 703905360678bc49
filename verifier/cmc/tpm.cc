// tpm.cc: TPM evidence of a CMC report: the logs explain the registers, the quote vouches for them.
#include <algorithm>
#include <set>

#include "evidence/core/hex.h"
#include "evidence/core/printable.h"
#include "evidence/tpm/pcr_selection.h"
#include "evidence/tpm/signature.h"
#include "verifier/cmc/reference_digests.h"
#include "verifier/cmc/steps.h"

namespace attest::cmc {
namespace {

constexpr std::int64_t kImaPcr = 10;
constexpr std::int64_t kLastPcr = 23;
constexpr std::uint16_t kRsaPss = 0x16;  // TPM_ALG_RSAPSS

// Tpm is one judgement on its way.
struct Tpm {
  const Measured& m;
  MeasurementFinding& out;
  HashAlg bank = HashAlg::sha256;
  std::string bank_name{};
  std::map<std::int64_t, ReferenceDigests> values{};  // by register
  std::map<std::int64_t, Digest> calculated{};        // of each register: what references lead to
  std::set<const Component*> started{};               // references of containers that were met under their rules
  std::optional<ContainerReferences> containers{};    // made for the first container
};

// take_container is the reference whose rules allow a container, nullptr if there is none.
const Component* take_container(Tpm& t, std::int64_t pcr, const Component& event) {
  if (!t.containers) t.containers.emplace(t.m.references);
  auto at = t.containers->find(event, pcr);
  if (!at) return nullptr;
  const Component* reference = t.m.references[*at].component;
  t.started.insert(reference);
  return reference;
}

// take_reference: an event that says what container it is has to be that one.
const Component* take_reference(Tpm& t, ReferenceDigests& values, std::int64_t pcr, const Component& event, View digest) {
  if (event.ctr && !genuine_container(event, digest)) return nullptr;
  const Component* reference = values.take(digest, pcr == kImaPcr);
  return reference == nullptr && event.ctr ? take_container(t, pcr, event) : reference;
}

// start_value: what a register can begin with: zeros, the locality of the start in register 0, ones in those of a late
// launch.
bool start_value(std::int64_t pcr, View value) {
  bool zeros = std::ranges::all_of(value.first(value.size() - 1), [](std::uint8_t b) { return b == 0; });
  std::uint8_t last = value.back();
  if (zeros && (last == 0 || (pcr == 0 && (last == 3 || last == 4)))) return true;
  return pcr >= 17 && pcr <= 22 && std::ranges::all_of(value, [](std::uint8_t b) { return b == 0xff; });
}

DigestFinding describe(const Tpm& t, std::string name, std::string description, std::int64_t pcr, Bytes digest) {
  DigestFinding finding;
  finding.name = std::move(name);
  finding.index = pcr;
  finding.digest = std::move(digest);
  finding.hash_alg = t.bank_name;
  finding.description = std::move(description);
  return finding;
}
DigestFinding describe(const Tpm& t, const Component& component, std::int64_t pcr, const Bytes* digest) {
  return describe(t, component.name, component.description, pcr, digest != nullptr ? *digest : Bytes());
}

// Register follows one register through its log.
struct Register {
  std::int64_t pcr;
  ReferenceDigests& values;
  Digest measured, calculated;
  bool first = true;
  // extend by what a reference value stands for, or by something unknown. What is the same stays the same.
  void extend(Hasher& hasher, View digest, bool known) {
    bool same = known && calculated == measured;
    measured = hasher.extend(measured, digest);
    if (known) calculated = same ? measured : hasher.extend(calculated, digest);
  }
};

void judge_start(Tpm& t, Register& reg, View digest, bool first) {
  bool fine = first && start_value(reg.pcr, digest);
  reg.values.take(digest, true);
  if (!fine) return t.out.summary.fail("an event of register " + std::to_string(reg.pcr) + " poses as its start value");
  reg.measured = reg.calculated = Digest::of(digest);
}

// judge_measured judges one event that is no start value.
void judge_measured(Tpm& t, Hasher& hasher, Register& reg, const Component* reference, DigestFinding measured) {
  bool known = reference != nullptr && reference->name != kInitValue;
  reg.extend(hasher, measured.digest, known);
  DigestFinding& finding = t.out.artifacts.emplace_back(std::move(measured));
  finding.launched = true;
  finding.success = known;
  finding.type = known ? "Verified" : "Measurement";
  if (!known) return t.out.summary.fail();
  if (reference->name != finding.name) finding.name = reference->name + ": " + finding.name;
  finding.version = reference->version;
  finding.purl = reference->purl;
}

constexpr char kNoDigest[] = "an event without a digest of the quoted bank";

// judge_event takes name, text and digest along: the event is not needed again.
void judge_event(Tpm& t, Hasher& hasher, Register& reg, Component& event) {
  Bytes* digest = event.hash(t.bank);
  if (digest == nullptr) return t.out.summary.fail(kNoDigest);
  bool first = std::exchange(reg.first, false);
  if (event.name == kInitValue) return judge_start(t, reg, *digest, first);
  const Component* reference = take_reference(t, reg.values, reg.pcr, event, *digest);
  judge_measured(t, hasher, reg, reference, describe(t, std::move(event.name), std::move(event.description), reg.pcr, std::move(*digest)));
}

void judge_event(Tpm& t, Hasher& hasher, Register& reg, LentComponent& event) {
  if (event.whole) return judge_event(t, hasher, reg, *event.whole);
  if ((event.alg != t.bank_name && hash_alg_from_name(event.alg) != t.bank) || event.content.size() != digest_size(t.bank)) return t.out.summary.fail(kNoDigest);
  bool first = std::exchange(reg.first, false);
  if (event.name == kInitValue) return judge_start(t, reg, event.content, first);
  const Component* reference = reg.values.take(event.content, reg.pcr == kImaPcr);
  judge_measured(t, hasher, reg, reference,
                 describe(t, std::string(event.name), std::string(event.description), reg.pcr, to_bytes(event.content)));
}

void judge_log(Tpm& t, Hasher& hasher, Artifact& artifact, Register& reg) {
  t.out.artifacts.reserve(t.out.artifacts.size() + artifact.events.size() + artifact.lent.size());
  for (LentComponent& event : artifact.lent) judge_event(t, hasher, reg, event);
  for (Component& event : artifact.events) {
    judge_event(t, hasher, reg, event);
    event = {};
  }
}

// judge_summary: a register's value alone; its references in order must lead to it.
void judge_summary(Tpm& t, Hasher& hasher, const Artifact& artifact, Register& reg) {
  const Bytes* value = artifact.events.size() == 1 ? artifact.events[0].hash(t.bank) : nullptr;
  if (value == nullptr) return t.out.summary.fail("a register summary without exactly one digest");
  reg.measured = Digest::of(*value);
  Digest zero = Digest::filled(t.bank, 0);
  for (const Component* reference : reg.values.all()) {
    const Bytes* digest = reference->hash(t.bank);
    if (digest == nullptr) continue;
    if (reference->name == kInitValue)
      reg.calculated = Digest::of(*digest);
    else if (reference->name == kPcrSummary && reg.calculated == zero)
      reg.calculated = Digest::of(*digest);
    else
      reg.calculated = hasher.extend(reg.calculated, *digest);
  }
  bool same = reg.calculated == reg.measured;
  if (!same) t.out.summary.fail();
  for (const Component* reference : reg.values.all()) {
    const Bytes* digest = reference->hash(t.bank);
    DigestFinding finding = describe(t, *reference, reg.pcr, digest);
    finding.success = finding.launched = same;
    finding.type = same ? "Verified" : "TPM";
    t.out.artifacts.push_back(std::move(finding));
  }
}

void judge_artifact(Tpm& t, Hasher& hasher, Artifact& artifact) {
  if (artifact.index < 0 || artifact.index > kLastPcr) return t.out.summary.fail("a register that does not exist");
  if (t.calculated.contains(artifact.index)) return t.out.summary.fail("two logs of one register");
  if (!t.calculated.empty() && t.calculated.rbegin()->first > artifact.index) t.out.summary.fail("registers out of the quote's order");
  Register reg{artifact.index, t.values[artifact.index], Digest::filled(t.bank, 0), Digest::filled(t.bank, 0)};
  if (artifact.type == kPcrEventlog)
    judge_log(t, hasher, artifact, reg);
  else if (artifact.type == kPcrSummary)
    judge_summary(t, hasher, artifact, reg);
  else
    t.out.summary.fail("an artifact of type \"" + printable(artifact.type, 40) + "\"");
  DigestFinding match;
  match.index = reg.pcr;
  match.digest = to_bytes(reg.calculated.view());
  match.hash_alg = t.bank_name;
  match.success = reg.calculated == reg.measured;
  if (!match.success) match.measured = to_bytes(reg.measured.view());
  t.out.tpm->pcrs.push_back(std::move(match));
  t.calculated[artifact.index] = reg.calculated;
}

// was_met: a reference's digest was measured, its rules let a container start, or its register was not told event by event.
bool was_met(const Tpm& t, const std::set<std::int64_t>& logged, const Reference& reference) {
  const Bytes* digest = reference.component->hash(t.bank);
  if (digest == nullptr || !t.calculated.contains(reference.index)) return false;
  return t.started.contains(reference.component) || !logged.contains(reference.index) || t.values.at(reference.index).was_met(*digest);
}

// check_references: what must have been measured and was not.
void check_references(Tpm& t) {
  std::set<std::int64_t> logged, complete;
  for (const Artifact& artifact : t.m.collateral.artifacts)
    if (artifact.type == kPcrEventlog) logged.insert(artifact.index);
  for (const auto& [pcr, values] : t.values)
    if (logged.contains(pcr) && t.calculated.contains(pcr) && values.all_met()) complete.insert(pcr);
  for (const Reference& reference : t.m.references) {
    if (complete.contains(reference.index) || reference.component->optional || was_met(t, logged, reference)) continue;
    DigestFinding finding = describe(t, *reference.component, reference.index, reference.component->hash(t.bank));
    finding.type = "TPM";
    t.out.artifacts.push_back(std::move(finding));
    t.out.summary.fail();
  }
}

// check_quote: the quote covers exactly the registers that are explained, with the values that came out.
void check_quote(Tpm& t, const PcrSelection& selection, View quoted, HashAlg signature_hash) {
  std::vector<std::uint8_t> explained;
  std::vector<Digest> values;
  for (const auto& [pcr, value] : t.calculated) {
    explained.push_back(static_cast<std::uint8_t>(pcr));
    values.push_back(value);
  }
  Finding& finding = t.out.tpm->aggregate;
  Digest calculated = pcr_digest(signature_hash, values);
  if (explained != selection.pcrs) finding.fail("the quote covers other registers than the report explains");
  if (calculated.empty() || !equal(calculated.view(), quoted)) {
    finding.fail();
    finding.got = to_hex(quoted);
    finding.expected = to_hex(calculated.view());
  }
  if (!finding.good()) t.out.summary.fail(finding.details);
}

// check_vouched: one certificate, and its key is the one that was vouched for.
void check_vouched(const Measured& m, const PublicArea& area, Finding& chain) {
  if (m.collateral.certs.size() == 1 && equal(spki_der(area.key.get()), m.vouched_key)) return;
  chain.fail(kVerifyCertChain, "the quote's key is not the one the claims name");
}

void check_statement(const Measured& m, const PublicArea& area, Finding& out) {
  auto signature = parse_signature(m.evidence.signature);
  if (!signature) {
    Errc why = signature.error().code;
    out.fail(why == Errc::malformed ? kParseSignature : kVerifySignature, signature.error().what);
    if (why != Errc::malformed) out.fail(kUnsupportedAlgorithm);
    return;
  }
  if (signature->scheme == kRsaPss) out.fail(kUnsupportedAlgorithm, "RSA-PSS, which no such fleet quotes with");
  if (signature->rsa.empty() != (area.kind == PublicArea::Kind::ecc)) out.fail(kExtractPubKey);
  if (auto good = verify_signature(m.evidence.evidence, *signature, area); !good)
    out.fail(kVerifySignature, good.error().what);
}

// known_key is the key of a good chain, remembered or not; nullptr: what is wrong has to be found out.
std::shared_ptr<const KnownKey> known_key(const Measured& m) {
  Memory* memory = memory_of(m.question);
  if (memory == nullptr || !m.vouched_key.empty()) return nullptr;
  auto key = memory->key(m.collateral.certs, m.question.now);
  return key ? *std::move(key) : nullptr;
}

void check_signature(const Measured& m, MeasurementFinding& out) {
  SignatureFinding& finding = out.signature;
  const std::vector<Bytes>& certs = m.collateral.certs;
  finding.certs = certs;
  if (auto key = known_key(m)) {
    check_statement(m, key->area, finding.signature);
    finding.certs = show_chain(certs, key->facts->root, m.question.roots);
    return;
  }
  auto area = certs.empty() ? Result<PublicArea>(Error{Errc::malformed, "no certificates"}) : read_key(certs.front());
  if (!area) {
    finding.chain.fail(kParseCert, area.error().what);
    if (!certs.empty() && parse_certificate(certs.front())) finding.signature.fail(kExtractPubKey);
    return;
  }
  check_statement(m, *area, finding.signature);
  if (!m.vouched_key.empty()) return check_vouched(m, *area, finding.chain);
  auto chain = m.question.attestation_keys->verify(certs, ChainRole::fleet_attestation_key, m.question.now);
  if (!chain) {
    if (std::ranges::any_of(certs, [](const Bytes& der) { return !parse_certificate(der); })) finding.chain.fail(kParseCert);
    return finding.chain.fail(kVerifyCertChain, chain.error().what);
  }
  finding.certs = show_chain(certs, (*chain)->root, m.question.roots);
}

void check_nonce(const Measured& m, const Attest& attest, MeasurementFinding& out) {
  out.freshness.got = to_hex(attest.extra_data);
  if (equal(attest.extra_data, m.nonce)) return;
  out.freshness.expected = to_hex(m.nonce);
  out.freshness.fail();
  out.summary.fail("the quote does not cover this report's context");
}

Result<PcrSelection> selection_of(const Attest& attest) {
  if (attest.quote() == nullptr) return Error{Errc::mismatch, std::string("a ") + attest_type_name(attest.type) + " statement, no quote"};
  return only_bank(attest.quote()->selections);
}

// find_references sorts them by register. A manifest has most of one register's in a row.
void find_references(Tpm& t) {
  const std::vector<Reference>& all = t.m.references;
  for (std::size_t i = 0, end = 0; i < all.size(); i = end) {
    while (end < all.size() && all[end].index == all[i].index) end++;
    ReferenceDigests& values = t.values[all[i].index];
    values.expect(end - i);
    for (std::size_t at = i; at < end; at++) values.add(*all[at].component, t.bank);
  }
  for (auto& [pcr, values] : t.values) values.sort();
}

void judge_quote(const Measured& m, const Attest& attest, MeasurementFinding& out) {
  check_nonce(m, attest, out);
  auto selection = selection_of(attest);
  if (!selection) return out.summary.fail(kParseEvidence, selection.error().what);
  auto hasher = Hasher::make(selection->bank);
  auto signature = parse_signature(m.evidence.signature);
  if (!hasher) return out.summary.fail(kInternal, hasher.error().what);
  Tpm t{m, out, selection->bank, hash_name(selection->bank)};
  out.tpm.emplace();
  find_references(t);
  for (Artifact& artifact : m.collateral.artifacts) judge_artifact(t, *hasher, artifact);
  check_references(t);
  check_quote(t, *selection, attest.quote()->pcr_digest, signature ? signature->hash : HashAlg::sha256);
}

}  // namespace

MeasurementFinding judge_tpm(const Measured& m) {
  MeasurementFinding out;
  out.type = "TPM Result";
  auto attest = parse_attest(m.evidence.evidence);
  if (!attest)
    out.summary.fail(kParseEvidence, attest.error().what);
  else
    judge_quote(m, *attest, out);
  check_signature(m, out);
  if (!out.signature.signature.good() || !out.signature.chain.good()) out.summary.fail("the quote's signature or its chain");
  return out;
}

}  // namespace attest::cmc
