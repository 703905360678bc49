// judge.h: asking the peer for evidence and letting the daemon judge what came.
#pragma once
#include "provider/hook/state.h"

namespace attest {

// ask has the daemon issue a nonce and keeps the request to send; a second call of the same handshake (after
// HelloRetryRequest) keeps the first. Fails where the daemon does not answer.
Status ask(const Call& call);

// start_judging lets the daemon begin before the program checks the certificate, where the outcome of that
// check is nothing the daemon would look at (x509-name-checked is not set). judge() then waits for it.
void start_judging(const Call& call, const X509* leaf) noexcept;

// judge hands the peer's evidence, or its absence, to the daemon, once a handshake; later calls return what
// was found. leaf is the peer's certificate; x509_ok says that the program asked for a certificate check and
// it succeeded. Any failure on the way is a refusal with its reason. The connection to the daemon and the
// evidence are given up.
Judged judge(const Call& call, const X509* leaf, bool x509_ok) noexcept;

// record_silence has the daemon record that a client offered nothing in its ClientHello, so that status, explain and the
// audit log know of a refusal that is certain already. Returns where to read more, for the end of the reason; may be empty.
std::string record_silence(const Call& call);

// reason_for_refusal is what judge() found, with a name; never empty.
std::string reason_for_refusal(const Call& call);

// may_release: evidence of ours leaves only after the server's was accepted, or, where we demand none, after
// the program itself verified the server's chain and name.
bool may_release(const Call& call);

}  // namespace attest
