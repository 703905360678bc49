// agent.h: who makes and judges reports for attested TLS: the daemon, or a test's stand-in.
#pragma once
#include <string>
#include <vector>

#include "evidence/core/bytes.h"

namespace attest::atls {

// PeerName is how the daemon knows a peer.
struct PeerName {
  std::string id;       // lower-case hex of SHA-256 over its certificate; empty: it has none
  std::string address;  // "ip:port"; may be empty
};

// Judgement is what the daemon says of a report.
struct Judgement {
  bool accepted = false;
  bool warned = false;
  std::string why;  // of a refusal, for local eyes
  Bytes result;     // the attestation result, JSON
};

// Agent may be asked from several threads at once. Errors carry the daemon's words, which never go to the peer.
class Agent {
 public:
  virtual ~Agent() = default;
  // peer_cache: digests of metadata held of a peer, so that it need not send them again.
  virtual Result<std::vector<std::string>> peer_cache(const std::string& peer_id) = 0;
  // attest makes a report over nonce; metadata named in cached may be left out.
  virtual Result<Bytes> attest(View nonce, const std::vector<std::string>& cached) = 0;
  // verify judges the peer's report. With an empty peer id nothing is kept of it.
  virtual Result<Judgement> verify(View report, View nonce, const PeerName& peer) = 0;
};

}  // namespace attest::atls
