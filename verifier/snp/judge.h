// judge.h: a SEV-SNP report judged: first whether it is what hardware said, then whether that is what is demanded.
#pragma once
#include "evidence/snp/signature.h"
#include "verifier/finding.h"
#include "verifier/snp/policy.h"

namespace attest {

// SnpCase is a report and what came beside it; everything is lent for the length of one call.
struct SnpCase {
  View report;
  View key_der;               // certificate of the VCEK or VLEK; empty: none came
  std::vector<Bytes> others;  // certificates above it
  const SnpTrust* trust = nullptr;  // nullptr: nothing is trusted
  UnixTime when = 0;
  std::optional<Bytes> report_data;  // what it must be; shorter than 64 bytes: followed by zeros
};

// SnpFindings are the checks and what could be told beside them. report and certificate are as read, whether or not anything
// vouches for them; verified and key are there only where the signature and the chain are good. The facts are unset where they
// could not be tested, or where there is nothing to compare (a VLEK names no chip).
struct SnpFindings : Findings {
  std::optional<SnpReport> report;
  std::optional<SnpKeyCertificate> certificate;
  std::optional<Verified<SnpReport>> verified;
  std::optional<Verified<SnpKey>> key;
  SnpProduct product = SnpProduct::unknown;
  std::optional<bool> chain_valid, signature_valid, tcb_matches, chip_matches;
};

// judge_snp_integrity tests everything it can, so that a tool can show all that is wrong: form, certificate, chain, signature,
// kind of key, processor, TCB and chip against the certificate, report data.
SnpFindings judge_snp_integrity(const SnpCase& question, bool require_crl);
// judge_snp_policy compares a verified report with a policy; every demand is one check.
void judge_snp_policy(const SnpReport& report, const SnpKeyCertificate& key, const SnpPolicy& policy, Findings& out);
// judge_snp is both; the policy is asked only of a report that is genuine.
SnpFindings judge_snp(const SnpCase& question, const SnpPolicy& policy);

}  // namespace attest
