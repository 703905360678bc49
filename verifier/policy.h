// policy.h: what this machine demands of its peers.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "evidence/native/context.h"
#include "verifier/azure/policy.h"
#include "verifier/dcap/demands.h"
#include "verifier/quoted_key.h"
#include "verifier/snp/policy.h"
#include "verifier/tpm/known_chains.h"

namespace attest {

// PeerRule says what a peer of this name may be. Empty lists of names mean "no demand of this kind", but a rule that
// demands neither an AK name nor an image description is refused when it is loaded. A rule without AK names trusts the
// AK issuers of the policy; the software driver has no issuer, so a rule that allows it must pin its key.
struct PeerRule {
  std::string name;                             // "db.example", "*.web.example", "*"
  std::optional<Role> role;                     // the prover's role; unset: both
  std::vector<std::string> ak_names;            // lower-case hex TPM names, pinned; for sw SHA-256 of the SPKI
  std::vector<std::string> image_descriptions;  // names the peer may claim
  std::vector<std::string> services;            // service labels
  bool certified_key = false;                   // the TLS key must live in the TPM that quotes
  std::vector<AnchorKind> required_anchors = {AnchorKind::tpm};
  std::vector<AnchorKind> allowed_anchors = {AnchorKind::tpm};  // the software driver only where named
};

// Policy is one file of the policies folder (docs/POLICY.md). Immutable once loaded (ak_trust remembers chains, under
// a lock of its own); shared between threads.
struct Policy {
  std::string name;
  bool observe = false;                   // judge and log, refuse nothing, set no verify result
  std::vector<PeerRule> peers;            // first match wins; no match is a refusal
  std::vector<Bytes> ak_issuer_roots;     // DER certificates; separate from metadata signers
  std::vector<Bytes> ak_crls;             // DER
  std::shared_ptr<KnownChains> ak_trust;  // made of these two when the policy is loaded; null: no issuer
  std::vector<std::string> denied_aks;    // lower-case hex TPM names
  std::vector<Bytes> tls_key_policies;    // authPolicy digests a certified TLS key may have beside none
  std::vector<std::uint8_t> required_pcrs = {0, 1, 2, 3, 4, 5, 6, 7};
  std::vector<HashAlg> banks = {HashAlg::sha256, HashAlg::sha384};
  bool ima_required = false;              // PCR 10 must be quoted with a log
  // IMA in a bank the kernel could not serve holds SHA-1 digests with zeros behind; accepted only where said.
  bool ima_padded_sha1 = false;
  SnpPolicy snp;                               // demands on SEV-SNP guests
  std::shared_ptr<const SnpTrust> snp_trust;   // AMD's roots, built in or named; null: SEV-SNP is refused
  DcapDemands dcap;                            // demands on TDX guests and SGX enclaves
  std::shared_ptr<const DcapTrust> dcap_trust; // Intel's root or those named, and collateral; null: both are refused
  AzurePolicy azure;                           // demands on the claims of Azure machines; `snp` above goes for their processor
  std::uint32_t max_events = kMaxLogEventsDefault;
  static constexpr std::uint32_t kMaxLogEventsDefault = 200000;
  std::uint32_t max_age_s = 0;            // evidence may rest on a quote of this age; 0: it covers the handshake itself
  std::vector<Distributor> distributors;  // whose Epoch IDs say how old a quote is; empty: nobody's
  std::uint32_t epoch_skew_s = 5;         // by which a distributor's clock may be ahead of ours
  Digest hash;                            // SHA-256 of the file
};

// load_policy reads a JSON file with comments; every unknown key is an error naming file, line and key. Certificates
// are named by path, relative to the policy file. Refused beside that: a policy under which nothing could pass (no rule, no
// way to trust a key), a rule an earlier one hides, the sha1 bank, anchors this version does not judge.
Result<Policy> load_policy(const std::string& path);

// find_rule: the first rule whose name and role match. "*" matches also an empty peer name; "*.x" one label. Names
// are compared without case.
const PeerRule* find_rule(const Policy& policy, std::string_view peer, Role prover);

}  // namespace attest
