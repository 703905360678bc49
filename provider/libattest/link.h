// link.h: re-attestation of a connection that lives long: a chain of reports, each bound to the connection, the link
// before it, a counter and a fresh nonce.
#pragma once
#include "provider/libattest/exchange.h"

namespace attest::atls {

inline constexpr std::size_t kLinkNonce = 32;

struct Challenge {
  std::uint64_t counter = 0;  // 1 for the first link after the handshake
  Bytes nonce;                // kLinkNonce bytes
};
struct Answer {
  std::uint64_t counter = 0;
  Bytes report;
};

// Payloads of links. The decoders are strict: malformed for anything but exactly what encode_ writes.
Result<Bytes> encode_challenge(const Challenge& challenge);
Result<Challenge> decode_challenge(View payload);
Result<Bytes> encode_answer(const Answer& answer);
Result<Answer> decode_answer(View payload);

// Chain is what both ends know of the reports of one of them: of the client's or of the server's.
//   link[0] = H("attest-atls chain 1", role, exporter, H(first report))
//   nonce[i] = H("attest-atls nonce 1", role, exporter, link[i-1], counter i, fresh nonce)   what report i is over
//   link[i] = H("attest-atls link 1", nonce[i], H(report i))
class Chain {
 public:
  // binding is the exporter under the label of the end that proves; report the one of the handshake.
  Chain(bool client_proves, View binding, View report);
  std::uint64_t counter() const { return counter_; }
  Bytes nonce_for(const Challenge& challenge) const;
  void advance(View nonce, View report);

 private:
  std::uint8_t role_;
  Bytes binding_, link_;
  std::uint64_t counter_ = 0;
};

// identity_of names the machine a report is of: its attestation keys with the names of their issuers, and the resets its TPM
// counts. Certificates may be renewed, keys may not; that they are valid and of a trusted issuer is judged with every report.
// A report in CMC's form; malformed otherwise.
Result<Bytes> identity_of(View report);

// Prover answers challenges of the other end, each once and in order.
class Prover {
 public:
  Prover(bool client, View binding, View first_report) : chain_(client, binding, first_report) {}
  // answer: denied for a counter that is not the next one; the agent's error otherwise.
  Result<Answer> answer(const Challenge& challenge, Agent& agent);

 private:
  Chain chain_;
};

// Watcher challenges the other end and judges its answers. After one failure it takes none any more.
class Watcher {
 public:
  // identity: of the first report, which every later one must share; empty compares none (reports of tests).
  Watcher(bool client, View binding, View first_report, Bytes identity)
      : chain_(client, binding, first_report), identity_(std::move(identity)) {}
  // challenge makes a fresh one; denied while one is open or after a failure, io without random bytes.
  Result<Challenge> challenge();
  // judge: denied for an answer nobody waits for (resent, reordered); untrusted where the machine is another one, has
  // been restarted, or is not accepted any more. The judgement is good, or there is none.
  Result<Judgement> judge(const Answer& answer, const PeerName& peer, Agent& agent);
  bool waiting() const { return open_.has_value(); }

 private:
  Result<Judgement> judge_open(const Answer& answer, const PeerName& peer, Agent& agent);
  Chain chain_;
  Bytes identity_;
  std::optional<Challenge> open_;
  bool broken_ = false;
};

}  // namespace attest::atls
