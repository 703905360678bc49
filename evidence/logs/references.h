// references.h: where in signed manifests an event stands, so that it can travel as an index.
#pragma once
#include "evidence/logs/measured_log.h"
#include "evidence/metadata/metadata.h"

namespace attest {

// ContextManifests are the manifests a report context names, by their index in its metadata list; nullptr
// where the item is no manifest or not at hand.
using ContextManifests = std::vector<const Manifest*>;

// RefPosition is one reference value: item `metadata` of the context, entry `entry` of its Manifest::tpm.
struct RefPosition {
  std::uint32_t metadata = 0;
  std::uint32_t entry = 0;
  bool operator==(const RefPosition&) const = default;
};

// reference_digest is what an event that equals a reference value extended in a bank: its hash of that
// algorithm, or for IMA entries in a padded bank its SHA-1 value with zeros behind. Empty if the value has no
// such hash, or if it is the 0xff of an IMA violation: no reference value stands for one.
Digest reference_digest(const ReferenceValue& value, HashAlg bank, LogKind kind, ImaExtend ima);

// index_bits is the width of packed indices into an item of so many reference values: what its last index needs, at least 1.
std::uint8_t index_bits(std::size_t references);

// RunIndex finds the reference values that equal an event (PCR and digest in one bank). It borrows the
// manifests, which must outlive it, and takes 16 bytes a reference value.
class RunIndex {
 public:
  RunIndex(ContextManifests manifests, HashAlg bank, ImaExtend ima = ImaExtend::template_data);
  // at returns the value at a position; nullptr beyond the end.
  const ReferenceValue* at(RefPosition position) const;
  // matches: the value at this position equals the event.
  bool matches(RefPosition position, const MeasuredEvent& event) const;
  // find returns the first matching position that is not before next[metadata], else the first one at all;
  // nullopt if nothing matches. next has one element for each item of the context.
  std::optional<RefPosition> find(const MeasuredEvent& event, const std::vector<std::uint32_t>& next) const;
  std::size_t items() const { return manifests_.size(); }
  // references counts the reference values of an item; 0 where it is no manifest.
  std::size_t references(std::uint32_t item) const;
  HashAlg bank() const { return bank_; }
  ImaExtend ima_extend() const { return ima_; }

 private:
  struct Slot {
    std::uint64_t key = 0;  // PCR and the first bytes of the digest
    RefPosition position;
  };
  std::vector<Slot> sorted_slots(LogKind kind) const;
  const std::vector<Slot>& slots(LogKind kind) const;
  ContextManifests manifests_;
  HashAlg bank_;
  ImaExtend ima_;
  std::vector<Slot> slots_;      // of all events, or of firmware events in a padded bank
  std::vector<Slot> ima_slots_;  // of IMA entries in a padded bank
};

}  // namespace attest
