// enclave_identity.cc: identities of Intel's quoting enclaves, versions 1 and 2.
#include "evidence/dcap/tcb_json.h"

namespace attest {
namespace {

using namespace tcb_json;

// misc is MISCSELECT in hex; the bytes stand in memory order.
std::uint32_t misc(JsonReader& json) {
  auto bytes = hex_block<4>(json);
  return Reader(bytes).u32le();
}

void read_member(JsonReader& json, std::string_view key, EnclaveIdentity& out) {
  if (key == "version")
    out.version = number(json, 0x7fffffff);
  else if (key == "issueDate")
    out.issue_date = date(json);
  else if (key == "nextUpdate")
    out.next_update = date(json);
  else if (key == "tcbEvaluationDataNumber")
    out.evaluation_number = number(json, 0x7fffffff);
  else if (key == "miscselect")
    out.misc_select = misc(json);
  else if (key == "miscselectMask")
    out.misc_select_mask = misc(json);
  else if (key == "attributes")
    out.attributes = hex_block<16>(json);
  else if (key == "attributesMask")
    out.attributes_mask = hex_block<16>(json);
  else if (key == "mrsigner")
    out.mr_signer = hex_block<32>(json);
  else if (key == "isvprodid")
    out.isv_prod_id = static_cast<std::uint16_t>(number(json, 65535));
  else
    json.skip();
}

Result<EnclaveIdentity> read_identity(std::string_view value) {
  JsonReader json(value);
  EnclaveIdentity out;
  Members members;
  std::uint16_t isv_svn = 0;
  json.object([&](std::string_view key) {
    members.saw(key);
    if (key == "id")
      out.id = json.text();
    else if (key == "isvsvn")
      isv_svn = static_cast<std::uint16_t>(number(json, 65535));
    else if (key == "tcbLevels")
      out.levels = isv_levels(json);
    else
      read_member(json, key, out);
  });
  members.demand(json, {"version", "issueDate", "nextUpdate", "miscselect", "miscselectMask", "attributes",
                        "attributesMask", "mrsigner", "isvprodid"});
  if (out.version == 1) {
    members.demand(json, {"isvsvn"});
    out.levels = {{isv_svn, out.issue_date, TcbStatus::up_to_date, {}}};
  } else {
    members.demand(json, {"id", "tcbEvaluationDataNumber", "tcbLevels"});
  }
  CHECK_OK(json.done("enclave identity"));
  if (out.version < 1 || out.version > 2)
    return Error{Errc::unsupported,
                 "enclave identity: version " + std::to_string(out.version) + ", only 1 and 2"};
  if (out.version == 2 && out.id != "QE" && out.id != "TD_QE" && out.id != "QVE")
    return Error{Errc::unsupported, "enclave identity: neither QE, TD_QE nor QVE"};
  return out;
}

}  // namespace

Result<SignedJson<EnclaveIdentity>> parse_enclave_identity(std::string_view json) {
  TRY(Envelope envelope, open(json, {"enclaveIdentity", "qeIdentity"}));
  TRY(EnclaveIdentity identity, read_identity(envelope.value));
  if ((identity.version == 1) != (envelope.name == "qeIdentity"))
    return Error{Errc::malformed,
                 "enclave identity: \"qeIdentity\" is version 1, \"enclaveIdentity\" version 2"};
  return SignedJson<EnclaveIdentity>{std::move(identity), to_bytes(as_view(envelope.value)),
                                     envelope.signature};
}

Result<SignedJson<EnclaveIdentity>> enclave_identity_from(std::string_view value,
                                                          std::string_view signature_hex) {
  if (value.size() > kMaxTcbJson) return Error{Errc::malformed, "enclave identity: more than 1 MiB"};
  TRY(EnclaveIdentity identity, read_identity(value));
  SignedJson<EnclaveIdentity> out{std::move(identity), to_bytes(as_view(value)), {}};
  TRY(out.signature, signature_of(signature_hex));
  return out;
}

}  // namespace attest
