// artefact.h: single pieces of evidence as files: what attestctl inspect and appraise need of each kind.
#pragma once
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>

#include "evidence/core/bytes.h"
#include "evidence/core/time.h"
#include "verifier/finding.h"

namespace attest::ctl {

using Json = nlohmann::json;
// Facts is what was read, in the order it was read.
using Facts = nlohmann::ordered_json;

struct ArtefactFile {
  std::string path;  // for messages; judging never looks at names
  Bytes bytes;
};

// ArtefactInput is one artefact and what was given with it.
struct ArtefactInput {
  ArtefactFile file;
  std::map<std::string, ArtefactFile>
      with;                      // companions by role (--with ROLE=FILE): "signature", "ak", "eventlog", ...
  UnixTime at = 0;               // --at, default now
  std::vector<Bytes> roots_der;  // --roots: every certificate of it; empty: the kind's built-in roots
  std::filesystem::path collateral;  // --collateral, may be empty
  std::optional<Bytes> nonce;        // --nonce
  Json policy;                       // --policy, null without

  // companion lends the bytes of a role; nullptr if none was given.
  const Bytes* companion(const std::string& role) const {
    auto found = with.find(role);
    return found == with.end() ? nullptr : &found->second.bytes;
  }
};

// ArtefactCheck is one named test of an artefact: id, outcome, expected, measured, why.
using ArtefactCheck = Finding;

// ArtefactAppraisal is the facts and the checks; trusted if at least one check passed and none failed.
struct ArtefactAppraisal : Findings {
  Facts facts = Facts::object();
};

// ArtefactKind is a row of the table: how one kind of artefact is known, read and judged.
struct ArtefactKind {
  std::string_view name;                           // "quote"
  std::string_view what;                           // one line for --help
  bool (*looks_like)(View bytes);                  // cheap, by content alone; nullptr: only by --kind
  Result<Facts> (*inspect)(const ArtefactInput&);  // everything decoded
  Result<ArtefactAppraisal> (*appraise)(const ArtefactInput&);  // nullptr for kinds that are only read
};

// artefact_kinds is the constant table, a row a kind; the first that looks like the content wins.
std::span<const ArtefactKind> artefact_kinds();
const ArtefactKind* find_artefact_kind(std::string_view name);

// hexdump shows bytes nobody decoded, 16 a line; at most max_bytes of them.
Facts hexdump(View bytes, std::size_t max_bytes = 4096);

}  // namespace attest::ctl
