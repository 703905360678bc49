#include "provider/libattest/link.h"

#include <openssl/rand.h>

#include "evidence/cmc/report.h"
#include "evidence/core/crypto.h"
#include "evidence/core/hash.h"
#include "evidence/tpm/attest.h"
#include "evidence/x509/certificate.h"

namespace attest::atls {
namespace {

constexpr std::string_view kChain = "attest-atls chain 1";
constexpr std::string_view kNonce = "attest-atls nonce 1";
constexpr std::string_view kLink = "attest-atls link 1";

Bytes digest_of(std::initializer_list<View> parts) { return to_bytes(sha256(parts).view()); }

// key_of is what stays of a certificate when it is renewed: whose key it says it is, and which. One that OpenSSL cannot read
// stays as it is.
Bytes key_of(const Bytes& certificate) {
  auto parsed = parse_certificate(certificate);
  unsigned char* der = nullptr;
  int size = parsed ? i2d_X509_NAME(X509_get_issuer_name(parsed->get()), &der) : 0;
  if (size <= 0) return certificate;
  Bytes issuer(der, der + size);
  OPENSSL_free(der);
  Bytes spki = spki_der(X509_get0_pubkey(parsed->get()));
  return spki.empty() ? certificate : digest_of({sha256(issuer).view(), sha256(spki).view()});
}

std::array<std::uint8_t, 8> big_endian(std::uint64_t value) {
  std::array<std::uint8_t, 8> out{};
  for (std::size_t i = 0; i < out.size(); i++) out[i] = static_cast<std::uint8_t>(value >> (56 - 8 * i));
  return out;
}

}  // namespace

Result<Bytes> encode_challenge(const Challenge& challenge) {
  Writer out;
  out.u64be(challenge.counter);
  out.put(challenge.nonce);
  return std::move(out).finish("challenge");
}

Result<Challenge> decode_challenge(View payload) {
  Reader in(payload);
  Challenge out;
  out.counter = in.u64be();
  out.nonce = to_bytes(in.take(kLinkNonce));
  CHECK_OK(in.done("challenge"));
  return out;
}

Result<Bytes> encode_answer(const Answer& answer) {
  Writer out;
  out.u64be(answer.counter);
  out.put(answer.report);
  return std::move(out).finish("answer");
}

Result<Answer> decode_answer(View payload) {
  Reader in(payload);
  Answer out;
  out.counter = in.u64be();
  out.report = to_bytes(in.rest());
  CHECK_OK(in.done("answer"));
  if (out.report.empty()) return Error{Errc::malformed, "answer: without a report"};
  return out;
}

Chain::Chain(bool client_proves, View binding, View report)
    : role_(client_proves ? 1 : 2),
      binding_(to_bytes(binding)),
      link_(digest_of({as_view(kChain), {&role_, 1}, binding, sha256(report).view()})) {}

Bytes Chain::nonce_for(const Challenge& challenge) const {
  return digest_of({as_view(kNonce), {&role_, 1}, binding_, link_, big_endian(challenge.counter), challenge.nonce});
}

void Chain::advance(View nonce, View report) {
  link_ = digest_of({as_view(kLink), nonce, sha256(report).view()});
  counter_++;
}

Result<Bytes> identity_of(View bytes) {
  TRY(cmc::Report report, cmc::decode_report(bytes));
  Writer out;
  for (const cmc::Collateral& collateral : report.context.collateral) {
    out.lv16(as_view(collateral.type));
    if (!collateral.certs.empty()) out.lv16(key_of(collateral.certs.front()));
  }
  for (const cmc::EvidenceItem& item : report.evidences) {
    if (item.type != cmc::kTpmEvidence && item.type != cmc::kAzureVtpmEvidence) continue;
    TRY(Attest quote, parse_attest(item.evidence));
    out.u32be(quote.clock.reset_count);
  }
  TRY(Bytes all, std::move(out).finish("identity"));
  return digest_of({all});
}

Result<Answer> Prover::answer(const Challenge& challenge, Agent& agent) {
  if (challenge.counter != chain_.counter() + 1)
    return Error{Errc::denied, "the peer's challenge " + std::to_string(challenge.counter) + " is not the next one"};
  Bytes nonce = chain_.nonce_for(challenge);
  TRY(Bytes report, agent.attest(nonce, {}));
  chain_.advance(nonce, report);
  return Answer{challenge.counter, std::move(report)};
}

Result<Challenge> Watcher::challenge() {
  if (broken_) return Error{Errc::denied, "the peer failed to prove itself before"};
  if (open_) return Error{Errc::denied, "a challenge is open already"};
  Challenge out{chain_.counter() + 1, Bytes(kLinkNonce)};
  if (RAND_bytes_ex(private_libctx(), out.nonce.data(), out.nonce.size(), 0) != 1)
    return Error{Errc::io, "OpenSSL gives no random bytes"};
  open_ = out;
  return out;
}

Result<Judgement> Watcher::judge_open(const Answer& answer, const PeerName& peer, Agent& agent) {
  if (!open_ || answer.counter != open_->counter)
    return Error{Errc::denied, "an answer to challenge " + std::to_string(answer.counter) + " that nobody waits for"};
  Bytes nonce = chain_.nonce_for(*open_);
  TRY(Judgement judgement, agent.verify(answer.report, nonce, peer));
  if (!judgement.accepted) return Error{Errc::untrusted, "the peer has changed: " + judgement.why};
  if (!identity_.empty()) {
    TRY(Bytes identity, identity_of(answer.report));
    if (identity != identity_) return Error{Errc::untrusted, "the peer is another machine now, or was restarted"};
  }
  chain_.advance(nonce, answer.report);
  return judgement;
}

Result<Judgement> Watcher::judge(const Answer& answer, const PeerName& peer, Agent& agent) {
  if (broken_) return Error{Errc::denied, "the peer failed to prove itself before"};
  auto judged = judge_open(answer, peer, agent);
  open_.reset();
  broken_ = !judged;
  return judged;
}

}  // namespace attest::atls
