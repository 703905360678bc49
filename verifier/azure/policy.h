// policy.h: what the owner of a verifier demands of Azure confidential VMs.
#pragma once
#include "evidence/json/config.h"
#include "verifier/snp/policy.h"

namespace attest {

using AzureSettings = std::vector<std::pair<std::string, std::string>>;

// AzurePolicy is what the owner of a verifier demands.
struct AzurePolicy {
  SnpPolicy snp;
  AzureSettings configuration;      // settings of vm-configuration, as text
  bool user_data_is_nonce = false;  // the claims were made for the nonce; without a quote they always have to be
};
// parse_azure_policy reads {"snp": {...}, "configuration": {"secure-boot": true, ...}, "user_data": "nonce"}; malformed with
// file and line. An empty text or "null" is the default policy.
Result<AzurePolicy> parse_azure_policy(std::string_view json, std::string_view name);

// read_azure_configuration takes the settings out of a policy: texts and booleans.
AzureSettings read_azure_configuration(const Object& configuration);

}  // namespace attest
