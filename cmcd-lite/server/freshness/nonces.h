// nonces.h: the nonces this daemon issued and will believe, once.
#pragma once
#include <list>

#include "cmcd-lite/protocol/messages.h"
#include "cmcd-lite/server/freshness/known_keys.h"
#include "evidence/native/request.h"

namespace attest {

// Wishes are what a request says beside its nonce.
struct Wishes {
  std::uint8_t flags = 0;
  std::vector<Bytes> known_digests;
  std::uint32_t max_age_s = 0;
  std::vector<RememberedKey> keys;  // of this peer; held for the handshake
  std::vector<Digest> distributors;
  std::shared_ptr<const QuotedKey> prefix = nullptr;  // evidence of this peer whose logs have a prefix; null: none
  std::vector<std::uint8_t> profiles{};  // as in Request
};

// IssuedNonce is what Begin promised: the request as it was sent and the question it belongs to.
struct IssuedNonce {
  std::uint64_t handle = 0;
  BeginCall call;
  Bytes request;                    // header and parameters, byte for byte
  std::vector<RememberedKey> keys;  // those the request named
  std::shared_ptr<const QuotedKey> prefix;  // whose logs the request named as known
  Moment issued;
};

// Nonces belongs to one connection: a nonce of another connection is not in here. Each is taken once. Not
// thread safe.
class Nonces {
 public:
  // limit: the oldest goes when one more is issued, so that a peer who starts handshakes and never ends them
  // does not keep others out.
  Nonces(std::size_t limit, std::int64_t lifetime_ms) : limit_(limit), lifetime_ms_(lifetime_ms) {}

  // issue draws a fresh nonce and builds the request around it. io without random bytes.
  Result<BeginAnswer> issue(BeginCall call, Wishes wishes, const Moment& now);

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
