// tdx.cc: TDX evidence of a CMC report.
#include <algorithm>

#include "evidence/core/hex.h"
#include "evidence/core/printable.h"
#include "verifier/cmc/hardware.h"
#include "verifier/tdx/body.h"

namespace attest::cmc {
namespace {

// Registers as references number them: 0 MRTD, 1 to 4 RTMR0 to RTMR3, 5 MRSEAM.
constexpr std::int64_t kMrTd = 0, kFirstRtmr = 1, kLastRtmr = 4, kMrSeam = 5;

template <std::size_t N>
std::optional<Block<N>> block_of(const nlohmann::json& policy, const char* name, Finding& summary) {
  auto bytes = from_hex(value_of<std::string>(policy, name, ""), N);
  if (bytes && bytes->size() == N) {
    Block<N> out;
    std::ranges::copy(*bytes, out.begin());
    return out;
  }
  summary.fail(kPolicyNotPresent, std::string("the policy's ") + name + " is not of " + std::to_string(N) + " bytes");
  return std::nullopt;
}

TdxPolicy policy_of(const nlohmann::json& policy, Finding& summary) {
  const nlohmann::json& id = member_of(policy, "tdId");
  const nlohmann::json& attributes = member_of(policy, "tdAttributes");
  TdxPolicy out;
  out.mr_owner = block_of<48>(id, "mrOwner", summary);
  out.mr_owner_config = block_of<48>(id, "mrOwnerConfig", summary);
  out.mr_config_id = block_of<48>(id, "mrConfigId", summary);
  out.xfam = block_of<8>(policy, "xfam", summary);
  out.allow_debug = value_of(attributes, "debug", false);
  out.sept_ve_disable = value_of(attributes, "septVEDisable", false);
  out.pks = value_of(attributes, "pks", false);
  out.key_locker = value_of(attributes, "kl", false);
  return out;
}

const Bytes* sha384_of(const Component& component) { return component.hash(HashAlg::sha384); }

// Registers compares the six registers of a guest with the references. A log explains a register event by event, and it is
// replayed; without one the references, extended in their order, have to give it.
class Registers {
 public:
  Registers(const Measured& m, const TdReport& td, MeasurementFinding& out) : m_(m), td_(td), out_(out), met_(m.references.size()) {}
  void judge();

 private:
  View value(std::int64_t index) const {
    if (index == kMrTd) return td_.mr_td;
    return index == kMrSeam ? View(td_.mr_seam) : View(td_.rtmr[static_cast<std::size_t>(index - kFirstRtmr)]);
  }
  void fail(std::string why, Code code = kVerifyMeasurement) {
    out_.summary.fail(code, std::move(why));
  }
  void whole(std::int64_t index);
  void folded(std::int64_t index);
  void logged(const Artifact& log);
  void match(std::int64_t index, View calculated);
  void note(const Component& component, std::int64_t index, const Bytes& digest, bool success, const char* type);
  const Component* take(std::int64_t index, View digest);

  const Measured& m_;
  const TdReport& td_;
  MeasurementFinding& out_;
  std::vector<bool> met_;
};

void Registers::note(const Component& component, std::int64_t index, const Bytes& digest, bool success, const char* type) {
  DigestFinding finding;
  finding.success = finding.launched = success;
  finding.type = type;
  finding.name = component.name;
  finding.index = index;
  finding.digest = digest;
  finding.hash_alg = "SHA-384";
  finding.description = component.description;
  finding.version = component.version;
  out_.artifacts.push_back(std::move(finding));
}

// match notes a register beside what its references lead to.
void Registers::match(std::int64_t index, View calculated) {
  DigestFinding finding;
  finding.index = index;
  finding.hash_alg = "SHA-384";
  finding.digest = to_bytes(calculated);
  finding.success = finding.launched = equal(calculated, value(index));
  if (!finding.success) finding.measured = to_bytes(value(index));
  out_.tdx->registers.push_back(std::move(finding));
}

// take is a reference that was not met yet: each may be met once.
const Component* Registers::take(std::int64_t index, View digest) {
  for (std::size_t i = 0; i < met_.size(); i++) {
    const Reference& r = m_.references[i];
    const Bytes* due = sha384_of(*r.component);
    if (met_[i] || r.index != index || due == nullptr || !equal(*due, digest)) continue;
    met_[i] = true;
    return r.component;
  }
  return nullptr;
}

void Registers::whole(std::int64_t index) {
  Bytes last;
  for (const Reference& r : m_.references)
    if (r.index == index) {
      const Bytes* due = sha384_of(*r.component);
      last = due != nullptr ? *due : Bytes();
      bool same = due != nullptr && equal(*due, value(index));
      note(*r.component, index, last, same, same ? "Verified" : "TDX");
      if (same) return match(index, last);
    }
  match(index, last);
  fail("register " + std::to_string(index) + " is " + to_hex(value(index)) + ", which no reference says");
}

void Registers::folded(std::int64_t index) {
  Digest sum = Digest::filled(HashAlg::sha384, 0);
  for (const Reference& r : m_.references)
    if (const Bytes* due = sha384_of(*r.component); r.index == index && due != nullptr) sum = hash_of(HashAlg::sha384, {sum.view(), *due});
  bool same = !sum.empty() && equal(sum.view(), value(index));
  match(index, sum.view());
  for (const Reference& r : m_.references)
    if (const Bytes* due = sha384_of(*r.component); r.index == index)
      note(*r.component, index, due != nullptr ? *due : Bytes(), same, same ? "Verified" : "TDX");
  if (!same) fail("register " + std::to_string(index) + " does not follow from its references");
}

void Registers::logged(const Artifact& log) {
  Digest sum = Digest::filled(HashAlg::sha384, 0), calculated = sum;
  for (const Component& event : log.events) {
    const Bytes* digest = sha384_of(event);
    if (digest == nullptr || digest->size() != 48) return fail("an event without a SHA-384 digest");
    sum = hash_of(HashAlg::sha384, {sum.view(), *digest});
    const Component* reference = take(log.index, *digest);
    if (reference != nullptr) calculated = hash_of(HashAlg::sha384, {calculated.view(), *digest});
    note(reference != nullptr ? *reference : event, log.index, *digest, reference != nullptr, reference != nullptr ? "Verified" : "Measurement");
    if (reference == nullptr) fail("an event of register " + std::to_string(log.index) + " is in no reference");
  }
  match(log.index, calculated.view());
  if (sum.empty() || !equal(sum.view(), value(log.index))) fail("the log does not explain register " + std::to_string(log.index));
  for (std::size_t i = 0; i < met_.size(); i++) {
    const Reference& r = m_.references[i];
    if (r.index != log.index || met_[i] || r.component->optional) continue;
    const Bytes* due = sha384_of(*r.component);
    note(*r.component, r.index, due != nullptr ? *due : Bytes(), false, "TDX");
    fail("\"" + printable(r.component->name) + "\" was not measured");
  }
}

void Registers::judge() {
  std::array<const Artifact*, kMrSeam + 1> logs{};
  for (const Artifact& artifact : m_.collateral.artifacts) {
    if (artifact.type != kCcEventlog) continue;
    bool known = artifact.index >= kMrTd && artifact.index <= kMrSeam;
    if (!known || logs[static_cast<std::size_t>(artifact.index)] != nullptr)
      return fail("a log of a register that does not exist, or two of one", kIllegalTdxMrIndex);
    logs[static_cast<std::size_t>(artifact.index)] = &artifact;
  }
  for (const Reference& r : m_.references)
    if (r.index < kMrTd || r.index > kMrSeam) return fail("a reference of a register that does not exist", kIllegalTdxMrIndex);
  whole(kMrTd);
  for (std::int64_t index = kFirstRtmr; index <= kLastRtmr; index++) {
    const Artifact* log = logs[static_cast<std::size_t>(index)];
    log != nullptr && !log->events.empty() ? logged(*log) : folded(index);
  }
  whole(kMrSeam);
}

bool has_failed(const NamedChecks& checks, std::string_view id) {
  return std::ranges::any_of(checks.list(), [id](const attest::Finding& f) { return f.id.ends_with(id) && f.outcome == Outcome::fail; });
}

// judge_attributes compares the attributes that policies name.
bool judge_attributes(const TdReport& td, const nlohmann::json& due, TdxFinding& out) {
  std::uint64_t flags = Reader(td.td_attributes).u64le();
  auto compare = [&due](const char* name, bool measured) {
    bool claimed = value_of(due, name, false);
    return BoolFinding{claimed == measured, claimed, measured};
  };
  out.debug = compare("debug", (flags & 0xff) != 0);
  out.sept_ve_disable = compare("septVEDisable", (flags >> 28 & 1) != 0);
  out.pks = compare("pks", (flags >> 30 & 1) != 0);
  out.key_locker = compare("kl", (flags >> 31 & 1) != 0);
  return out.debug.success && out.sept_ve_disable.success && out.pks.success && out.key_locker.success;
}

void judge_body(const Measured& m, View nonce, const nlohmann::json& policy, const TdReport& td, MeasurementFinding& out) {
  NamedChecks checks("tdx");
  judge_td(td, policy_of(policy, out.summary), to_bytes(nonce), checks);
  tell(checks.list(), out);
  TdxFinding& finding = *out.tdx;
  finding.xfam.got = to_hex(td.xfam);
  if (has_failed(checks, dcap_check::kXfam)) finding.xfam.fail(kTdxVerification);
  bool right = judge_attributes(td, member_of(policy, "tdAttributes"), finding);
  if (!right || has_failed(checks, dcap_check::kAttributes) || has_failed(checks, dcap_check::kDebug))
    out.summary.fail(kTdxVerification, "the TD's attributes are not those of the policy");
  finding.seam_attributes.got = to_hex(td.seam_attributes);
  if (!std::ranges::all_of(td.seam_attributes, [](std::uint8_t b) { return b == 0; })) finding.seam_attributes.fail(kTdxVerification);
  out.freshness.got = to_hex(td.report_data);
  Registers(m, td, out).judge();
}

}  // namespace

MeasurementFinding judge_tdx_over(const Measured& m, View nonce) {
  MeasurementFinding out;
  out.type = "TDX Result";
  const Metadata* root = root_manifest(m.items);
  if (m.references.empty()) out.summary.fail(kRefValNotPresent, "the manifests have no reference value for it");
  if (root == nullptr || !root->tdx_policy) {
    out.summary.fail(kPolicyNotPresent, "the root manifest has no policy for TDX");
    return out;
  }
  IntelCase c;
  judge_intel(m, TeeType::tdx, *root->tdx_policy, c, out);
  if (!c.quote || c.quote->td() == nullptr) return out;
  TdxFinding& finding = out.tdx.emplace();
  show_intel(c, finding.tcb, finding.qe);
  finding.quote_version.compare(std::to_string(c.quote->version), std::to_string(number_of(*root->tdx_policy, "quoteVersion", 0)));
  if (!finding.quote_version.good()) out.summary.fail(kTdxVerification, "the quote is of another version than the policy wants");
  judge_body(m, nonce, *root->tdx_policy, *c.quote->td(), out);
  if (!c.genuine) out.summary.fail("the quote is not genuine");
  return out;
}

MeasurementFinding judge_tdx_evidence(const Measured& m) { return judge_tdx_over(m, m.nonce); }

}  // namespace attest::cmc
