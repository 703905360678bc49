#include "apps/attestctl/artefacts/dcap_facts.h"

#include "evidence/core/hex.h"

namespace attest::ctl {
namespace {

Facts enclave_facts(const EnclaveReport& e) {
  std::uint8_t misc[4];
  for (unsigned i = 0; i < 4; i++) misc[i] = static_cast<std::uint8_t>(e.misc_select >> (8 * i));
  return {{"cpusvn", to_hex(e.cpu_svn)},
          {"miscselect", to_hex(misc)},
          {"attributes", to_hex(e.attributes)},
          {"mrenclave", to_hex(e.mr_enclave)},
          {"mrsigner", to_hex(e.mr_signer)},
          {"isvprodid", e.isv_prod_id},
          {"isvsvn", e.isv_svn},
          {"isvextprodid", to_hex(e.isv_ext_prod_id)},
          {"configid", to_hex(e.config_id)},
          {"configsvn", e.config_svn},
          {"isvfamilyid", to_hex(e.isv_family_id)},
          {"report_data", to_hex(e.report_data)}};
}

Facts td_facts(const TdReport& td) {
  Facts out = {{"tee_tcb_svn", to_hex(td.tee_tcb_svn)},
               {"mrseam", to_hex(td.mr_seam)},
               {"mrsignerseam", to_hex(td.mr_signer_seam)},
               {"seamattributes", to_hex(td.seam_attributes)},
               {"tdattributes", to_hex(td.td_attributes)},
               {"xfam", to_hex(td.xfam)},
               {"mrtd", to_hex(td.mr_td)},
               {"mrconfigid", to_hex(td.mr_config_id)},
               {"mrowner", to_hex(td.mr_owner)},
               {"mrownerconfig", to_hex(td.mr_owner_config)}};
  for (std::size_t i = 0; i < td.rtmr.size(); i++) out["rtmr" + std::to_string(i)] = to_hex(td.rtmr[i]);
  out["report_data"] = to_hex(td.report_data);
  if (td.tee_tcb_svn2) out["tee_tcb_svn2"] = to_hex(*td.tee_tcb_svn2);
  if (td.mr_service_td) out["mrservicetd"] = to_hex(*td.mr_service_td);
  return out;
}

Facts pck_facts(const PckExtension& pck) {
  Facts out = {{"fmspc", to_hex(pck.fmspc)}, {"pceid", to_hex(pck.pce_id)},   {"pcesvn", pck.pce_svn},
               {"comp", pck.comp},           {"cpusvn", to_hex(pck.cpu_svn)}, {"ppid", to_hex(pck.ppid)},
               {"sgx_type", pck.sgx_type}};
  if (pck.platform_instance_id) out["platform_instance_id"] = to_hex(*pck.platform_instance_id);
  if (pck.dynamic_platform) out["dynamic_platform"] = *pck.dynamic_platform;
  if (pck.cached_keys) out["cached_keys"] = *pck.cached_keys;
  if (pck.smt_enabled) out["smt_enabled"] = *pck.smt_enabled;
  return out;
}

void add_certification(const Quote& quote, Facts& out) {
  out["cert_data_type"] = quote.certification.type;
  if (auto identity = parse_platform_identity(quote.certification)) {
    out["platform_identity"] = {{"ppid", to_hex(identity->ppid)},
                                {"cpusvn", to_hex(identity->cpu_svn)},
                                {"pcesvn", identity->pce_svn}};
    if (identity->pce_id) out["platform_identity"]["pceid"] = *identity->pce_id;
  }
  auto certificates = certificates_of(quote);
  if (!certificates) {
    out["certificates_error"] = certificates.error().what;
    return;
  }
  for (const DcapCertificate& certificate : *certificates)
    out["certificates"].push_back(certificate_facts(certificate));
}

Facts level_facts(const IsvLevel& level) {
  return {{"isvsvn", level.isv_svn},
          {"status", tcb_status_name(level.status)},
          {"tcbDate", format_rfc3339(level.date)},
          {"advisories", level.advisories}};
}

Facts levels_facts(const std::vector<IsvLevel>& levels) {
  Facts out = Facts::array();
  for (const IsvLevel& level : levels) out.push_back(level_facts(level));
  return out;
}

Facts module_facts(const TdxModule& module) {
  return {{"mrsigner", to_hex(module.mr_signer)},
          {"attributes", to_hex(module.attributes)},
          {"attributesMask", to_hex(module.attributes_mask)}};
}

}  // namespace

Facts quote_facts(const Quote& quote) {
  Facts out = {{"quote_version", quote.version},
               {"tee", quote.tee == TeeType::tdx ? "tdx" : "sgx"},
               {"attestation_key_type", quote.attestation_key_type},
               {"qe_vendor_id", to_hex(quote.qe_vendor_id)},
               {"user_data", to_hex(quote.user_data)}};
  if (quote.version == 3) out.update(Facts{{"qe_svn", quote.qe_svn}, {"pce_svn", quote.pce_svn}});
  if (quote.version == 5) out["body_type"] = quote.body_type;
  if (const TdReport* td = quote.td()) {
    out["body"] = td_facts(*td);
    out["mrtd"] = to_hex(td->mr_td);
    for (const auto& rtmr : td->rtmr) out["rtmrs"].push_back(to_hex(rtmr));
  } else {
    out["body"] = enclave_facts(*quote.enclave());
    out["mrenclave"] = to_hex(quote.enclave()->mr_enclave);
    out["mrsigner"] = to_hex(quote.enclave()->mr_signer);
  }
  out["report_data"] = to_hex(quote.report_data());
  out["qe_report"] = enclave_facts(quote.qe_report);
  out["qe_authentication_data"] = to_hex(quote.qe_authentication_data);
  out["attestation_key"] = to_hex(quote.attestation_key);
  add_certification(quote, out);
  out["trailing_bytes_after_signature_data"] = quote.trailing.size();
  return out;
}

Facts certificate_facts(const DcapCertificate& certificate) {
  Facts out = {{"subject", certificate.subject_cn},
               {"issuer", certificate.issuer_cn},
               {"serial", to_hex(certificate.serial)},
               {"not_before", format_rfc3339(certificate.not_before)},
               {"not_after", format_rfc3339(certificate.not_after)},
               {"ca", certificate.is_ca}};
  if (certificate.pck) out["sgx"] = pck_facts(*certificate.pck);
  return out;
}

Facts crl_facts(const DcapCrl& crl) {
  return {{"issuer", crl.issuer_cn},
          {"this", format_rfc3339(crl.this_update)},
          {"next", format_rfc3339(crl.next_update)},
          {"n", crl.revoked.size()}};
}

Facts tcb_info_facts(const TcbInfo& info) {
  Facts out = {{"id", info.id},
               {"version", info.version},
               {"issueDate", format_rfc3339(info.issue_date)},
               {"nextUpdate", format_rfc3339(info.next_update)},
               {"fmspc", to_hex(info.fmspc)},
               {"tcbType", info.tcb_type},
               {"tcbEvaluationDataNumber", info.evaluation_number}};
  if (info.pce_id) out["pceId"] = to_hex(*info.pce_id);
  if (info.tdx_module) out["tdxModule"] = module_facts(*info.tdx_module);
  for (const TdxModuleIdentity& identity : info.module_identities) {
    Facts module = module_facts(identity.module);
    module["id"] = identity.id;
    module["levels"] = levels_facts(identity.levels);
    out["tdxModuleIdentities"].push_back(std::move(module));
  }
  for (const TcbLevel& level : info.levels) {
    Facts one = {{"sgx", level.sgx},
                 {"pcesvn", level.pce_svn},
                 {"status", tcb_status_name(level.status)},
                 {"advisories", level.advisories}};
    if (level.tdx) one["tdx"] = *level.tdx;
    if (level.date != 0) one["tcbDate"] = format_rfc3339(level.date);
    out["tcbLevels"].push_back(std::move(one));
  }
  return out;
}

Facts identity_facts(const EnclaveIdentity& identity) {
  return {{"id", identity.id},
          {"version", identity.version},
          {"issueDate", format_rfc3339(identity.issue_date)},
          {"nextUpdate", format_rfc3339(identity.next_update)},
          {"tcbEvaluationDataNumber", identity.evaluation_number},
          {"mrsigner", to_hex(identity.mr_signer)},
          {"isvprodid", identity.isv_prod_id},
          {"attributes", to_hex(identity.attributes)},
          {"attributesMask", to_hex(identity.attributes_mask)},
          {"tcbLevels", levels_facts(identity.levels)}};
}

namespace {

Facts platform_match(const QuoteJudgement& j) {
  const TcbConclusion& tcb = *j.tcb;
  Facts out = {{"status", tcb_status_name(tcb.platform)},
               {"platform_only_status", tcb_status_name(tcb.platform)}};
  if (tcb.level != nullptr) {
    out["advisories"] = tcb.level->advisories;
    if (tcb.level->date != 0) out["tcbDate"] = format_rfc3339(tcb.level->date);
  }
  if (!j.module) return out;
  out["mrsignerseam_match"] = j.module->mr_signer;
  if (j.module->id.empty()) return out;
  out["tdx_module"] = j.module->id;
  const IsvLevel* level = j.module->level;
  out["tdx_module_status"] = tcb_status_name(level == nullptr ? TcbStatus::no_matching_level : level->status);
  out["tdx_module_advisories"] = level == nullptr ? std::vector<std::string>{} : level->advisories;
  return out;
}

Facts identity_match(const QuoteJudgement& j) {
  const QeMatch& qe = *j.qe;
  return {{"mrsigner", qe.mr_signer},
          {"isvprodid", qe.isv_prod_id},
          {"misc", qe.misc_select},
          {"attr", qe.attributes},
          {"status", tcb_status_name(qe.level == nullptr ? TcbStatus::no_matching_level : qe.level->status)},
          {"advisories", qe.level == nullptr ? std::vector<std::string>{} : qe.level->advisories},
          {"qe_isvsvn", j.quote->qe_report.isv_svn}};
}

Facts collateral_facts(const QuoteJudgement& j) {
  Facts out;
  if (j.tcb_info != nullptr) out["tcb"] = tcb_info_facts(j.tcb_info->document.value);
  if (j.identity != nullptr) out["qe"] = identity_facts(j.identity->document.value);
  if (j.root_crl != nullptr) {
    out["root_crl"] = crl_facts(j.root_crl->document);
    out["root_crl_signature_valid"] = static_cast<bool>(j.root_crl->signature);
  }
  out["pck_crl_issuer_matches"] = j.pck_crl != nullptr;
  if (j.pck_crl != nullptr) {
    out["pck_crl"] = crl_facts(j.pck_crl->document);
    out["pck_crl_signature_valid"] = static_cast<bool>(j.pck_crl->signature);
  }
  if (j.pck_revoked) out["pck_revoked"] = *j.pck_revoked;
  if (j.collateral_window)
    out["validity_window"] = {format_rfc3339(j.collateral_window->from),
                              format_rfc3339(j.collateral_window->until)};
  return out;
}

bool all_valid(const QuoteJudgement& j) {
  return j.tcb_info != nullptr && j.identity != nullptr && j.root_crl != nullptr && j.pck_crl != nullptr &&
         j.tcb_info->signature && j.identity->signature && j.root_crl->signature && j.pck_crl->signature;
}

void add_signatures(const QuoteJudgement& j, Facts& out) {
  auto add = [&](const char* name, const std::optional<bool>& value) {
    if (value) out[name] = *value;
  };
  add("quote_signature_valid", j.quote_signature_valid);
  add("qe_report_binds_attestation_key", j.qe_report_binds_key);
  add("qe_report_signature_valid", j.qe_report_signature_valid);
  add("pck_chain_valid", j.pck_chain_valid);
  bool all = j.quote_signature_valid.value_or(false) && j.qe_report_binds_key.value_or(false) &&
             j.qe_report_signature_valid.value_or(false) && j.pck_chain_valid.value_or(false);
  out["crypto_verdict"] = all ? "pass" : "fail";
  if (j.pck_issuer) out["pck_root_is_intel_sgx_root_ca"] = j.pck_issuer->intel;
  if (j.pck == nullptr) return;
  out["pck"] = pck_facts(*j.pck->pck);
  out["pck_validity"] = {format_rfc3339(j.pck->not_before), format_rfc3339(j.pck->not_after)};
  out["pck_issuer"] = j.pck->issuer_cn;
}

}  // namespace

Facts judgement_facts(const QuoteJudgement& j) {
  Facts out;
  add_signatures(j, out);
  if (j.tcb_info != nullptr || j.identity != nullptr || j.root_crl != nullptr || j.pck_crl != nullptr) {
    out["tcb_info_signature_valid"] = j.tcb_info != nullptr && j.tcb_info->signature;
    out["qe_identity_signature_valid"] = j.identity != nullptr && j.identity->signature;
    out["collateral"] = collateral_facts(j);
    out["collateral_signatures_ok"] = all_valid(j);
  }
  if (j.qe) out["qe_identity_match"] = identity_match(j);
  if (!j.tcb) return out;
  out["tcb_level_match"] = platform_match(j);
  out["tcb_status"] = tcb_status_name(j.tcb->status);
  out["tcb_status_with_relaunch_advice"] = tcb_status_name(j.tcb->advised);
  out["advisories"] = j.tcb->level == nullptr ? std::vector<std::string>{} : j.tcb->level->advisories;
  out["advisories_of_all_parts"] = j.tcb->advisories;
  return out;
}

}  // namespace attest::ctl
