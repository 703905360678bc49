#include "apps/attestctl/artefacts/dcap_input.h"

#include "evidence/core/hex.h"
#include "evidence/core/printable.h"

namespace attest::ctl {
namespace {

// PolicyReader takes members out of a JSON object; whatever is wrong is kept, the first wins.
class PolicyReader {
 public:
  explicit PolicyReader(const Json& json) : left_(json) {
    if (!json.is_null() && !json.is_object()) error_ = "not a JSON object";
    if (json.is_null()) left_ = Json::object();
  }
  template <std::size_t N>
  void block(const char* key, std::optional<Block<N>>& out) {
    Json value = take(key);
    if (!value.is_null()) read_block(key, value, out);
  }
  void rtmrs(std::array<std::optional<Block<48>>, 4>& out) {
    Json value = take("rtmr");
    if (value.is_null()) return;
    if (!value.is_array() || value.size() > 4) return wrong("rtmr", "a list of at most four");
    for (std::size_t i = 0; i < value.size(); i++)
      if (!value[i].is_null()) read_block("rtmr", value[i], out[i]);
  }
  void flag(const char* key, std::optional<bool>& out) {
    Json value = take(key);
    if (value.is_null()) return;
    if (!value.is_boolean()) return wrong(key, "true or false");
    out = value.get<bool>();
  }
  void flag(const char* key, bool& out) {
    std::optional<bool> value;
    flag(key, value);
    out = value.value_or(out);
  }
  void number(const char* key, std::optional<std::uint16_t>& out) {
    Json value = take(key);
    if (value.is_null()) return;
    if (!value.is_number_unsigned() || value.get<std::uint64_t>() > 65535)
      return wrong(key, "a number up to 65535");
    out = value.get<std::uint16_t>();
  }
  void statuses(std::vector<TcbStatus>& out) {
    Json value = take("accepted_tcb_statuses");
    if (value.is_null()) return;
    if (!value.is_array() || value.empty()) return wrong("accepted_tcb_statuses", "a list");
    out.clear();
    for (const Json& name : value) {
      auto status = name.is_string() ? any_tcb_status(name.get<std::string>()) : std::nullopt;
      if (!status || *status == TcbStatus::revoked || *status == TcbStatus::no_matching_level)
        return wrong("accepted_tcb_statuses",
                     "a list of TCB statuses; Revoked and NoMatchingLevel are never accepted");
      out.push_back(*status);
    }
  }
  Status finish() {
    if (error_.empty() && !left_.empty())
      error_ = "unknown member \"" + printable(left_.begin().key()) + "\"";
    if (error_.empty()) return ok();
    return Error{Errc::denied, "policy: " + error_};
  }

 private:
  Json take(const char* key) {
    if (!left_.is_object() || !left_.contains(key)) return nullptr;
    Json value = left_[key];
    left_.erase(key);
    return value;
  }
  template <std::size_t N>
  void read_block(const char* key, const Json& value, std::optional<Block<N>>& out) {
    auto bytes = value.is_string() ? from_hex(value.get<std::string>(), N) : Result<Bytes>(Bytes{});
    if (!bytes || bytes->size() != N) return wrong(key, std::to_string(2 * N) + " hex digits");
    std::ranges::copy(*bytes, out.emplace().begin());
  }
  void wrong(const char* key, const std::string& expected) {
    if (error_.empty()) error_ = "\"" + std::string(key) + "\" must be " + expected;
  }
  Json left_;
  std::string error_;
};

}  // namespace

Result<DcapPolicy> read_dcap_policy(const Json& json) {
  DcapPolicy out;
  PolicyReader in(json);
  in.statuses(out.tcb.accepted);
  in.flag("collateral_required", out.tcb.collateral_required);
  bool allow_debug = false;
  in.flag("allow_debug", allow_debug);
  out.tdx.allow_debug = out.sgx.allow_debug = allow_debug;
  in.flag("allow_migratable", out.tdx.allow_migratable);
  in.block("xfam", out.tdx.xfam);
  in.flag("sept_ve_disable", out.tdx.sept_ve_disable);
  in.flag("pks", out.tdx.pks);
  in.flag("key_locker", out.tdx.key_locker);
  in.block("mr_td", out.tdx.mr_td);
  in.rtmrs(out.tdx.rtmr);
  in.block("mr_seam", out.tdx.mr_seam);
  in.block("mr_signer_seam", out.tdx.mr_signer_seam);
  in.block("mr_config_id", out.tdx.mr_config_id);
  in.block("mr_owner", out.tdx.mr_owner);
  in.block("mr_owner_config", out.tdx.mr_owner_config);
  in.block("mr_service_td", out.tdx.mr_service_td);
  in.block("mr_enclave", out.sgx.mr_enclave);
  in.block("mr_signer", out.sgx.mr_signer);
  in.number("isv_prod_id", out.sgx.isv_prod_id);
  in.number("min_isv_svn", out.sgx.min_isv_svn);
  in.flag("provision_key", out.sgx.provision_key);
  in.flag("einit_token", out.sgx.einit_token);
  in.flag("kss", out.sgx.kss);
  in.flag("mode64", out.sgx.mode64);
  in.block("xfrm", out.sgx.xfrm);
  CHECK_OK(in.finish());
  return out;
}

}  // namespace attest::ctl
