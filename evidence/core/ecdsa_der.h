// ecdsa_der.h: from the two numbers of an ECDSA signature to the form OpenSSL takes.
#pragma once
#include "evidence/core/bytes.h"

namespace attest {

// ecdsa_der is the DER ECDSA-Sig-Value (RFC 3279) of r and s, big-endian, leading zeros allowed; empty if OpenSSL is out
// of memory. Whether they are in range is the caller's or the verification's question.
Bytes ecdsa_der(View r, View s);

}  // namespace attest
