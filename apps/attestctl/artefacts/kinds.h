// kinds.h: one function a kind of artefact, each in the file of its name. table.cc lists them.
#pragma once
#include "apps/attestctl/artefacts/artefact.h"

namespace attest::ctl {

ArtefactKind ccel_kind();
ArtefactKind cel_kind();
ArtefactKind eventlog_kind();
ArtefactKind ima_kind();
ArtefactKind quote_kind();
ArtefactKind ek_kind();
ArtefactKind tdx_kind();
ArtefactKind sgx_kind();
ArtefactKind dstack_kind();
ArtefactKind intel_kind();
ArtefactKind snp_kind();
ArtefactKind amd_certs_kind();
ArtefactKind azure_kind();
ArtefactKind platform_kind();

}  // namespace attest::ctl
