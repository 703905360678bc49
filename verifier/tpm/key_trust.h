// key_trust.h: whose attestation key this is.
#pragma once
#include "evidence/tpm/public_area.h"
#include "verifier/case.h"

namespace attest {

// check_ak_name: the key is the one the report context names, and not denied.
Failed check_ak_name(const Case& c, const PublicArea& ak, const AnchorIdentity& identity);
// check_ak_trust: pinned by the rule, or, where the rule pins none, certified by an AK issuer of the
// policy or vouched for by an Azure anchor in the same evidence.
Failed check_ak_trust(const Case& c, const PublicArea& ak, const std::vector<Bytes>& chain);

// denied_key and pinned_key look a TPM name or the identity of a software key up.
bool denied_key(const Policy& policy, View name);
bool pinned_key(const PeerRule& rule, View name);

}  // namespace attest
