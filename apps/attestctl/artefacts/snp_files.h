// snp_files.h: the certificates that were given beside a SEV-SNP report, in whatever form people keep them.
#pragma once
#include "apps/attestctl/artefacts/artefact.h"
#include "evidence/snp/certificate_table.h"
#include "evidence/snp/chain.h"

namespace attest::ctl {

// SnpFiles is what was found.
struct SnpFiles {
  std::vector<Bytes> keys;    // certificates of VCEKs and VLEKs
  std::vector<Bytes> others;  // ASKs, ASVKs, ARKs
  std::vector<Bytes> crls;
  // key_for chooses the certificate for a report: of the chip it names, else of the kind of key it names, else any.
  View key_for(const SnpReport* report) const;
};

// read_snp_files takes the companions "key" and "ask" (PEM or DER; other certificates in the file as well), "auxblob" (the
// host's certificate table) and "crl", and every such file in the collateral folder. malformed for a companion that cannot be
// read; files of the folder that are none of these are passed over.
Result<SnpFiles> read_snp_files(const ArtefactInput& input);

// snp_trust_of is the roots given, or AMD's own where there are none.
Result<SnpTrust> snp_trust_of(const ArtefactInput& input, const std::vector<Bytes>& crls);

// policy_text is the policy as it was given; empty without one.
std::string policy_text(const ArtefactInput& input);

// snp_report_facts, snp_key_facts: everything decoded, under the names that other tools' tables use.
Facts snp_report_facts(const SnpReport& report, SnpProduct product);
Facts snp_key_facts(const SnpKeyCertificate& key);

}  // namespace attest::ctl
