// objects.h: making and reading TPM objects.
#pragma once
#include "drivers/tpm/context.h"
#include "evidence/core/bytes.h"
#include "evidence/core/secret.h"

namespace attest {

// WrappedKey is a key as its parent lets it out: usable in this TPM alone.
struct WrappedKey {
  TPM2B_PUBLIC pub{};
  TPM2B_PRIVATE priv{};
};

// Creation is what the TPM says of the making of a key, and its ticket, which the same TPM believes until it is cleared.
struct Creation {
  Bytes data;              // TPMS_CREATION_DATA
  TPM2B_DIGEST hash{};     // of it, by the key's nameAlg
  TPMT_TK_CREATION ticket{};
};
struct CreatedKey {
  WrappedKey key;
  Creation creation;
};

// create_primary makes the primary a template names; deterministic for one hierarchy and seed.
Result<TpmHandle> create_primary(TpmContext& context, ESYS_TR hierarchy, const TPM2B_PUBLIC& key_template);
// create_child makes a key under a parent with an empty authorisation value; `auth` becomes the child's.
Result<WrappedKey> create_child(TpmContext& context, const TpmHandle& parent,
                                const TPM2B_PUBLIC& key_template, View auth);
// create_told is the same and keeps what the TPM says of it.
Result<CreatedKey> create_told(TpmContext& context, const TpmHandle& parent, const TPM2B_PUBLIC& key_template, View auth);
Result<TpmHandle> load_child(TpmContext& context, const TpmHandle& parent, const WrappedKey& key);
// read_public gives the TPMT_PUBLIC of a loaded object.
Result<TPM2B_PUBLIC> read_public(TpmContext& context, const TpmHandle& object);
Result<Bytes> public_bytes(const TPM2B_PUBLIC& area);

// hierarchy_error explains an authorisation failure of the owner or endorsement hierarchy; other errors pass
// through.
Error hierarchy_error(TpmContext& context, TSS2_RC rc, ESYS_TR hierarchy, std::string_view what);

}  // namespace attest
