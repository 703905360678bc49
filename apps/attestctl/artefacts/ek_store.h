// ek_store.h: the certificates of TPM vendors that are built in, and those an artefact brings along.
#pragma once
#include "apps/attestctl/artefacts/artefact.h"
#include "verifier/x509/path.h"

namespace attest::ctl {

// EkStore is what a chain may be built with.
struct EkStore {
  std::vector<Bytes> anchors;        // --roots, else conf/ek-roots/roots.pem
  std::vector<Bytes> intermediates;  // conf/ek-roots/intermediates.pem, and the companion "chain"
};
// ek_store fails only for a companion that cannot be read.
Result<EkStore> ek_store(const ArtefactInput& input);

// path_facts tells a chain: subjects, whether it ends in a self-signed certificate, when all of it is valid.
Facts path_facts(const CertificatePath& path);

}  // namespace attest::ctl
