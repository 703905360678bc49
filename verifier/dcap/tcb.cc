#include "verifier/dcap/tcb.h"

#include <algorithm>
#include <cstdio>

namespace attest {
namespace {

using enum TcbStatus;

template <std::size_t N>
bool masked_equal(const std::array<std::uint8_t, N>& value, const std::array<std::uint8_t, N>& mask,
                  const std::array<std::uint8_t, N>& expected) {
  for (std::size_t i = 0; i < N; i++)
    if ((value[i] & mask[i]) != expected[i]) return false;
  return true;
}

const IsvLevel* first_reached(const std::vector<IsvLevel>& levels, std::uint16_t isv_svn) {
  auto level = std::ranges::find_if(levels, [&](const IsvLevel& l) { return isv_svn >= l.isv_svn; });
  return level == levels.end() ? nullptr : &*level;
}

bool all_reached(const std::array<std::uint8_t, 16>& have, const std::array<std::uint8_t, 16>& need,
                 std::size_t from = 0) {
  for (std::size_t i = from; i < have.size(); i++)
    if (have[i] < need[i]) return false;
  return true;
}

// tdx_reached: the module's SVN and version (bytes 0 and 1) are judged by its identity when it has a version.
bool tdx_reached(const TdReport& td, const TcbLevel& level) {
  return level.tdx && all_reached(td.tee_tcb_svn, *level.tdx, td.tee_tcb_svn[1] > 0 ? 2 : 0);
}

// find_levels looks for the first level of each kind, in the order served.
void find_levels(const TcbInfo& info, const PckExtension& pck, const TdReport* td, TcbConclusion& out) {
  for (const TcbLevel& level : info.levels) {
    if (!all_reached(pck.comp, level.sgx) || pck.pce_svn < level.pce_svn) continue;
    if (out.sgx_level == nullptr) out.sgx_level = &level;
    if (td != nullptr && !tdx_reached(*td, level)) continue;
    out.level = &level;
    return;
  }
}

bool configuration_needed_in(TcbStatus status) {
  return status == configuration_needed || status == configuration_and_sw_hardening_needed ||
         status == out_of_date_configuration_needed || status == td_relaunch_advised_configuration_needed;
}

// with_part lowers the platform's status by that of a part of it: a TDX module or the quoting enclave.
TcbStatus with_part(TcbStatus platform, TcbStatus part) {
  if (part == revoked || part == no_matching_level) return part;
  if (part != out_of_date) return platform;
  if (platform == up_to_date || platform == sw_hardening_needed) return out_of_date;
  if (platform == configuration_needed || platform == configuration_and_sw_hardening_needed)
    return out_of_date_configuration_needed;
  return platform;
}

bool good_enough(TcbStatus sgx) {
  return sgx == up_to_date || sgx == sw_hardening_needed || sgx == configuration_needed ||
         sgx == configuration_and_sw_hardening_needed;
}

const TdxModuleIdentity* identity_of(const TcbInfo& info, std::string_view id) {
  auto found = std::ranges::find_if(info.module_identities, [&](const TdxModuleIdentity& identity) {
    return std::ranges::equal(identity.id, id,
                              [](char a, char b) { return (a >= 'a' && a <= 'f' ? a - 32 : a) == b; });
  });
  return found == info.module_identities.end() ? nullptr : &*found;
}

std::string module_id(std::uint8_t version) {
  char text[8];
  std::snprintf(text, sizeof text, "TDX_%02X", version);
  return text;
}

// newest_loaded: the module that runs now (second SVN) is the newest, so a relaunched TD would be up to date.
bool newest_loaded(const TcbInfo& info, const std::array<std::uint8_t, 16>& now) {
  const TcbLevel& newest = info.levels.front();
  if (!newest.tdx || now[2] < (*newest.tdx)[2]) return false;
  if (now[1] == 0) return now[0] >= (*newest.tdx)[0];
  const TdxModuleIdentity* identity = identity_of(info, module_id(now[1]));
  return identity != nullptr && !identity->levels.empty() && now[0] >= identity->levels.front().isv_svn;
}

// relaunch applies Intel's rule: only the module of the TD's launch is old, and a newer one is loaded by now.
TcbStatus relaunch(const TcbInfo& info, const TdReport& td, const TcbConclusion& c, TcbStatus with_module,
                   const TdxModuleMatch& module, const QeMatch* qe) {
  if (!td.tee_tcb_svn2 || c.sgx_level == nullptr || !good_enough(c.sgx_level->status)) return with_module;
  if (qe != nullptr &&
      (qe->level == nullptr || qe->level->status == out_of_date || qe->level->status == revoked))
    return with_module;
  if (with_module != out_of_date && with_module != out_of_date_configuration_needed) return with_module;
  if (module.level == nullptr || module.level->status != out_of_date ||
      !newest_loaded(info, *td.tee_tcb_svn2))
    return with_module;
  bool configure = configuration_needed_in(c.sgx_level->status) || configuration_needed_in(with_module);
  return configure ? td_relaunch_advised_configuration_needed : td_relaunch_advised;
}

void add_advisories(const std::vector<std::string>& from, std::vector<std::string>& to) {
  for (const std::string& advisory : from)
    if (std::ranges::find(to, advisory) == to.end()) to.push_back(advisory);
}

TcbStatus module_status(const TdxModuleMatch& module) {
  if (module.identity == nullptr) return module.missing ? no_matching_level : up_to_date;
  return module.level == nullptr ? no_matching_level : module.level->status;
}

}  // namespace

QeMatch match_qe(const EnclaveIdentity& identity, const EnclaveReport& qe) {
  QeMatch out;
  out.mr_signer = qe.mr_signer == identity.mr_signer;
  out.isv_prod_id = qe.isv_prod_id == identity.isv_prod_id;
  out.misc_select = (qe.misc_select & identity.misc_select_mask) == identity.misc_select;
  out.attributes = masked_equal(qe.attributes, identity.attributes_mask, identity.attributes);
  out.level = first_reached(identity.levels, qe.isv_svn);
  return out;
}

TdxModuleMatch match_tdx_module(const TcbInfo& info, const TdReport& report) {
  TdxModuleMatch out;
  std::uint8_t version = report.tee_tcb_svn[1];
  const TdxModule* module = info.tdx_module ? &*info.tdx_module : nullptr;
  if (version > 0) {
    out.id = module_id(version);
    out.identity = identity_of(info, out.id);
    out.missing = out.identity == nullptr;
    module = out.missing ? nullptr : &out.identity->module;
    if (!out.missing) out.level = first_reached(out.identity->levels, report.tee_tcb_svn[0]);
  }
  if (module == nullptr) return out;
  out.mr_signer = report.mr_signer_seam == module->mr_signer;
  bool zero = std::ranges::all_of(report.seam_attributes, [](std::uint8_t b) { return b == 0; });
  out.attributes = zero && masked_equal(report.seam_attributes, module->attributes_mask, module->attributes);
  return out;
}

TcbConclusion conclude(const TcbInfo& info, const PckExtension& pck, const TdReport* td,
                       const TdxModuleMatch* module, const QeMatch* qe) {
  TcbConclusion out;
  find_levels(info, pck, td, out);
  if (out.level == nullptr) return out;
  out.platform = out.level->status;
  add_advisories(out.level->advisories, out.advisories);
  TcbStatus with_module = out.platform;
  if (module != nullptr) {
    with_module = with_part(out.platform, module_status(*module));
    if (module->level != nullptr) add_advisories(module->level->advisories, out.advisories);
  }
  TcbStatus advised =
      td != nullptr && module != nullptr ? relaunch(info, *td, out, with_module, *module, qe) : with_module;
  TcbStatus part = qe == nullptr ? up_to_date : qe->level == nullptr ? no_matching_level : qe->level->status;
  out.status = with_part(with_module, part);
  out.advised = with_part(advised, part);
  if (out.platform == revoked) out.status = out.advised = revoked;
  if (qe != nullptr && qe->level != nullptr) add_advisories(qe->level->advisories, out.advisories);
  return out;
}

}  // namespace attest
