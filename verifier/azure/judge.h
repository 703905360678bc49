// judge.h: the evidence of an Azure confidential VM: hardware vouches for the claims, the claims for the vTPM's key, and that key
// signs the quote.
#pragma once
#include "evidence/azure/hcl.h"
#include "verifier/azure/policy.h"
#include "verifier/quote/quote.h"
#include "verifier/snp/judge.h"

namespace attest {

// AzureCase is an HCL report and what came beside it; everything is lent for the length of one call. Empty views and nullptrs
// were not given.
struct AzureCase {
  View hcl;
  View claims;                 // the claims by themselves, as some tools hand them on
  View key_der;                // VCEK
  std::vector<Bytes> others;   // certificates above it
  const SnpTrust* trust = nullptr;
  UnixTime when = 0;
  const SigningKey* ak = nullptr;  // the vTPM's key as known from elsewhere
  View quote, signature;           // TPMS_ATTEST and its signature
  const PcrValues* pcrs = nullptr;
  std::optional<Bytes> nonce;
  // td_report_data is the report data of a TD quote that the caller has verified: on TDX the HCL's own report is one that only
  // the same processor can check.
  std::optional<Bytes> td_report_data;
};

struct AzureFindings : Findings {
  std::optional<HclReport> report;
  std::optional<HclClaims> claims;
  std::optional<bool> binds;  // the hardware report binds the claims
  SnpFindings snp;            // its checks are also among ours
  QuoteFindings quote;
};

// judge_azure judges all parts that are there. A hardware report counts only where the paravisor asked for it (VMPL 0): the
// guest itself, one level below, may have reports of its own with any data.
AzureFindings judge_azure(const AzureCase& question, const AzurePolicy& policy);

}  // namespace attest
