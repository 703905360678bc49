// sw_statement.h: what the software driver signs (docs/PROTOCOL.md, "Software anchor").
#pragma once
#include "evidence/core/verified.h"
#include "evidence/native/message.h"

namespace attest {

struct SwMeasurement {
  std::string name;  // printable hint, 1 to 256 bytes
  Digest digest;     // SHA-256
};

// SwStatement is CBOR {0: qualifying data, 1: host name, 2: [[name, digest], ...]}.
struct SwStatement {
  static constexpr std::size_t kMaxMeasurements = 1024;
  static constexpr std::size_t kMaxText = 256;
  Digest qualifying;  // 32 bytes: batch_qualifying_data
  std::string host;
  std::vector<SwMeasurement> measurements;
};

// encode_sw_statement: denied if a bound is passed.
Result<Bytes> encode_sw_statement(const SwStatement& statement);
// decode_sw_statement is strict and bounded; form alone.
Result<SwStatement> decode_sw_statement(View bytes);

// sw_identity is the anchor identity of a software key: SHA-256 of its SPKI.
Digest sw_identity(View spki_der);

// verify_sw_anchor checks that the key is on P-256, then the signature (ECDSA, SHA-256, DER) over the statement's bytes, and
// only then reads them. untrusted or malformed otherwise. Whose key it is remains the caller's question.
Result<Verified<SwStatement>> verify_sw_anchor(const SwAnchor& anchor);

}  // namespace attest
