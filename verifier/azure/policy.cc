#include "verifier/azure/policy.h"

namespace attest {

AzureSettings read_azure_configuration(const Object& configuration) {
  AzureSettings out;
  for (const std::string& key : configuration.keys())
    out.emplace_back(key, configuration.is_string(key) ? configuration.string(key)
                          : configuration.boolean(key, false) ? "true" : "false");
  return out;
}

Result<AzurePolicy> parse_azure_policy(std::string_view json, std::string_view name) {
  AzurePolicy policy;
  if (json.empty() || json == "null") return policy;
  TRY(ConfigFile file, parse_config(json, name));
  Object root = file.root();
  if (auto snp = root.object("snp")) policy.snp = read_snp_policy(*snp);
  if (auto configuration = root.object("configuration")) policy.configuration = read_azure_configuration(*configuration);
  policy.user_data_is_nonce = root.choice("user_data", {"nonce", "any"}, "any") == "nonce";
  CHECK_OK(file.finish());
  return policy;
}

}  // namespace attest
