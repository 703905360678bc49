// attestctl metadata create snp-policy, snp-version, tdx-policy, sgx-policy: what confidential machines have to be like. The
// options are the members of the policy, by name.
#include <charconv>

#include "apps/attestctl/commands.h"
#include "apps/attestctl/files.h"
#include "apps/attestctl/metadata/output.h"
#include "evidence/core/hex.h"

namespace attest::ctl {
namespace {

using Form = cmc::Schema::Form;

// Leaf is one member with the text its option got.
struct Leaf {
  Json::json_pointer at;
  Form form;
  std::string option;
  std::string text;
  bool truth = false;
  std::vector<std::string> list;
  CLI::Option* given = nullptr;
};

struct PolicyOptions {
  std::string in;
  OutputOptions output;
  std::vector<std::unique_ptr<Leaf>> leaves;
};

// kebab writes reportMinVersion as report-min-version, septVEDisable as sept-ve-disable.
std::string kebab(std::string_view name) {
  auto upper = [&](std::size_t i) { return i < name.size() && name[i] >= 'A' && name[i] <= 'Z'; };
  std::string out;
  for (std::size_t i = 0; i < name.size(); i++) {
    bool word = i > 0 && upper(i) && (!upper(i - 1) || (i + 1 < name.size() && !upper(i + 1)));
    if (word) out += '-';
    out += static_cast<char>(upper(i) ? name[i] - 'A' + 'a' : name[i]);
  }
  return out;
}

void add_leaf(CLI::App& app, PolicyOptions& options, const cmc::Schema& member, const Json::json_pointer& at,
              const std::string& prefix) {
  std::string name = kebab(member.field.name);
  auto& leaf = *options.leaves.emplace_back(std::make_unique<Leaf>());
  leaf.at = at / std::string(member.field.name);
  leaf.form = member.form;
  leaf.option = "--" + prefix + name;
  std::string names = leaf.option + (prefix.empty() ? "" : ",--" + name);
  if (member.form == Form::boolean)
    leaf.given = app.add_flag(names, leaf.truth, "true or false (default: false)");
  else if (member.form == Form::texts)
    leaf.given = app.add_option(names, leaf.list, "names, separated by commas")->delimiter(',');
  else if (member.form == Form::structures)
    leaf.given = app.add_option(names, leaf.list, "files of `create snp-version`")->delimiter(',');
  else
    leaf.given = app.add_option(names, leaf.text, member.form == Form::hex ? "hexadecimal" : "");
}

void add_members(CLI::App& app, PolicyOptions& options, std::span<const cmc::Schema> members, const Json::json_pointer& at,
                 const std::string& prefix) {
  for (const cmc::Schema& member : members) {
    if (member.form == Form::structure)
      add_members(app, options, member.members, at / std::string(member.field.name), prefix + kebab(member.field.name) + "-");
    else
      add_leaf(app, options, member, at, prefix);
  }
}

Result<Json> read_versions(const std::vector<std::string>& files) {
  Json list = Json::array();
  for (const std::string& file : files) {
    TRY(Bytes bytes, read_input(file));
    TRY(Json one, cmc::parse_policy(bytes, cmc::snp_version_schema()));
    list.push_back(std::move(one));
  }
  return list;
}

Result<Json> value_of(const Leaf& leaf) {
  if (leaf.form == Form::boolean) return Json(leaf.truth);
  if (leaf.form == Form::texts) return Json(leaf.list);
  if (leaf.form == Form::structures) return read_versions(leaf.list);
  if (leaf.form == Form::text) return Json(leaf.text);
  if (leaf.form == Form::hex) {
    TRY(Bytes bytes, from_hex(leaf.text));
    return Json(to_hex(bytes));
  }
  std::uint32_t number = 0;
  auto [end, error] = std::from_chars(leaf.text.data(), leaf.text.data() + leaf.text.size(), number);
  if (error != std::errc() || end != leaf.text.data() + leaf.text.size())
    return Error{Errc::malformed, leaf.option + ": \"" + leaf.text + "\" is no number"};
  return Json(number);
}

Result<Exit> make_policy(const PolicyOptions& options, std::span<const cmc::Schema> schema) {
  Json policy = Json::object();
  if (!options.in.empty()) {
    TRY(Bytes bytes, read_input(options.in));
    TRY(policy, cmc::parse_policy(bytes, schema));
  }
  for (const auto& leaf : options.leaves) {
    if (leaf->given->count() == 0) continue;
    TRY(Json value, value_of(*leaf));
    policy[leaf->at] = std::move(value);
  }
  cmc::Encoding encoding = options.output.encoding();
  CHECK_OK(write_output(options.output.out, shown_bytes(cmc::encode_policy(policy, schema, encoding), encoding)));
  return Exit::accepted;
}

}  // namespace

void add_create_policy(CLI::App& create, Session& session) {
  struct Kind {
    const char *name, *help;
    std::span<const cmc::Schema> schema;
  };
  const Kind kinds[] = {{"snp-policy", "what SEV-SNP guests have to be like", cmc::snp_policy_schema()},
                        {"snp-version", "firmware versions of one processor, for an SNP policy", cmc::snp_version_schema()},
                        {"tdx-policy", "what TDX guests have to be like", cmc::tdx_policy_schema()},
                        {"sgx-policy", "what SGX enclaves have to be like", cmc::sgx_policy_schema()}};
  for (const Kind& kind : kinds) {
    auto options = std::make_shared<PolicyOptions>();
    CLI::App* app = command(create, session, kind.name, kind.help,
                            [options, schema = kind.schema](Session&) { return make_policy(*options, schema); });
    app->add_option("--in", options->in, "policy to start from");
    add_members(*app, *options, kind.schema, Json::json_pointer(), "");
    add_output(*app, options->output);
  }
}

}  // namespace attest::ctl
