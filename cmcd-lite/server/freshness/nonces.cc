#include "cmcd-lite/server/freshness/nonces.h"

#include <openssl/rand.h>

#include "evidence/core/crypto.h"
#include "evidence/native/request.h"

namespace attest {

Result<BeginAnswer> Nonces::issue(BeginCall call, Wishes wishes, const Moment& now) {
  std::array<std::uint8_t, 40> random{};
  if (RAND_bytes_ex(private_libctx(), random.data(), random.size(), 0) != 1)
    return Error{Errc::io, "daemon.internal: no random bytes for a nonce"};
  Reader draw(random);
  IssuedNonce entry;
  entry.handle = draw.u64be();
  entry.call = std::move(call);
  entry.issued = now;
  Request request;
  request.header.flags = wishes.flags;
  request.header.nonce = draw.array<32>();
  request.known_digests = std::move(wishes.known_digests);
  request.max_age_s = wishes.max_age_s;
  request.profiles = std::move(wishes.profiles);
  for (const RememberedKey& key : wishes.keys)
    request.known_keys.push_back(key_hint(request.header.nonce, key.fact->context.known_key));
  for (const Digest& name : wishes.distributors)
    request.distributors.push_back(key_hint(request.header.nonce, name));
  if (wishes.prefix) {
    request.cursor = key_hint(request.header.nonce, wishes.prefix->facts.log->prefix);
    entry.prefix = std::move(wishes.prefix);
  }
  entry.keys = std::move(wishes.keys);
  TRY(entry.request, encode_request(request));
  drop_expired(now);
  if (issued_.size() >= limit_ && !issued_.empty()) issued_.pop_front();
  issued_.push_back(std::move(entry));
  return BeginAnswer{issued_.back().handle, issued_.back().request};
}

Result<IssuedNonce> Nonces::take(std::uint64_t handle, View request, Role prover, const Moment& now) {
  auto it = std::ranges::find(issued_, handle, &IssuedNonce::handle);
  if (it == issued_.end())
    return Error{Errc::denied,
                 "daemon.nonce: the daemon did not issue this nonce on this connection, or it is spent"};
  IssuedNonce entry = std::move(*it);
  issued_.erase(it);
  if (std::int64_t age = elapsed_ms(entry.issued, now); age > lifetime_ms_)
    return Error{Errc::stale, "daemon.nonce: the nonce is " + std::to_string(age / 1000) +
                                  " s old, at most " + std::to_string(lifetime_ms_ / 1000) +
                                  " s are allowed"};
  if (!equal(entry.request, request))
    return Error{Errc::mismatch,
                 "daemon.nonce: the request in the handshake is not the one the daemon issued"};
  if (prover != other(entry.call.our_role))
    return Error{Errc::mismatch,
                 "daemon.nonce: the nonce was issued to judge the other side of the handshake"};
  return entry;
}

void Nonces::drop_expired(const Moment& now) {
  while (!issued_.empty() && elapsed_ms(issued_.front().issued, now) > lifetime_ms_) issued_.pop_front();
}

}  // namespace attest
