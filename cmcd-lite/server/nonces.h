// nonces.h: the nonces this daemon issued and will believe, once.
#pragma once
#include <list>

#include "cmcd-lite/protocol/messages.h"
#include "cmcd-lite/server/elapsed.h"

namespace attest {

// IssuedNonce is what Begin promised: the request as it was sent and the question it belongs to.
struct IssuedNonce {
  std::uint64_t handle = 0;
  BeginCall call;
  Bytes request;  // header and parameters, byte for byte
  Moment issued;
};

// Nonces belongs to one connection: a nonce of another connection is not in here. Each is taken once. Not
// thread safe.
class Nonces {
 public:
  // limit: the oldest goes when one more is issued, so that a peer who starts handshakes and never ends them
  // does not keep others out.
  Nonces(std::size_t limit, std::int64_t lifetime_ms) : limit_(limit), lifetime_ms_(lifetime_ms) {}

  // issue draws a fresh nonce and builds the request around it; flags and known digests as in Request. io
  // without random bytes.
  Result<BeginAnswer> issue(BeginCall call, std::uint8_t flags, std::vector<Bytes> known, const Moment& now);

  // take consumes the nonce of a handle, whatever else is wrong. All failures are "daemon.nonce": denied if
  // it was not issued here or is spent, stale if too old, mismatch if request or prover are not those of
  // Begin.
  Result<IssuedNonce> take(std::uint64_t handle, View request, Role prover, const Moment& now);

  std::size_t pending() const { return issued_.size(); }

 private:
  void drop_expired(const Moment& now);
  std::size_t limit_;
  std::int64_t lifetime_ms_;
  std::list<IssuedNonce> issued_;  // oldest first
};

}  // namespace attest
