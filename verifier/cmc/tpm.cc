// tpm.cc: TPM evidence of a CMC report: the logs explain the registers, the quote vouches for them.
#include <algorithm>
#include <set>

#include "evidence/core/hex.h"
#include "evidence/core/printable.h"
#include "evidence/tpm/pcr_selection.h"
#include "evidence/tpm/signature.h"
#include "verifier/cmc/steps.h"

namespace attest::cmc {
namespace {

constexpr std::int64_t kImaPcr = 10;
constexpr std::int64_t kLastPcr = 23;

// Values are the reference values of one register: each may be met as often as it stands there. Filled, then sorted once.
class Values {
 public:
  void add(const Component& component, HashAlg alg) {
    if (const Bytes* hash = component.hash(alg)) rows_.push_back({hash, &component, 0});
    all_.push_back(&component);
  }
  // sort puts twins, the references of one digest, beside each other in their order.
  void sort() {
    std::ranges::stable_sort(rows_, [](const Row& a, const Row& b) { return *a.digest < *b.digest; });
  }
  // take is a reference with this digest, nullptr if there is none left. What is measured again and again (files) may
  // meet the same reference again.
  const Component* take(View digest, bool again) {
    std::size_t first = find(digest);
    if (first == rows_.size()) return nullptr;
    std::uint32_t& met = rows_[first].met;
    std::size_t next = first + met;
    if (next < rows_.size() && equal(*rows_[next].digest, digest)) {
      met++;
      return rows_[next].component;
    }
    return again ? rows_[next - 1].component : nullptr;
  }
  bool was_met(View digest) const {
    std::size_t first = find(digest);
    return first != rows_.size() && rows_[first].met > 0;
  }
  const std::vector<const Component*>& all() const { return all_; }

 private:
  struct Row {
    const Bytes* digest;
    const Component* component;
    std::uint32_t met;  // of the first of twins: how many of them were met
  };
  // find is the first row with this digest, the number of rows if there is none.
  std::size_t find(View digest) const {
    auto before = [](const Row& row, View wanted) { return std::ranges::lexicographical_compare(*row.digest, wanted); };
    auto at = std::lower_bound(rows_.begin(), rows_.end(), digest, before);
    if (at == rows_.end() || !equal(*at->digest, digest)) return rows_.size();
    return static_cast<std::size_t>(at - rows_.begin());
  }
  std::vector<Row> rows_;
  std::vector<const Component*> all_;
};

// Tpm is one judgement on its way.
struct Tpm {
  const Measured& m;
  MeasurementFinding& out;
  HashAlg bank = HashAlg::sha256;
  std::map<std::int64_t, Values> values;       // by register
  std::map<std::int64_t, Digest> calculated;   // of each register: what references lead to
  std::set<const Component*> started;          // references of containers that were met under their rules
};

// take_container is the reference whose rules allow a container, nullptr if there is none.
const Component* take_container(Tpm& t, std::int64_t pcr, const Component& event) {
  for (const Reference& reference : t.m.references)
    if (reference.index == pcr && same_container(reference, event)) {
      t.started.insert(reference.component);
      return reference.component;
    }
  return nullptr;
}

// take_reference: an event that says what container it is has to be that one.
const Component* take_reference(Tpm& t, std::int64_t pcr, const Component& event, View digest) {
  if (event.ctr && !genuine_container(event, digest)) return nullptr;
  const Component* reference = t.values[pcr].take(digest, pcr == kImaPcr);
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

DigestFinding describe(std::string name, std::string description, std::int64_t pcr, View digest, HashAlg bank) {
  DigestFinding finding;
  finding.name = std::move(name);
  finding.index = pcr;
  finding.digest = to_bytes(digest);
  finding.hash_alg = hash_name(bank);
  finding.description = std::move(description);
  return finding;
}
DigestFinding describe(const Component& component, std::int64_t pcr, View digest, HashAlg bank) {
  return describe(component.name, component.description, pcr, digest, bank);
}

// Register follows one register through its log.
struct Register {
  std::int64_t pcr;
  Digest measured, calculated;
  bool first = true;
};

// judge_event takes names and texts along: the event is not needed again.
void judge_event(Tpm& t, Hasher& hasher, Register& reg, Component& event) {
  const Bytes* digest = event.hash(t.bank);
  if (digest == nullptr) return t.out.summary.fail("an event without a digest of the quoted bank");
  Values& values = t.values[reg.pcr];
  bool first = std::exchange(reg.first, false);
  if (event.name == kInitValue) {
    bool fine = first && start_value(reg.pcr, *digest);
    values.take(*digest, true);
    if (!fine) return t.out.summary.fail("an event of register " + std::to_string(reg.pcr) + " poses as its start value");
    reg.measured = reg.calculated = Digest::of(*digest);
    return;
  }
  reg.measured = hasher.extend(reg.measured, *digest);
  const Component* reference = take_reference(t, reg.pcr, event, *digest);
  DigestFinding finding = describe(std::move(event.name), std::move(event.description), reg.pcr, *digest, t.bank);
  finding.launched = true;
  if (reference == nullptr || reference->name == kInitValue) {
    finding.type = "Measurement";
    t.out.summary.fail();
  } else {
    reg.calculated = hasher.extend(reg.calculated, *digest);
    finding.success = true;
    finding.type = "Verified";
    if (reference->name != finding.name) finding.name = reference->name + ": " + finding.name;
    finding.version = reference->version;
    finding.purl = reference->purl;
  }
  t.out.artifacts.push_back(std::move(finding));
}

void judge_log(Tpm& t, Hasher& hasher, Artifact& artifact, Register& reg) {
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
  for (const Component* reference : t.values[reg.pcr].all()) {
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
  for (const Component* reference : t.values[reg.pcr].all()) {
    const Bytes* digest = reference->hash(t.bank);
    DigestFinding finding = describe(*reference, reg.pcr, digest != nullptr ? View(*digest) : View(), t.bank);
    finding.success = finding.launched = same;
    finding.type = same ? "Verified" : "TPM";
    t.out.artifacts.push_back(std::move(finding));
  }
}

void judge_artifact(Tpm& t, Hasher& hasher, Artifact& artifact) {
  if (artifact.index < 0 || artifact.index > kLastPcr) return t.out.summary.fail("a register that does not exist");
  if (t.calculated.contains(artifact.index)) return t.out.summary.fail("two logs of one register");
  Register reg{artifact.index, Digest::filled(t.bank, 0), Digest::filled(t.bank, 0)};
  if (artifact.type == kPcrEventlog)
    judge_log(t, hasher, artifact, reg);
  else if (artifact.type == kPcrSummary)
    judge_summary(t, hasher, artifact, reg);
  else
    t.out.summary.fail("an artifact of type \"" + printable(artifact.type, 40) + "\"");
  DigestFinding match;
  match.index = reg.pcr;
  match.digest = to_bytes(reg.calculated.view());
  match.hash_alg = hash_name(t.bank);
  match.success = reg.calculated == reg.measured;
  if (!match.success) match.measured = to_bytes(reg.measured.view());
  t.out.tpm->pcrs.push_back(std::move(match));
  t.calculated[artifact.index] = reg.calculated;
}

// check_references: what must have been measured and was not.
void check_references(Tpm& t) {
  std::set<std::int64_t> logged;
  for (const Artifact& artifact : t.m.collateral.artifacts)
    if (artifact.type == kPcrEventlog) logged.insert(artifact.index);
  for (const Reference& reference : t.m.references) {
    bool there = t.calculated.contains(reference.index);
    const Bytes* digest = reference.component->hash(t.bank);
    bool started = t.started.contains(reference.component);
    bool met = there && digest != nullptr && (started || !logged.contains(reference.index) || t.values[reference.index].was_met(*digest));
    if (met || reference.component->optional) continue;
    DigestFinding finding = describe(*reference.component, reference.index, digest != nullptr ? View(*digest) : View(), t.bank);
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
  if (!signature)
    out.fail(signature.error().code == Errc::malformed ? kParseSignature : kVerifySignature, signature.error().what);
  else if (auto good = verify_signature(m.evidence.evidence, *signature, area); !good)
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
  if (!area) return finding.chain.fail(kParseCert, area.error().what);
  check_statement(m, *area, finding.signature);
  if (!m.vouched_key.empty()) return check_vouched(m, *area, finding.chain);
  auto chain = m.question.attestation_keys->verify(certs, ChainRole::fleet_attestation_key, m.question.now);
  if (!chain) return finding.chain.fail(kVerifyCertChain, chain.error().what);
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

void judge_quote(const Measured& m, const Attest& attest, MeasurementFinding& out) {
  check_nonce(m, attest, out);
  auto selection = selection_of(attest);
  if (!selection) return out.summary.fail(kParseEvidence, selection.error().what);
  auto hasher = Hasher::make(selection->bank);
  auto signature = parse_signature(m.evidence.signature);
  if (!hasher) return out.summary.fail(kInternal, hasher.error().what);
  Tpm t{m, out, selection->bank, {}, {}, {}};
  out.tpm.emplace();
  for (const Reference& reference : m.references) t.values[reference.index].add(*reference.component, t.bank);
  for (auto& [pcr, values] : t.values) values.sort();
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
