#include "verifier/dcap/demands.h"

#include "evidence/core/hex.h"

namespace attest {
namespace {

template <std::size_t N>
void block(const Object& object, std::string_view key, std::optional<Block<N>>& out) {
  if (!object.has(key)) return;
  auto bytes = from_hex(object.string(key), N);
  if (!bytes || bytes->size() != N)
    return object.fail(key, "must be " + std::to_string(2 * N) + " hex digits");
  std::ranges::copy(*bytes, out.emplace().begin());
}

void flag(const Object& object, std::string_view key, std::optional<bool>& out) {
  if (object.has(key)) out = object.boolean(key, false);
}

void number(const Object& object, std::string_view key, std::optional<std::uint16_t>& out) {
  if (object.has(key)) out = static_cast<std::uint16_t>(object.integer(key, 0, 65535));
}

void read_statuses(const Object& intel, TcbPolicy& out) {
  if (!intel.has("accepted_tcb_statuses")) return;
  out.accepted.clear();
  for (const std::string& name : intel.strings("accepted_tcb_statuses")) {
    auto status = any_tcb_status(name);
    if (!status || *status == TcbStatus::revoked || *status == TcbStatus::no_matching_level)
      intel.fail("accepted_tcb_statuses",
                 "must list TCB statuses; Revoked and NoMatchingLevel are never accepted");
    else
      out.accepted.push_back(*status);
  }
}

TdxPolicy read_tdx(const Object& tdx) {
  TdxPolicy out;
  out.allow_debug = tdx.boolean("allow_debug", false);
  out.allow_migratable = tdx.boolean("allow_migratable", false);
  block(tdx, "xfam", out.xfam);
  flag(tdx, "sept_ve_disable", out.sept_ve_disable);
  flag(tdx, "pks", out.pks);
  flag(tdx, "key_locker", out.key_locker);
  block(tdx, "mr_signer_seam", out.mr_signer_seam);
  block(tdx, "mr_seam", out.mr_seam);
  block(tdx, "mr_config_id", out.mr_config_id);
  block(tdx, "mr_owner", out.mr_owner);
  block(tdx, "mr_owner_config", out.mr_owner_config);
  block(tdx, "mr_service_td", out.mr_service_td);
  return out;
}

SgxPolicy read_sgx(const Object& sgx) {
  SgxPolicy out;
  out.allow_debug = sgx.boolean("allow_debug", false);
  block(sgx, "mr_signer", out.mr_signer);
  number(sgx, "isv_prod_id", out.isv_prod_id);
  number(sgx, "min_isv_svn", out.min_isv_svn);
  flag(sgx, "provision_key", out.provision_key);
  flag(sgx, "einit_token", out.einit_token);
  flag(sgx, "kss", out.kss);
  flag(sgx, "mode64", out.mode64);
  block(sgx, "xfrm", out.xfrm);
  return out;
}

}  // namespace

DcapDemands read_dcap_demands(const Object& root) {
  DcapDemands out;
  if (auto intel = root.object("intel")) {
    out.tcb.collateral_required = intel->boolean("collateral_required", true);
    read_statuses(*intel, out.tcb);
  }
  if (auto tdx = root.object("tdx")) out.tdx = read_tdx(*tdx);
  if (auto sgx = root.object("sgx")) out.sgx = read_sgx(*sgx);
  return out;
}

}  // namespace attest
