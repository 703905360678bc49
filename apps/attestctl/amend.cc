#include "apps/attestctl/amend.h"

#include <map>
#include <set>

#include "evidence/core/hex.h"
#include "verifier/checks.h"

namespace attest::ctl {
namespace {

bool is_unexpected(const Mismatch& m) {
  return m.check == check::kPcrUnexpected || m.check == check::kImaUnexpected;
}
bool is_missing(const Mismatch& m) { return m.check == check::kPcrMissing; }

std::optional<HashAlg> alg_of_size(std::size_t size) {
  for (HashAlg alg : {HashAlg::sha1, HashAlg::sha256, HashAlg::sha384, HashAlg::sha512})
    if (digest_size(alg) == size) return alg;
  return std::nullopt;
}

Result<ReferenceValue> reference_for(const Mismatch& m) {
  TRY(Bytes digest, from_hex(m.measured_digest, 64));
  auto alg = alg_of_size(digest.size());
  if (!alg) return Error{Errc::unsupported, "a digest of " + std::to_string(digest.size()) + " bytes"};
  ReferenceValue value;
  value.anchor = AnchorKind::tpm;
  value.reg = m.reg;
  value.name = m.measured_name.empty() ? "event " + std::to_string(m.event) : m.measured_name;
  value.optional = true;
  value.hashes.emplace_back(*alg, Digest::of(digest));
  return value;
}

// place_behind: the position behind the last reference of a PCR, or the end.
std::size_t place_behind(const std::vector<ReferenceValue>& references, std::uint32_t pcr) {
  for (std::size_t at = references.size(); at-- > 0;)
    if (references[at].anchor == AnchorKind::tpm && references[at].reg == pcr) return at + 1;
  return references.size();
}

// Changes collects what is to be done before anything moves: positions are those of the old list.
struct Changes {
  std::map<std::size_t, std::vector<ReferenceValue>> before;
  std::set<std::size_t> optional;
  std::set<std::string> added;  // PCR and digest, so that a file measured twice is added once
  std::vector<std::string> lines;
};

Status add_unexpected(const Manifest& manifest, const std::string& name, const Mismatch& m,
                      Changes& changes) {
  if (!changes.added.insert(std::to_string(m.reg) + ":" + m.measured_digest).second) return ok();
  TRY(ReferenceValue value, reference_for(m));
  bool near = m.manifest == name && !m.expected_digest.empty() && m.entry < manifest.references.size();
  std::size_t at = near ? static_cast<std::size_t>(m.entry) : place_behind(manifest.references, m.reg);
  std::string line =
      "add       PCR " + std::to_string(m.reg) + "  " + value.name + "  " + m.measured_digest.substr(0, 12);
  if (near && !manifest.references[at].optional) {
    changes.optional.insert(at);
    line += "   (" + manifest.references[at].name + " " + m.expected_digest.substr(0, 12) +
            " stays allowed, no longer demanded)";
  } else if (near) {
    line += "   (" + m.expected_digest.substr(0, 12) + " stays allowed)";
  }
  changes.before[at].push_back(std::move(value));
  changes.lines.push_back(std::move(line));
  return ok();
}

void add_missing(const Manifest& manifest, const Mismatch& m, Changes& changes) {
  if (m.entry >= manifest.references.size() || manifest.references[m.entry].optional) return;
  if (changes.optional.insert(m.entry).second)
    changes.lines.push_back("optional  PCR " + std::to_string(m.reg) + "  " + m.expected_name + "  " +
                            m.expected_digest.substr(0, 12));
}

void apply(Manifest& manifest, Changes& changes) {
  std::vector<ReferenceValue> old = std::move(manifest.references);
  manifest.references.clear();
  for (std::size_t at = 0; at <= old.size(); at++) {
    for (ReferenceValue& value : changes.before[at]) manifest.references.push_back(std::move(value));
    if (at == old.size()) break;
    if (changes.optional.contains(at)) old[at].optional = true;
    manifest.references.push_back(std::move(old[at]));
  }
  manifest.tpm.clear();
  for (std::size_t at = 0; at < manifest.references.size(); at++)
    if (manifest.references[at].anchor == AnchorKind::tpm)
      manifest.tpm.push_back(static_cast<std::uint32_t>(at));
}

}  // namespace

Result<std::vector<std::string>> amend(Manifest& manifest, const std::string& name,
                                       const std::vector<Mismatch>& mismatches) {
  Changes changes;
  for (const Mismatch& m : mismatches) {
    bool other = !m.manifest.empty() && m.manifest != name;
    if (is_unexpected(m) && !other) CHECK_OK(add_unexpected(manifest, name, m, changes));
    if (is_missing(m) && !other) add_missing(manifest, m, changes);
  }
  if (changes.lines.empty())
    return Error{Errc::mismatch, "nothing that manifest \"" + name + "\" could allow was refused"};
  apply(manifest, changes);
  return std::move(changes.lines);
}

std::string amended_manifest(const std::vector<Mismatch>& mismatches) {
  for (const Mismatch& m : mismatches)
    if ((is_unexpected(m) || is_missing(m)) && !m.manifest.empty()) return m.manifest;
  return {};
}

}  // namespace attest::ctl
