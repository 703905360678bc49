// set_list.h: the signed list of the metadata that is current (docs/METADATA.md, "Set lists").
#pragma once
#include "evidence/metadata/metadata.h"

namespace attest {

class TrustStore;

// SetEntry lists one signed item. until: an older item that still counts up to that moment, beside the current one.
struct SetEntry {
  MetadataType type = MetadataType::manifest;
  std::string name;
  Digest digest;  // SHA-256 of the signed item
  std::optional<UnixTime> until;
};

// SetList is one issue of a list. Of each (type, name) exactly one entry has no `until`.
struct SetList {
  static constexpr std::size_t kMaxEntries = 1024;
  std::string name;
  std::uint64_t sequence = 0;
  std::string version;
  UnixTime version_time = 0;
  UnixTime not_before = 0;
  UnixTime not_after = 0;
  std::string signer;
  std::vector<SetEntry> entries;
  Digest digest;  // of the signed bytes

  const SetEntry* find(const Digest& item) const;  // nullptr: not listed
};

// parse_set_list reads a payload: type "Set List", name, sequence from 1 on, version, validity, items [{type, name, digest,
// until?}]; unlike other metadata it refuses members it does not know. malformed or unsupported otherwise.
Result<SetList> parse_set_list(View payload);
// write_set_list is the way back, ready for sign_jws; mismatch if parse_set_list would refuse it.
Result<std::string> write_set_list(const SetList& list);
// verify_set_list checks the signature as verify_metadata does. `when` judges the certificates; the list's own validity is the
// caller's.
Result<Verified<SetList>> verify_set_list(View item, const TrustStore& roots, UnixTime when);
// carry_over adds to a new list what the old one listed and the new one does not replace. What it replaces counts on until
// `until`, or ends; windows of the old list that are still open stay.
void carry_over(const SetList& old, std::optional<UnixTime> until, UnixTime now, SetList& list);
// describe names a list for people: set list "fleet" number 7.
std::string describe(const SetList& list);

}  // namespace attest
