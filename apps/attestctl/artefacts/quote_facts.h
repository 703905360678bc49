// quote_facts.h: what the structures of a TPM say, as JSON.
#pragma once
#include "apps/attestctl/artefacts/artefact.h"
#include "evidence/tpm/attest.h"
#include "evidence/tpm/creation.h"
#include "evidence/tpm/pcr_file.h"
#include "evidence/tpm/public_area.h"
#include "evidence/tpm/signature.h"

namespace attest::ctl {

Facts attest_facts(const Attest& statement);
Facts public_facts(const PublicArea& area);
Facts signature_facts(const TpmSignature& signature);
Facts creation_facts(const CreationData& data);
Facts pcr_facts(const PcrValues& values);

// parse_pcr_values reads PCR values: the structure dump of tpm2-tools, or JSON {"sha256": {"0": "…hex…"}}.
Result<PcrValues> parse_pcr_values(View bytes);

}  // namespace attest::ctl
