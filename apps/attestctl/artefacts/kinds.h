// kinds.h: one function a kind of artefact, each in the file of its name. table.cc lists them.
#pragma once
#include "apps/attestctl/artefacts/artefact.h"

namespace attest::ctl {

ArtefactKind quote_kind();

}  // namespace attest::ctl
