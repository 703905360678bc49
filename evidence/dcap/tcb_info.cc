// tcb_info.cc: TCB info, versions 1 (PCS v1), 2 (PCS v2 and v3) and 3 (PCS v4).
#include "evidence/dcap/tcb_json.h"

namespace attest {
namespace {

using namespace tcb_json;

// component_svn reads a component's SVN. Version 3 alone: Intel's own sample collateral writes the bytes from
// 0x80 on as 16-bit numbers with the sign carried on (65473 for 0xc1); nothing else beyond a byte is taken.
std::uint8_t component_svn(JsonReader& json) {
  std::uint32_t value = number(json, 0xffff);
  if (value > 0xff && value < 0xff80) json.fail("an SVN is 0 to 255");
  return static_cast<std::uint8_t>(value);
}

std::array<std::uint8_t, 16> components(JsonReader& json) {
  std::array<std::uint8_t, 16> out{};
  std::size_t count = 0;
  json.array([&] {
    Members members;
    json.object([&](std::string_view key) {
      members.saw(key);
      if (key != "svn") return json.skip();
      std::uint8_t svn = component_svn(json);
      if (count < out.size()) out[count] = svn;
    });
    members.demand(json, {"svn"});
    if (++count > out.size()) json.fail("more than 16 components");
  });
  if (count != out.size()) json.fail("not 16 components");
  return out;
}

// numbered is 1 to 16 for "sgxtcbcomp01svn" to "sgxtcbcomp16svn", else 0.
std::size_t numbered(std::string_view key) {
  if (key.size() != 15 || !key.starts_with("sgxtcbcomp") || !key.ends_with("svn")) return 0;
  int tens = key[10] - '0', ones = key[11] - '0';
  bool digits = tens >= 0 && tens <= 1 && ones >= 0 && ones <= 9;
  int n = digits ? tens * 10 + ones : 0;
  return n <= 16 ? static_cast<std::size_t>(n) : 0;
}

void read_tcb(JsonReader& json, const TcbInfo& info, TcbLevel& level) {
  Members members;
  std::size_t flat = 0;
  json.object([&](std::string_view key) {
    members.saw(key);
    if (std::size_t n = numbered(key); n != 0) {
      level.sgx[n - 1] = static_cast<std::uint8_t>(number(json, 255));
      flat++;
    } else if (key == "pcesvn") {
      level.pce_svn = static_cast<std::uint16_t>(number(json, 65535));
    } else if (key == "sgxtcbcomponents") {
      level.sgx = components(json);
    } else if (key == "tdxtcbcomponents") {
      level.tdx = components(json);
    } else {
      json.skip();
    }
  });
  members.demand(json, {"pcesvn"});
  if (info.version >= 3) members.demand(json, {"sgxtcbcomponents"});
  if (info.version < 3 && flat != 16) json.fail("not 16 components");
  if (info.id == "TDX") members.demand(json, {"tdxtcbcomponents"});
}

TcbLevel read_level(JsonReader& json, const TcbInfo& info) {
  TcbLevel level;
  Members members;
  std::string_view status_key = info.version == 1 ? "status" : "tcbStatus";
  json.object([&](std::string_view key) {
    members.saw(key);
    if (key == "tcb")
      read_tcb(json, info, level);
    else if (key == "tcbDate")
      level.date = date(json);
    else if (key == status_key)
      level.status = status(json);
    else if (key == "advisoryIDs")
      level.advisories = advisories(json);
    else
      json.skip();
  });
  members.demand(json, {"tcb", status_key});
  if (info.version > 1) members.demand(json, {"tcbDate"});
  return level;
}

TdxModule read_module(JsonReader& json, TdxModuleIdentity* identity) {
  TdxModule out;
  Members members;
  json.object([&](std::string_view key) {
    members.saw(key);
    if (key == "mrsigner")
      out.mr_signer = hex_block<48>(json);
    else if (key == "attributes")
      out.attributes = hex_block<8>(json);
    else if (key == "attributesMask")
      out.attributes_mask = hex_block<8>(json);
    else if (key == "id" && identity != nullptr)
      identity->id = json.text();
    else if (key == "tcbLevels" && identity != nullptr)
      identity->levels = isv_levels(json);
    else
      json.skip();
  });
  members.demand(json, {"mrsigner", "attributes", "attributesMask"});
  if (identity != nullptr) members.demand(json, {"id", "tcbLevels"});
  return out;
}

void read_identities(JsonReader& json, TcbInfo& info) {
  json.array([&] {
    TdxModuleIdentity identity;
    identity.module = read_module(json, &identity);
    info.module_identities.push_back(std::move(identity));
    if (info.module_identities.size() > kMaxTcbLevels) json.fail("too many module identities");
  });
}

void read_levels(JsonReader& json, TcbInfo& info) {
  json.array([&] {
    info.levels.push_back(read_level(json, info));
    if (info.levels.size() > kMaxTcbLevels) json.fail("too many levels");
  });
  if (info.levels.empty()) json.fail("no level");
}

void read_member(JsonReader& json, std::string_view key, TcbInfo& info) {
  if (key == "issueDate")
    info.issue_date = date(json);
  else if (key == "nextUpdate")
    info.next_update = date(json);
  else if (key == "fmspc")
    info.fmspc = hex_block<6>(json);
  else if (key == "pceId")
    info.pce_id = hex_block<2>(json);
  else if (key == "tcbType")
    info.tcb_type = number(json, 0x7fffffff);
  else if (key == "tcbEvaluationDataNumber")
    info.evaluation_number = number(json, 0x7fffffff);
  else if (key == "tdxModule")
    info.tdx_module = read_module(json, nullptr);
  else if (key == "tdxModuleIdentities")
    read_identities(json, info);
  else
    json.skip();
}

void demand_members(JsonReader& json, const Members& members, const TcbInfo& info) {
  members.demand(json, {"version", "issueDate", "nextUpdate", "fmspc", "tcbLevels"});
  if (info.version >= 2) members.demand(json, {"tcbType", "tcbEvaluationDataNumber"});
  if (info.version >= 3) members.demand(json, {"id", "pceId"});
  if (info.id == "TDX") members.demand(json, {"tdxModule"});
}

// read_head finds id and version first: what the levels must hold depends on them, and JSON has no order.
Result<TcbInfo> read_head(std::string_view value) {
  JsonReader json(value);
  TcbInfo info;
  json.object([&](std::string_view key) {
    if (key == "version")
      info.version = number(json, 0x7fffffff);
    else if (key == "id")
      info.id = json.text();
    else
      json.skip();
  });
  CHECK_OK(json.done("TCB info"));
  if (info.version < 1 || info.version > 3)
    return Error{Errc::unsupported, "TCB info: version " + std::to_string(info.version) + ", only 1 to 3"};
  if (info.version >= 3 && info.id != "SGX" && info.id != "TDX")
    return Error{Errc::unsupported, "TCB info: neither of SGX nor of TDX"};
  if (info.version < 3) info.id.clear();
  return info;
}

Result<TcbInfo> read_tcb_info(std::string_view value) {
  TRY(TcbInfo info, read_head(value));
  JsonReader json(value);
  Members members;
  json.object([&](std::string_view key) {
    members.saw(key);
    if (key == "version" || key == "id") return json.skip();
    if (key == "tcbLevels") return read_levels(json, info);
    read_member(json, key, info);
  });
  demand_members(json, members, info);
  CHECK_OK(json.done("TCB info"));
  return info;
}

}  // namespace

Result<SignedJson<TcbInfo>> parse_tcb_info(std::string_view json) {
  TRY(Envelope envelope, open(json, {"tcbInfo"}));
  TRY(TcbInfo info, read_tcb_info(envelope.value));
  return SignedJson<TcbInfo>{std::move(info), to_bytes(as_view(envelope.value)), envelope.signature};
}

Result<SignedJson<TcbInfo>> tcb_info_from(std::string_view value, std::string_view signature_hex) {
  if (value.size() > kMaxTcbJson) return Error{Errc::malformed, "TCB info: more than 1 MiB"};
  TRY(TcbInfo info, read_tcb_info(value));
  SignedJson<TcbInfo> out{std::move(info), to_bytes(as_view(value)), {}};
  TRY(out.signature, signature_of(signature_hex));
  return out;
}

}  // namespace attest
