// quoted_key.h: what is remembered of evidence that was accepted: facts, never verdicts.
#pragma once
#include <memory>
#include <optional>

#include "evidence/core/time.h"
#include "evidence/logs/measured_log.h"
#include "evidence/native/message.h"
#include "evidence/tpm/attest.h"
#include "evidence/tpm/public_area.h"

namespace attest {

// TpmFacts: the signature of this quote verifies under this key; it is fresh, and its PCR values are those of the evidence.
struct TpmFacts {
  std::shared_ptr<const PublicArea> ak;
  Verified<Attest> attest;
};

// CleanLog: the log of this evidence leads to the quoted PCRs and does not disagree with these manifests.
struct CleanLog {
  std::vector<Digest> manifests;  // in layer order; a digest stands for all that the manifest says
  ImaExtend ima = ImaExtend::template_data;
  std::uint64_t events = 0;
  bool ima_events = false;
  Digest prefix;  // log_prefix of all of it
};

// Facts depend on the evidence alone, not on any policy. Immutable once shared.
struct Facts {
  std::optional<TpmFacts> tpm;
  std::optional<CleanLog> log;
};

// QuotedKey is evidence that answered a nonce of ours. Where its context names a key K, the machine of this quote holds K.
// Its logs are whole, also where only their end came.
struct QuotedKey {
  Evidence evidence;
  ReportContext context;
  Digest qualifying;  // what its anchors signed
  Facts facts;
};

// KnownKey is a fact at hand in one handshake: its key was named in the request. age_ms counts from the moment the nonce
// was issued that the quote answered.
struct KnownKey {
  std::shared_ptr<const QuotedKey> fact;
  std::int64_t age_ms = 0;
};

// EpochSeen is the newest Epoch ID of a distributor, by a verified signature.
struct EpochSeen {
  Digest distributor;  // SHA-256 of its SPKI
  UnixTime time = 0;
  std::uint64_t sequence = 0;
  Digest id;
};

// Distributor is one whose Epoch IDs a policy believes.
struct Distributor {
  Digest name;     // SHA-256 of the SPKI
  Bytes spki_der;  // P-256
};

}  // namespace attest
