// ima_facts.h: an IMA list read from a file in any of its forms, and as JSON.
#pragma once
#include "apps/attestctl/artefacts/artefact.h"
#include "evidence/logs/ima/ascii.h"
#include "evidence/logs/ima/template.h"
#include "verifier/logs/ima.h"

namespace attest::ctl {

// ReadImaList holds the bytes that the list lends from: those of the file, or made from its text.
struct ReadImaList {
  Bytes owned;
  ImaList list;
  std::size_t hash_size = 20;
  bool text = false;
};

// read_ima reads text or binary lists, with template hashes of 20, 32, 48 or 64 bytes; an incomplete head behind
// the last entry is counted. The result lends from `file` too.
Result<ReadImaList> read_ima(View file);

Facts ima_facts(const ReadImaList& read, const ImaJudgement& judgement);
// ima_entry_facts: every entry with its fields.
Facts ima_entry_facts(const ImaList& list);
// read_ima_rules reads --policy (docs/EVIDENCE.md); malformed for members it does not know.
Result<ImaRules> read_ima_rules(const Json& policy);

}  // namespace attest::ctl
