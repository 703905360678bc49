#include "evidence/cmc/schema.h"

#include "evidence/core/hex.h"

namespace attest::cmc {
namespace {

using Form = Schema::Form;
using nlohmann::json;

constexpr Schema kSnpFlags[] = {{{"type", 0}, Form::text},        {{"singleSocket", 1}, Form::boolean},
                                {{"debug", 2}, Form::boolean},    {{"migration", 3}, Form::boolean},
                                {{"smt", 4}, Form::boolean},      {{"abiMajor", 5}, Form::integer},
                                {{"abiMinor", 6}, Form::integer}};
constexpr Schema kSnpFirmware[] = {{{"build", 0}, Form::integer}, {{"major", 1}, Form::integer}, {{"minor", 2}, Form::integer}};
constexpr Schema kSnpTcb[] = {{{"fmc", 0}, Form::integer},
                              {{"bl", 1}, Form::integer},
                              {{"tee", 2}, Form::integer},
                              {{"snp", 3}, Form::integer},
                              {{"ucode", 4}, Form::integer}};
constexpr Schema kSnpVersion[] = {{{"name", 0}, Form::text},
                                  {{"fw", 1}, Form::structure, kSnpFirmware},
                                  {{"tcb", 2}, Form::structure, kSnpTcb}};
constexpr Schema kSnp[] = {{{"reportMinVersion", 0}, Form::integer},
                           {{"reportMaxVersion", 1}, Form::integer},
                           {{"policy", 2}, Form::structure, kSnpFlags},
                           {{"versions", 3}, Form::structures, kSnpVersion}};
constexpr Schema kTdId[] = {{{"mrOwner", 0}, Form::hex}, {{"mrOwnerConfig", 1}, Form::hex}, {{"mrConfigId", 2}, Form::hex}};
constexpr Schema kTdAttributes[] = {{{"debug", 0}, Form::boolean},
                                    {{"septVEDisable", 1}, Form::boolean},
                                    {{"pks", 2}, Form::boolean},
                                    {{"kl", 3}, Form::boolean}};
constexpr Schema kTdx[] = {{{"quoteVersion", 0}, Form::integer},
                           {{"tdId", 1}, Form::structure, kTdId},
                           {{"xfam", 2}, Form::hex},
                           {{"tdAttributes", 3}, Form::structure, kTdAttributes},
                           {{"acceptedTcbStatuses", 4}, Form::texts, {}, true}};
constexpr Schema kSgxAttributes[] = {{{"initted", 0}, Form::boolean},       {{"debug", 1}, Form::boolean},
                                     {{"mode64Bit", 2}, Form::boolean},     {{"provisionKey", 3}, Form::boolean},
                                     {{"eInitToken", 4}, Form::boolean},    {{"kss", 5}, Form::boolean},
                                     {{"legacy", 6}, Form::boolean},        {{"avx", 7}, Form::boolean}};
constexpr Schema kSgx[] = {{{"quoteVersion", 0}, Form::integer},
                           {{"mrSigner", 2}, Form::hex},
                           {{"isvSvn", 3}, Form::integer},
                           {{"attributes", 4}, Form::structure, kSgxAttributes},
                           {{"acceptedTcbStatuses", 5}, Form::texts, {}, true}};

std::vector<Field> fields_of(std::span<const Schema> members) {
  std::vector<Field> fields;
  for (const Schema& member : members) fields.push_back(member.field);
  return fields;
}

json read_value(Source& in, const Schema& member) {
  switch (member.form) {
    case Form::text:
      return in.text();
    case Form::hex:
      return to_hex(in.hex());
    case Form::boolean:
      return in.boolean();
    case Form::integer:
      return in.integer(0, INT64_MAX);
    case Form::structure:
      return read_tree(in, member.members);
    default:
      break;
  }
  json list = json::array();
  in.array([&] { list.push_back(member.form == Form::texts ? json(in.text()) : read_tree(in, member.members)); });
  return list;
}

void write_list(Sink& out, const Schema& member, const json& value) {
  if (!value.is_array()) return out.null();
  out.array();
  for (const json& element : value) {
    if (member.form == Form::structures)
      write_tree(out, member.members, element);
    else
      out.text(element.get<std::string>());
  }
  out.end_array();
}

void write_value(Sink& out, const Schema& member, const json& value) {
  switch (member.form) {
    case Form::text:
      return out.text(value.is_string() ? value.get<std::string>() : "");
    case Form::hex: {
      auto bytes = from_hex(value.is_string() ? value.get<std::string>() : "");
      return out.hex(bytes ? View(*bytes) : View());
    }
    case Form::boolean:
      return out.boolean(value.is_boolean() && value.get<bool>());
    case Form::integer:
      return out.integer(value.is_number_integer() ? value.get<std::int64_t>() : 0);
    case Form::structure:
      return write_tree(out, member.members, value);
    default:
      return write_list(out, member, value);
  }
}

}  // namespace

json read_tree(Source& in, std::span<const Schema> members) {
  json tree = json::object();
  std::vector<Field> fields = fields_of(members);
  in.object(fields, [&](std::size_t i) { tree[std::string(members[i].field.name)] = read_value(in, members[i]); });
  return tree;
}

void write_tree(Sink& out, std::span<const Schema> members, const json& tree) {
  out.object();
  for (const Schema& member : members) {
    auto at = tree.is_object() ? tree.find(std::string(member.field.name)) : tree.end();
    json value = tree.is_object() && at != tree.end() ? *at : json();
    if (member.optional && (value.is_null() || value.empty() || value == "")) continue;
    out.key(member.field);
    write_value(out, member, value);
  }
  out.end_object();
}

std::span<const Schema> snp_policy_schema() { return kSnp; }
std::span<const Schema> tdx_policy_schema() { return kTdx; }
std::span<const Schema> sgx_policy_schema() { return kSgx; }
std::span<const Schema> snp_version_schema() { return kSnpVersion; }

}  // namespace attest::cmc
