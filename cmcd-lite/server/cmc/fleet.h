// fleet.h: what a reload replaces of the CMC API: roots, this machine's signed items, policies.
#pragma once
#include "cmcd-lite/server/cmc/staples.h"
#include "evidence/cmc/certificate_forms.h"
#include "evidence/dcap/collateral.h"
#include "verifier/cmc/memory.h"
#include "verifier/script/run_policy.h"

namespace attest {

// Fleet is immutable but for what it remembers, and shared between threads.
struct Fleet {
  CmcConfig config;
  std::shared_ptr<cmc::Memory> memory;                  // with the roots; null: none are configured, and nobody is verified
  std::shared_ptr<cmc::CertificateForms> forms = std::make_shared<cmc::CertificateForms>();
  std::vector<Bytes> roots;                             // DER, to show whole chains
  std::vector<SignedItem> items;
  std::shared_ptr<Staples> staples;                     // carried beside the items; null: no answers are fetched
  DcapCollateral intel;                                 // of this machine's platform
  std::vector<Bytes> policies;                          // JavaScript
  std::shared_ptr<PolicyRunner> policy_runner = std::make_shared<PolicyRunner>();
  std::string name;                                     // of this machine
};

// load_fleet reads what the configuration names. Roots and policies that cannot be read are errors; metadata that cannot
// be read is a warning, since reports without it are refused by those who judge them.
Result<std::shared_ptr<const Fleet>> load_fleet(const CmcConfig& config, std::vector<std::string>& warnings);

}  // namespace attest
