// snp_facts.cc: what stands in SEV-SNP reports and certificates, as JSON.
#include "apps/attestctl/artefacts/snp_files.h"
#include "evidence/core/hex.h"

namespace attest::ctl {
namespace {

std::string number_hex(std::uint64_t value) {
  constexpr const char* kDigits = "0123456789abcdef";
  std::string out;
  do out.insert(out.begin(), kDigits[value & 0xf]);
  while ((value >>= 4) != 0);
  return "0x" + out;
}

Facts tcb_facts(const SnpTcbBytes& bytes, SnpProduct product) {
  SnpTcb tcb = decode_tcb(bytes, product);
  Facts out = Facts::object();
  if (product == SnpProduct::turin) out["fmc"] = tcb.fmc;
  out.update({{"bl", tcb.bl}, {"tee", tcb.tee}, {"snp", tcb.snp}, {"ucode", tcb.ucode}});
  return out;
}

Facts guest_policy_facts(const SnpReport& r) {
  auto bit = [&](unsigned n) { return r.allows(n); };
  return {{"abi", std::to_string(r.abi_major()) + "." + std::to_string(r.abi_minor())},
          {"smt", bit(SnpPolicyBits::kSmt)},
          {"migration", bit(SnpPolicyBits::kMigrationAgent)},
          {"debug", bit(SnpPolicyBits::kDebug)},
          {"single_socket", bit(SnpPolicyBits::kSingleSocket)},
          {"cxl", bit(SnpPolicyBits::kCxl)},
          {"mem_aes_256_xts", bit(SnpPolicyBits::kMemAes256Xts)},
          {"rapl_disabled", bit(SnpPolicyBits::kRaplDisabled)},
          {"ciphertext_hiding", bit(SnpPolicyBits::kCiphertextHiding)},
          {"page_swap_disabled", bit(SnpPolicyBits::kPageSwapDisabled)}};
}

Facts platform_facts(std::uint64_t info) {
  auto bit = [&](unsigned n) { return (info >> n & 1) != 0; };
  return {{"smt", bit(0)},         {"tsme", bit(1)},
          {"ecc", bit(2)},         {"rapl_disabled", bit(3)},
          {"ciphertext_hiding", bit(4)}, {"alias_check", bit(5)},
          {"tio", bit(7)}};
}

void add_identity(const SnpReport& r, Facts& out) {
  out["report_data"] = to_hex(r.report_data);
  out["measurement"] = to_hex(r.measurement);
  out["host_data"] = to_hex(r.host_data);
  out["id_key_digest"] = to_hex(r.id_key_digest);
  out["author_key_digest"] = to_hex(r.author_key_digest);
  out["report_id"] = to_hex(r.report_id);
  out["report_id_ma"] = to_hex(r.report_id_ma);
  out["reported_tcb"] = to_hex(r.reported_tcb);
  out["cpuid_fam_mod_step"] = nullptr;
  if (r.cpuid)
    out["cpuid_fam_mod_step"] = to_hex(std::array<std::uint8_t, 3>{r.cpuid->family, r.cpuid->model, r.cpuid->stepping});
  out["chip_id"] = to_hex(r.chip_id);
  out["committed_tcb"] = to_hex(r.committed_tcb);
  out["launch_tcb"] = to_hex(r.launch_tcb);
}

void add_versions(const SnpReport& r, SnpProduct product, Facts& out) {
  out["current_build_minor_major"] = to_hex(std::array<std::uint8_t, 3>{r.current.build, r.current.minor, r.current.major});
  out["committed_build_minor_major"] = to_hex(std::array<std::uint8_t, 3>{r.committed.build, r.committed.minor, r.committed.major});
  out["firmware"] = {{"current", version_text(r.current)}, {"committed", version_text(r.committed)}};
  out["tcb"] = {{"current", tcb_facts(r.current_tcb, product)},
                {"reported", tcb_facts(r.reported_tcb, product)},
                {"committed", tcb_facts(r.committed_tcb, product)},
                {"launch", tcb_facts(r.launch_tcb, product)}};
  if (r.launch_mitigations) out["launch_mit_vector"] = number_hex(*r.launch_mitigations);
  if (r.current_mitigations) out["current_mit_vector"] = number_hex(*r.current_mitigations);
}

}  // namespace

Facts snp_report_facts(const SnpReport& r, SnpProduct product) {
  Facts out = {{"version", r.version},
               {"guest_svn", r.guest_svn},
               {"policy", number_hex(r.policy)},
               {"guest_policy", guest_policy_facts(r)},
               {"family_id", to_hex(r.family_id)},
               {"image_id", to_hex(r.image_id)},
               {"vmpl", r.vmpl},
               {"sig_algo", r.signature_algorithm},
               {"current_tcb", to_hex(r.current_tcb)},
               {"platform_info", number_hex(r.platform_info)},
               {"platform", platform_facts(r.platform_info)},
               {"signing_key", signing_key_name(r.signing_key)},
               {"author_key_en", r.author_key_en},
               {"mask_chip_key", r.mask_chip_key}};
  add_identity(r, out);
  add_versions(r, product, out);
  out["reserved_fields_used"] = r.unknown_fields;
  return out;
}

Facts snp_key_facts(const SnpKeyCertificate& key) {
  Facts extensions = {{"struct", key.struct_version}, {"product", key.product_name}};
  if (key.product == SnpProduct::turin) extensions["fmc"] = key.tcb.fmc;
  extensions.update({{"bl", key.tcb.bl}, {"tee", key.tcb.tee}, {"snp", key.tcb.snp}, {"ucode", key.tcb.ucode}});
  if (key.role == SnpCertificateRole::vcek)
    extensions["hwid"] = to_hex(key.hwid);
  else
    extensions["csp"] = key.csp_id;
  return {{"vek_extensions", extensions},
          {"vek_validity", {format_rfc3339(key.not_before), format_rfc3339(key.not_after)}}};
}

}  // namespace attest::ctl
