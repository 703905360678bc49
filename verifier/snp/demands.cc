// demands.cc: what a policy demands of a genuine report; every demand is one named check, and all of them are told.
#include "evidence/core/hex.h"
#include "evidence/core/printable.h"
#include "verifier/snp/checks.h"
#include "verifier/snp/judge.h"

namespace attest {
namespace {

const char* demand_text(SnpDemand demand) { return demand == SnpDemand::set ? "set" : "clear"; }
const char* bit_text(bool set) { return set ? "set" : "clear"; }

bool bit_fits(SnpDemand demand, bool set) {
  return demand == SnpDemand::any || (demand == SnpDemand::set) == set;
}

void check_bit(std::string_view id, SnpDemand demand, bool set, std::string_view what, Findings& out) {
  if (demand == SnpDemand::any) return;
  if (bit_fits(demand, set)) return out.pass(id, bit_text(set));
  out.fail(id, std::string(what) + " is " + bit_text(set) + ", the policy wants it " + demand_text(demand), demand_text(demand),
           bit_text(set));
}

void check_bits(std::string_view id, const std::vector<SnpBit>& bits, std::uint64_t value, std::string_view where, Findings& out) {
  for (const SnpBit& bit : bits)
    check_bit(id, bit.demand, (value >> bit.bit & 1) != 0, std::string(where) + " bit " + bit.name, out);
}

// check_listed: one of the values a list allows.
void check_listed(std::string_view id, const std::vector<Bytes>& allowed, View measured, std::string_view what, Findings& out) {
  if (allowed.empty()) return;
  for (const Bytes& value : allowed)
    if (equal(value, measured)) return out.pass(id, to_hex(measured));
  out.fail(id, std::string(what) + " is none of those the policy allows",
           to_hex(allowed.front()) + (allowed.size() > 1 ? " or " + std::to_string(allowed.size() - 1) + " others" : ""),
           to_hex(measured));
}

void check_version(const SnpReport& report, const SnpPolicy& policy, Findings& out) {
  if (report.version >= policy.min_version && report.version <= policy.max_version)
    return out.pass(snp_check::kVersion, std::to_string(report.version));
  out.fail(snp_check::kVersion, "the policy does not take this version of a report",
           std::to_string(policy.min_version) + " to " + std::to_string(policy.max_version), std::to_string(report.version));
}

void check_key(const SnpKeyCertificate& key, const SnpPolicy& policy, Findings& out) {
  bool vcek = key.role == SnpCertificateRole::vcek;
  if (vcek ? policy.vcek : policy.vlek)
    out.pass(snp_check::kKeyKind, snp_role_name(key.role));
  else
    out.fail(snp_check::kKeyKind, "the policy does not take reports signed by this kind of key", vcek ? "VLEK" : "VCEK",
             snp_role_name(key.role));
  if (policy.providers.empty()) return;
  if (!vcek && std::ranges::find(policy.providers, key.csp_id) != policy.providers.end())
    return out.pass(snp_check::kProvider, printable(key.csp_id));
  out.fail(snp_check::kProvider, "the provider is none of those the policy allows", printable(policy.providers.front()),
           vcek ? "none: signed by the chip's key" : printable(key.csp_id));
}

// check_abi: the guest's owner demanded at least this version of the firmware's interface when the guest was launched.
void check_abi(const SnpReport& report, const SnpPolicy& policy, Findings& out) {
  if (!policy.min_abi) return;
  std::pair<unsigned, unsigned> has{report.abi_major(), report.abi_minor()};
  if (policy.abi_order == AbiOrder::cmc) std::swap(has.first, has.second);
  auto text = [](auto v) { return std::to_string(v.first) + "." + std::to_string(v.second); };
  if (has >= *policy.min_abi) return out.pass(snp_check::kAbi, text(has));
  out.fail(snp_check::kAbi, "the guest policy admits an older interface than demanded", text(*policy.min_abi), text(has));
}

void check_guest_policy(const SnpReport& report, const SnpPolicy& policy, Findings& out) {
  check_bit(snp_check::kDebug, policy.debug, report.allows(SnpPolicyBits::kDebug), "permission to debug the guest", out);
  check_bit(snp_check::kMigration, policy.migration, report.allows(SnpPolicyBits::kMigrationAgent),
            "permission to attach a migration agent", out);
  check_bits(snp_check::kGuestPolicy, policy.guest, report.policy, "guest policy", out);
  check_bits(snp_check::kPlatform, policy.platform, report.platform_info, "platform", out);
  if (!report.allows(SnpPolicyBits::kReservedOne))
    out.fail(snp_check::kGuestPolicy, "bit 17 of the guest policy is clear; firmware launches no such guest", "set", "clear");
  check_abi(report, policy, out);
}

void check_firmware(const SnpReport& report, const SnpVersion& least, Findings& out) {
  std::string has = "current " + version_text(report.current) + ", committed " + version_text(report.committed);
  if (report.current >= least && report.committed >= least) return out.pass(snp_check::kFirmware, has);
  out.fail(snp_check::kFirmware, "the firmware is, or may be made, older than the policy allows", version_text(least), has);
}

void check_tcb(const SnpReport& report, const SnpTcb& least, SnpProduct product, Findings& out) {
  const std::pair<const char*, const SnpTcbBytes*> kVersions[] = {{"current", &report.current_tcb},
                                                                  {"committed", &report.committed_tcb},
                                                                  {"reported", &report.reported_tcb},
                                                                  {"launch", &report.launch_tcb}};
  for (auto [name, bytes] : kVersions) {
    SnpTcb tcb = decode_tcb(*bytes, product);
    if (tcb.at_least(least)) continue;
    return out.fail(snp_check::kTcb, std::string("the ") + name + " TCB is older than the policy allows", tcb_text(least, product),
                    tcb_text(tcb, product));
  }
  out.pass(snp_check::kTcb, tcb_text(decode_tcb(report.reported_tcb, product), product));
}

void check_product(const SnpReport& report, SnpProduct product, const SnpPolicy& policy, Findings& out) {
  if (policy.products.empty()) return;
  auto row = std::ranges::find(policy.products, product, &SnpProductDemand::product);
  if (row == policy.products.end())
    return out.fail(snp_check::kProduct, "the policy names no versions for this line of processors",
                    snp_product_name(policy.products.front().product), snp_product_name(product));
  if (row->firmware) check_firmware(report, *row->firmware, out);
  if (row->tcb) check_tcb(report, *row->tcb, product, out);
}

void check_vmpl(const SnpReport& report, const SnpPolicy& policy, Findings& out) {
  if (std::ranges::find(policy.vmpls, report.vmpl) != policy.vmpls.end())
    return out.pass(snp_check::kVmpl, std::to_string(report.vmpl));
  out.fail(snp_check::kVmpl, "the report was asked for at a privilege level the policy does not trust (\"vmpl\")",
           policy.vmpls.empty() ? "none" : std::to_string(policy.vmpls.front()), std::to_string(report.vmpl));
}

void check_mitigations(const SnpReport& report, const SnpPolicy& policy, Findings& out) {
  if (policy.mitigations == 0) return;
  std::uint64_t since_launch = report.launch_mitigations.value_or(0) & report.current_mitigations.value_or(0);
  auto text = [](std::uint64_t v) {
    Writer w;
    w.u64be(v);
    return to_hex(*std::move(w).finish("mitigations"));
  };
  if ((since_launch & policy.mitigations) == policy.mitigations) return out.pass(snp_check::kMitigations, text(since_launch));
  out.fail(snp_check::kMitigations, "mitigations the policy demands were not on since launch", text(policy.mitigations), text(since_launch));
}

void check_guest(const SnpReport& report, const SnpPolicy& policy, Findings& out) {
  check_listed(snp_check::kMeasurement, policy.measurements, report.measurement, "the launch measurement", out);
  check_listed(snp_check::kHostData, policy.host_data, report.host_data, "the host data", out);
  check_listed(snp_check::kIdKey, policy.id_keys, report.id_key_digest, "the key that signed the identity block", out);
  if (!policy.author_keys.empty() && !report.author_key_en)
    out.fail(snp_check::kAuthorKey, "no author key vouches for the identity key", to_hex(policy.author_keys.front()), "none");
  else
    check_listed(snp_check::kAuthorKey, policy.author_keys, report.author_key_digest, "the author key", out);
  check_listed(snp_check::kFamily, policy.family_ids, report.family_id, "the family id", out);
  check_listed(snp_check::kImage, policy.image_ids, report.image_id, "the image id", out);
  check_listed(snp_check::kChipAllowed, policy.chips, report.chip_id, "the chip", out);
  if (!policy.min_guest_svn) return;
  if (report.guest_svn >= *policy.min_guest_svn) return out.pass(snp_check::kGuestSvn, std::to_string(report.guest_svn));
  out.fail(snp_check::kGuestSvn, "the guest is older than the policy allows", std::to_string(*policy.min_guest_svn),
           std::to_string(report.guest_svn));
}

}  // namespace

void judge_snp_policy(const SnpReport& report, const SnpKeyCertificate& key, const SnpPolicy& policy, Findings& out) {
  check_version(report, policy, out);
  check_key(key, policy, out);
  check_guest_policy(report, policy, out);
  check_product(report, key.product, policy, out);
  check_vmpl(report, policy, out);
  check_mitigations(report, policy, out);
  check_guest(report, policy, out);
}

}  // namespace attest
