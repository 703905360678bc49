// inputs.h: the facts of a handshake that both ends see alike.
#pragma once
#include "provider/hook/state.h"

namespace attest {

// collect_inputs gathers what ties evidence to this handshake, for evidence of `prover` under `request`. It
// may be called where a Certificate message is built or was received, and nowhere earlier: before, OpenSSL
// hands out wrong values. Fails where the handshake secret was never seen or the leaf is not there.
Result<BinderInputs> collect_inputs(const Call& call, Role prover, View request, const X509* leaf);

// peer_name: attest-peer, else (client) the SNI name, else the peer's address ("unix:PATH" for a Unix
// socket); "" if none is known.
std::string peer_name(const Call& call);

// asker_name is who will get our evidence, for its place in the daemon's queue: as a server the address alone, since
// attest-peer calls every stranger by the one name; as a client peer_name, whose owner was judged or verified first.
std::string asker_name(const Call& call);
// peer_label is the same for people: "the peer" if no name is known.
std::string peer_label(const Call& call);

// tls_group turns OpenSSL's number of a group into TLS's.
std::uint32_t tls_group(long openssl_group);

}  // namespace attest
