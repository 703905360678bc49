// appraise.h: evidence in, verdict out. No clock, no file, no network: everything is a parameter.
#pragma once
#include <memory>

#include "evidence/core/time.h"
#include "evidence/core/verdict.h"
#include "evidence/native/message.h"
#include "verifier/active_set.h"
#include "verifier/policy.h"
#include "verifier/quoted_key.h"

namespace attest {

// Question is one appraisal. Exactly one of binder and raw_nonce is set.
struct Question {
  View evidence;              // encoded Evidence; empty: the peer sent none
  Role prover = Role::server;
  Digest binder;              // of a handshake
  Bytes raw_nonce;            // outside a handshake (attestctl verify)
  Digest leaf_spki;           // SHA-256 of the prover's TLS key; empty outside a handshake
  std::string peer;           // name the caller knows the peer by; "" for none
  bool x509_ok = false;       // the program's own certificate and name check succeeded
  UnixTime now = 0;
  UnixTime built = 0;             // when this program was made: no clock may lie behind it
  std::vector<KnownKey> known;    // short-lived keys that the request of this handshake named
  std::shared_ptr<const QuotedKey> prefix;  // accepted evidence whose logs the request named as known; null: none
  std::vector<EpochSeen> epochs;  // the newest Epoch ID seen of each distributor
};

// Appraisal is the verdict and the facts it rests on; facts are empty where they were not verified.
struct Appraisal {
  Verdict verdict;
  std::string peer;
  std::string service;        // service label of the prover
  std::vector<AnchorIdentity> anchors;
  std::string image;          // image description name and version
  std::vector<std::string> manifests;
  std::uint64_t events = 0;   // events judged
  FreshnessMode freshness = FreshnessMode::nonce;
  std::int64_t age_s = 0;     // the quote is at most this old; 0 for a nonce
  std::optional<EpochSeen> epoch;           // what the evidence brought, verified, whatever the verdict
  std::shared_ptr<const QuotedKey> quoted;  // worth remembering: trusted evidence that answered our nonce and has a key or a log
  std::uint64_t mismatches_omitted = 0;  // counted but not kept in the verdict
};

// appraise works in this order: form and bounds, AK trust, quote signature, freshness, then expansion of the log
// (capped), replay, reference values, policy. Integrity stops at the first failure; policy collects all of them.
Appraisal appraise(const Question& question, const Policy& policy, const ActiveSet& active_set);

// appraisal_json writes an appraisal as the daemon's audit log, attestctl --json and explain show it; one line, at most
// max_mismatches mismatches in it.
std::string appraisal_json(const Appraisal& appraisal, std::size_t max_mismatches = SIZE_MAX);
// parse_appraisal reads that back; members it does not know are passed over. malformed otherwise.
Result<Appraisal> parse_appraisal(std::string_view json);

}  // namespace attest
