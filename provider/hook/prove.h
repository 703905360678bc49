// prove.h: our own evidence, and the machine's certificate for programs that have none.
#pragma once
#include "provider/hook/state.h"

namespace attest {

// make_evidence has the daemon prove this machine to the peer that asked (now().peer_request), with leaf as
// our certificate, and leaves the message in now().evidence_out. Denied where it is larger than the
// certificate chain has room for.
Status make_evidence(const Call& call, const X509* leaf);

// next_piece lends what goes into chain entry `entry`; empty when nothing is left.
View next_piece(const Call& call, std::size_t entry);

}  // namespace attest
