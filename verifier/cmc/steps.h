// steps.h: the parts of a judgement. Private to verifier/cmc.
#pragma once
#include "verifier/cmc/judge.h"

namespace attest::cmc {

// Item is one signed item of a report.
struct Item {
  std::string digest;  // lower-case hex, as listed
  View bytes;  // in the report, or held
  MetadataFinding finding;
  bool trusted = false;  // signatures, role, form and validity
};

// Items are the signed items of a report, by kind.
struct Items {
  std::vector<Item> images, manifests, companies, omsp, unknown;
  Finding problems;  // of the list itself: missing, not what their digest says, named twice
};

// memory_of is the memory that may be asked: the one made with the very stores of the question. nullptr: none.
inline Memory* memory_of(const Question& q) {
  bool its = q.memory != nullptr && q.signers == &q.memory->signers() && q.attestation_keys == &q.memory->attestation_keys();
  return its ? q.memory : nullptr;
}

Items examine_items(const Question& q, const Report& report, HashAlg alg);

// note_window shows in a finding that failed when was judged, and when it would have been good.
void note_window(Finding& out, UnixTime now, const std::string& from, const std::string& until);

// check_omsp notes in every manifest that names a revocation server what that server said of it.
void check_omsp(Items& items, UnixTime now);

// check_compatibility judges that image description and manifests make up one stack and puts the manifests in layer order,
// root first.
CompatibilityFinding check_compatibility(Items& items);

// Reference is a reference value with its place.
struct Reference {
  const Component* component;
  std::int64_t index;
  const nlohmann::json* rules = nullptr;  // for the configuration of containers; null: none
};
// References are the reference values of all trusted manifests, in layer order, by what they are references of.
struct References {
  std::map<std::string, std::vector<Reference>> by_anchor;  // "TPM"
  Finding problems;
};
References collect_references(const Items& items);

// Measured is what an appraiser of one kind of evidence gets.
struct Measured {
  const Question& question;
  const EvidenceItem& evidence;
  Collateral& collateral;  // long logs are given up event by event while they are judged
  const std::vector<Reference>& references;
  View nonce;  // that the evidence has to carry
  const Items& items;
  const Report* report = nullptr;
  View vouched_key{};  // DER of the key that something else vouches for: the evidence's key must be it, and needs no chain
};
MeasurementFinding judge_tpm(const Measured& m);
MeasurementFinding judge_sw(const Measured& m);

// genuine_container: what was measured is what the event says of configuration and root file system.
bool genuine_container(const Component& event, View digest);
// ContainerReferences finds the reference of a container: of its root file system, and of its configuration or one that the
// reference's rules allow. What there is to compute of a reference is computed once, however many containers there are.
class ContainerReferences {
 public:
  struct Known;
  explicit ContainerReferences(const std::vector<Reference>& references);  // lent
  ContainerReferences(ContainerReferences&&) noexcept;
  ~ContainerReferences();
  // find is the place of the first that fits among the references, of those with this index where one is given.
  std::optional<std::size_t> find(const Component& event, std::optional<std::int64_t> index = std::nullopt);

 private:
  std::map<Bytes, std::vector<Known>> by_rootfs_;
};

// show_chain is the chain for people: as it came, with the root behind it where it is one of ours.
std::vector<Bytes> show_chain(const std::vector<Bytes>& chain, const Digest& root, std::span<const Bytes> roots);

}  // namespace attest::cmc
