// explain.h: a stored verdict in words for people.
#pragma once
#include "verifier/appraise.h"

namespace attest {

// Refusal is one verdict as the daemon stores it (control call "explain"); an accepted handshake has one too.
struct Refusal {
  std::uint64_t id = 0;
  UnixTime when = 0;
  std::string peer;
  Role role = Role::server;  // the prover's
  std::string caller;        // service label of the local program; "" if it has none
  std::int64_t uid = -1;     // of the local program; -1: not recorded
  std::string policy;
  std::string outcome;       // "accepted", "refused", "observed"
  std::string name;          // of the first failed check
  std::string why;
  std::string remedy;
  Appraisal appraisal;
};

// parse_refusal reads the daemon's record; members it does not know are passed over.
Result<Refusal> parse_refusal(std::string_view json);

struct ExplainOptions {
  bool whole = false;      // digests in full, every mismatch
  std::size_t listed = 8;  // mismatches of one kind shown otherwise
};

// explain_text says what was refused, because of what, what likely happened and what to do. Lines of two columns, the first
// ten characters wide, each ending in a newline; no colours.
std::string explain_text(const Refusal& refusal, const ExplainOptions& options = {});

// explain_json is the same as one JSON object on one line: id, outcome, name, summary, because [..], likely, remedy,
// allow (a command), appraisal.
std::string explain_json(const Refusal& refusal);

// likely_cause guesses from PCR, event type and names; "" where there is nothing to guess.
std::string likely_cause(const Appraisal& appraisal);

// allow_command is the attestctl command that makes the smallest signed change under which this peer passes; "" where
// no change of metadata is the answer.
std::string allow_command(const Refusal& refusal);

}  // namespace attest
