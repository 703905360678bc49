#include "evidence/cmc/cose.h"

#include "evidence/cmc/codec.h"
#include "evidence/metadata/jws_alg.h"

namespace attest::cmc {
namespace {

constexpr std::array<std::uint8_t, 2> kTag = {0xd8, 0x62};  // 98: COSE_Sign
constexpr int kAlgHeader = 1, kCriticalHeader = 2, kChainHeader = 33;

struct AlgRow {
  std::int64_t id;
  std::string_view name;
};
constexpr AlgRow kAlgs[] = {{-7, "ES256"},  {-35, "ES384"}, {-36, "ES512"},
                            {-37, "PS256"}, {-38, "PS384"}, {-39, "PS512"}, {-8, "EdDSA"}};

struct Part {
  Bytes protected_header;
  std::vector<Bytes> chain;
  Bytes signature;
};

struct Message {
  Bytes body_protected;
  View payload;  // lent by the item
  std::vector<Part> parts;
};

void read_chain(CborSource& in, std::vector<Bytes>& out) {
  constexpr Field kUnprotected[] = {{"x5chain", kChainHeader}};
  in.object(kUnprotected, [&](std::size_t) {
    // A list, or where there is one certificate that one alone.
    View value = in.raw();
    CborSource again(value, false);
    if (!value.empty() && value[0] >> 5 == 2) return out.push_back(again.bytes());
    again.array([&] {
      if (out.size() == TrustStore::kMaxChain) return again.fail("more than 4 certificates");
      out.push_back(again.bytes());
    });
    if (!again.done("x5chain")) in.fail("x5chain of a wrong form");
  });
}

void read_part(CborSource& in, Part& out) {
  std::size_t at = 0;
  in.array([&] {
    if (at == 0)
      out.protected_header = in.bytes();
    else if (at == 1)
      read_chain(in, out.chain);
    else if (at == 2)
      out.signature = in.bytes();
    else
      in.fail("a signature of more than three parts");
    at++;
  });
  if (in.good() && at != 3) in.fail("a signature of fewer than three parts");
}

void read_message(CborSource& in, Message& out) {
  std::size_t at = 0;
  in.array([&] {
    if (at == 0)
      out.body_protected = in.bytes();
    else if (at == 1)
      in.object({}, [](std::size_t) {});
    else if (at == 2)
      out.payload = in.lent_bytes();
    else if (at == 3)
      in.array([&] {
        if (out.parts.size() == kMaxSigners) return in.fail("more than 8 signatures");
        read_part(in, out.parts.emplace_back());
      });
    else
      in.fail("more than four parts");
    at++;
  });
  if (in.good() && at != 4) in.fail("fewer than four parts");
}

Result<Message> parse(View item) {
  if (item.size() > kMaxMetadataBytes) return Error{Errc::malformed, "COSE: more than 16 MiB"};
  if (!is_cose(item)) return Error{Errc::malformed, "COSE: no COSE_Sign with tag 98"};
  Message message;
  CborSource in(item.subspan(kTag.size()), false);
  read_message(in, message);
  CHECK_OK(in.done("COSE"));
  if (message.payload.empty()) return Error{Errc::malformed, "COSE: no payload"};
  if (message.parts.empty()) return Error{Errc::malformed, "COSE: no signatures"};
  if (!message.body_protected.empty() && message.body_protected != Bytes{0xa0})
    return Error{Errc::unsupported, "COSE: a protected header of the whole message"};
  return message;
}

Result<const JwsAlg*> algorithm_of(View protected_header) {
  constexpr Field kProtected[] = {{"alg", kAlgHeader}, {"crit", kCriticalHeader}};
  std::int64_t id = 0;
  CborSource in(protected_header, false);
  in.object(kProtected, [&](std::size_t i) {
    if (i == 1) return in.fail("headers that have to be understood");
    id = in.integer(INT32_MIN, INT32_MAX);
  });
  CHECK_OK(in.done("COSE protected header"));
  for (const AlgRow& row : kAlgs)
    if (row.id == id) return find_jws_alg(row.name);
  return Error{Errc::unsupported, "COSE: algorithm " + std::to_string(id)};
}

// on_curve_of is an algorithm for a key: in COSE the number of an ECDSA algorithm names its hash, and
// CMC's tool writes that of SHA-256 for keys on every curve.
JwsAlg on_curve_of(const JwsAlg& alg, const EVP_PKEY* key) {
  JwsAlg out = alg;
  if (alg.group.empty() || fits(alg, key)) return out;
  for (const AlgRow& row : kAlgs) {
    const JwsAlg* curve = find_jws_alg(row.name);
    if (curve->group.empty() || !fits(*curve, key)) continue;
    out.group = curve->group;
    out.coordinate = curve->coordinate;
  }
  return out;
}

// before_payload is the Sig_structure of RFC 9052, section 4.4, up to the payload that ends it.
Bytes before_payload(View body_protected, View sign_protected, std::size_t payload) {
  cbor::Writer out;
  out.array(5);
  out.text("Signature");
  out.bytes(body_protected);
  out.bytes(sign_protected);
  out.bytes({});
  out.bytes_head(payload);
  return std::move(out).finish();
}

Result<std::pair<const JwsAlg*, std::int64_t>> signing_algorithm(const EVP_PKEY* key) {
  for (const AlgRow& row : kAlgs) {
    const JwsAlg* alg = find_jws_alg(row.name);
    if (key != nullptr && fits(*alg, key)) return std::pair{alg, row.id};
  }
  return Error{Errc::unsupported, "COSE: no algorithm for this kind of key"};
}

Bytes protected_header(std::int64_t id) {
  CborSink out;
  out.object();
  out.key({"alg", kAlgHeader});
  out.integer(id);
  out.end_object();
  return out.finish();
}

Status write_part(cbor::Writer& out, const JwsSigner& signer, View payload) {
  TRY(auto alg, signing_algorithm(signer.key));
  if (signer.chain.empty() || signer.chain.size() > TrustStore::kMaxChain)
    return Error{Errc::malformed, "COSE: a signer needs 1 to 4 certificates"};
  Bytes header = protected_header(alg.second);
  TRY(Bytes signature, make_signature(*alg.first, signer.key, {before_payload({}, header, payload.size()), payload}));
  out.array(3);
  out.bytes(header);
  out.map(1);
  out.uint(kChainHeader);
  out.array(signer.chain.size());
  for (const Bytes& der : signer.chain) out.bytes(der);
  out.bytes(signature);
  return ok();
}

}  // namespace

bool is_cose(View item) { return item.size() > 2 && equal(item.first(2), kTag); }

Result<Examined> examine_cose(View item, const TrustStore& roots, UnixTime when) { return examine_cose(item, signers_of(roots, when)); }

Result<Examined> examine_cose(View item, const ChainJudge& judge) {
  TRY(Message message, parse(item));
  Examined out;
  for (Part& part : message.parts) {
    if (part.chain.empty()) return Error{Errc::malformed, "COSE: an empty x5chain"};
    TRY(const JwsAlg* named, algorithm_of(part.protected_header));
    Bytes before = before_payload(message.body_protected, part.protected_header, message.payload.size());
    out.signatures.push_back(examine_signature(*named, std::move(part.chain), {before, message.payload}, part.signature, judge, on_curve_of));
  }
  out.payload = message.payload;
  return out;
}

Result<Bytes> sign_cose(View payload, std::span<const JwsSigner> signers) {
  if (signers.empty() || signers.size() > kMaxSigners)
    return Error{Errc::malformed, "COSE: 1 to " + std::to_string(kMaxSigners) + " signers are possible"};
  cbor::Writer out;
  out.raw(kTag);
  out.array(4);
  out.bytes({});
  out.map(0);
  out.bytes(payload);
  out.array(signers.size());
  for (const JwsSigner& signer : signers) CHECK_OK(write_part(out, signer, payload));
  return std::move(out).finish();
}

Result<Bytes> unverified_cose_payload(View item) {
  TRY(Message message, parse(item));
  return to_bytes(message.payload);
}

}  // namespace attest::cmc
