// role.h: what a certificate must say of itself to be used in a role. Private to evidence/x509.
#pragma once
#include <string>

#include "evidence/x509/chain.h"

namespace attest {

// leaf_objection: why a leaf may not be used in a role; empty if it may.
std::string leaf_objection(X509* leaf, ChainRole role);
// issuer_objection: why a certificate above the leaf may not issue for a role; empty if it may. The usages of
// a root are the administrator's decision and are not asked.
std::string issuer_objection(X509* issuer, ChainRole role, bool root);

}  // namespace attest
