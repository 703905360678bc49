// exchange.h: the exchange of attested TLS 1.3.0: who sends what when, and what a failure does. It knows frames and
// nothing of TLS, so that recorded exchanges can be played to it.
#pragma once
#include <optional>

#include "evidence/cmc/atls.h"
#include "provider/libattest/agent.h"

namespace attest::atls {

using cmc::AttestMode;
using cmc::Encoding;

// Frames is one end of a channel that carries whole frames, with a deadline of its own.
class Frames {
 public:
  virtual ~Frames() = default;
  // send puts the length and the payload into one write. io when the peer is gone or the time is up.
  virtual Status send(View payload) = 0;
  // receive takes the next frame. io as above; malformed and denied as parse_atls_header says.
  virtual Result<Bytes> receive() = 0;
  // in_time: io when the time is up. Between calls of the agent, whose time does not count by itself.
  virtual Status in_time() { return ok(); }
  // give_up leaves two seconds at least for telling the peer, which may be at its report; of what it sends the first 64 KiB
  // of each frame are kept.
  virtual void give_up() = 0;
};

// Exporter values of this connection, 32 bytes each: nonces of the two reports.
struct Bindings {
  Bytes client, server;
};

struct Exchange {
  bool server = false;
  AttestMode mode = AttestMode::mutual;
  Encoding encoding = Encoding::cbor;
  Bindings bindings;
  PeerName peer;
  // shown: the peer has seen a certificate of ours. Without one, what it claims to hold of us was never kept under
  // our name, and everything is sent.
  bool shown = false;
  bool proves() const { return mode == AttestMode::mutual || mode == (server ? AttestMode::server : AttestMode::client); }
  bool verifies() const { return mode == AttestMode::mutual || mode == (server ? AttestMode::client : AttestMode::server); }
};

// Outcome of an exchange. It succeeded only if failure is empty. judged says that the peer's report was judged, good or
// bad: its result is shown to the program in both cases.
struct Outcome {
  std::optional<Error> failure;
  bool judged = false;
  Judgement judgement;
  Bytes peer_report;  // what was judged
  Bytes own_report;   // what the peer judged; empty where we did not prove
};

// run_exchange plays one side to its end. A client holds its report back until the server's was judged. After a failure
// of ours the peer still gets what it waits for, with a code instead of our words.
Outcome run_exchange(const Exchange& exchange, Frames& frames, Agent& agent);

}  // namespace attest::atls
