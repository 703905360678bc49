#include "apps/attestctl/artefacts/ek_store.h"

#include "apps/attestctl/templates.h"
#include "evidence/ek/ek_file.h"

namespace attest::ctl {

Result<EkStore> ek_store(const ArtefactInput& input) {
  EkStore store;
  store.anchors = input.roots_der;
  if (store.anchors.empty()) {
    TRY(store.anchors, split_certificates(as_view(kEkRootsPem), "built-in roots"));
  }
  TRY(store.intermediates, split_certificates(as_view(kEkIntermediatesPem), "built-in intermediates"));
  if (const Bytes* chain = input.companion("chain")) {
    TRY(EkFile file, read_ek_file(*chain));
    store.intermediates.insert(store.intermediates.end(), file.certificates.begin(), file.certificates.end());
  }
  return store;
}

Facts path_facts(const CertificatePath& path) {
  Facts subjects = Facts::array();
  for (const OwnedX509& certificate : path.certificates) subjects.push_back(subject_text(certificate.get()));
  return {{"chain", subjects},
          {"chain_complete", path.complete},
          {"chain_validity_window", {format_rfc3339(path.not_before), format_rfc3339(path.not_after)}}};
}

}  // namespace attest::ctl
