// snp.cc: SEV-SNP evidence of a CMC report: genuine under a root the signed manifests name, as the root manifest's policy
// demands, and measured as its one reference says.
#include <algorithm>

#include "evidence/core/hex.h"
#include "evidence/core/printable.h"
#include "verifier/cmc/hardware.h"
#include "verifier/snp/checks.h"
#include "verifier/snp/judge.h"

namespace attest::cmc {
namespace {

// policy_of is what the root manifest demands. Its ABI version stands as CMC reads it. Who asked at a lower privilege level
// is not the guest's kernel: CMC does not look, we refuse.
std::optional<SnpPolicy> policy_of(const Metadata* root, Finding& summary) {
  if (root == nullptr || !root->snp_policy) {
    summary.fail(kPolicyNotPresent, "the root manifest has no policy for SEV-SNP");
    return std::nullopt;
  }
  auto policy = parse_snp_policy(root->snp_policy->dump(), "snpPolicy");
  if (!policy) {
    summary.fail(kPolicyNotPresent, policy.error().what);
    return std::nullopt;
  }
  policy->abi_order = AbiOrder::cmc;
  policy->vmpls = {0};
  return *std::move(policy);
}

// trust_of trusts the last certificate, if the manifests name it, and what stands between it and the signing key.
std::optional<SnpTrust> trust_of(const Measured& m, SignatureFinding& finding) {
  const std::vector<Bytes>& certs = m.collateral.certs;
  if (certs.size() < 2) {
    finding.chain.fail(kParseCert, "no chain of certificates");
    return std::nullopt;
  }
  if (!named_root(m.items, certs.back())) {
    finding.chain.fail(kCaFingerprint, "the manifests name another root than the last certificate");
    return std::nullopt;
  }
  auto trust = SnpTrust::make(std::span(certs).subspan(1));
  if (!trust) finding.chain.fail(kVerifyCertChain, trust.error().what);
  return trust ? std::optional(*std::move(trust)) : std::nullopt;
}

bool passed(const SnpFindings& found, std::string_view id) {
  return std::ranges::none_of(found.checks, [id](const attest::Finding& f) { return f.id == id && f.outcome == Outcome::fail; });
}

VersionFinding part(std::int64_t due, std::int64_t has) { return {has >= due, {due}, {has}}; }

void show_tcb(const SnpFindings& found, const SnpProductDemand& demand, SnpFinding& out) {
  const SnpReport& r = *found.report;
  SnpTcb least = decode_tcb(r.current_tcb, demand.product);
  for (const SnpTcbBytes* bytes : {&r.committed_tcb, &r.launch_tcb, &r.reported_tcb}) {
    SnpTcb other = decode_tcb(*bytes, demand.product);
    least = {std::min(least.fmc, other.fmc), std::min(least.bl, other.bl), std::min(least.tee, other.tee),
             std::min(least.snp, other.snp), std::min(least.ucode, other.ucode)};
  }
  SnpTcb due = demand.tcb.value_or(SnpTcb{});
  out.bl = part(due.bl, least.bl);
  out.tee = part(due.tee, least.tee);
  out.snp = part(due.snp, least.snp);
  out.ucode = part(due.ucode, least.ucode);
  out.fmc = part(due.fmc, least.fmc);
  if (!passed(found, snp_check::kTcb)) out.tcb.fail("older than the policy allows");
  SnpVersion firmware = demand.firmware.value_or(SnpVersion{}), has = std::min(r.current, r.committed);
  out.firmware = {passed(found, snp_check::kFirmware),
                  {firmware.major, firmware.minor, firmware.build},
                  {has.major, has.minor, has.build}};
}

BoolFinding bit(const SnpReport& report, unsigned number, bool due) {
  bool has = report.allows(number);
  return {has == due, due, has};
}

void show_policy(const SnpFindings& found, const SnpPolicy& policy, SnpFinding& out) {
  const SnpReport& r = *found.report;
  auto due = [&](unsigned number) {
    return std::ranges::any_of(policy.guest, [&](const SnpBit& b) { return b.bit == number && b.demand == SnpDemand::set; });
  };
  out.smt = bit(r, SnpPolicyBits::kSmt, due(SnpPolicyBits::kSmt));
  out.single_socket = bit(r, SnpPolicyBits::kSingleSocket, due(SnpPolicyBits::kSingleSocket));
  out.migration = bit(r, SnpPolicyBits::kMigrationAgent, policy.migration == SnpDemand::set);
  out.debug = bit(r, SnpPolicyBits::kDebug, policy.debug == SnpDemand::set);
  auto abi = policy.min_abi.value_or(std::pair<unsigned, unsigned>{});
  out.abi = {passed(found, snp_check::kAbi), {abi.first, abi.second}, {r.abi_minor(), r.abi_major()}};
  for (std::string_view id : {snp_check::kAbi, snp_check::kDebug, snp_check::kMigration, snp_check::kGuestPolicy})
    if (!passed(found, id)) out.policy.fail(std::string(id));
  out.report_version.got = std::to_string(r.version);
  if (!passed(found, snp_check::kVersion)) out.report_version.fail("the policy does not take this version");
}

void show_extensions(const SnpFindings& found, SnpFinding& out) {
  if (!found.certificate) return;
  for (std::string_view id : {snp_check::kTcbCertificate, snp_check::kChip}) {
    Finding& finding = out.extensions.emplace_back();
    if (!passed(found, id)) finding.fail(kExtensionsCheck, std::string(id));
  }
}

void show(const SnpFindings& found, const SnpPolicy& policy, MeasurementFinding& out) {
  if (!found.report) return;
  SnpFinding& finding = out.snp.emplace();
  show_policy(found, policy, finding);
  show_extensions(found, finding);
  for (const SnpProductDemand& demand : policy.products)
    if (demand.product == found.product) show_tcb(found, demand, finding);
}

}  // namespace

MeasurementFinding judge_snp_over(const Measured& m, View nonce) {
  MeasurementFinding out;
  out.type = "SNP Result";
  out.signature.certs = m.collateral.certs;
  auto policy = policy_of(root_manifest(m.items), out.summary);
  auto trust = trust_of(m, out.signature);
  SnpCase question;
  question.report = m.evidence.evidence;
  if (!m.collateral.certs.empty()) question.key_der = m.collateral.certs.front();
  question.trust = trust ? &*trust : nullptr;
  question.when = m.question.now;
  question.report_data = to_bytes(nonce);
  SnpFindings found = attest::judge_snp(question, policy.value_or(SnpPolicy{}));
  tell(found.checks, out);
  if (found.report) out.freshness.got = to_hex(found.report->report_data);
  show(found, policy.value_or(SnpPolicy{}), out);
  const Component* reference = only_reference(m, out.summary);
  if (reference != nullptr && found.report) measured_as(*reference, 0, found.report->measurement, HashAlg::sha384, "SNP", out);
  if (!found.trusted() || !trust || !policy) out.summary.fail("the report is not trusted");
  return out;
}

MeasurementFinding judge_snp_evidence(const Measured& m) { return judge_snp_over(m, m.nonce); }

}  // namespace attest::cmc
