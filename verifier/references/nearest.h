// nearest.h: what stood in the references where something else was measured. For people; no rule depends on it.
#pragma once
#include <unordered_map>

#include "evidence/native/message.h"
#include "verifier/references/index.h"

namespace attest {

// MatchState is how far each group has got.
struct MatchState {
  enum : std::uint8_t { kTaken = 1, kPaired = 2 };
  explicit MatchState(const ReferenceIndex& index);
  std::vector<std::uint8_t> places;     // kTaken: an event matched it; kPaired: shown beside an unexpected event
  std::vector<std::uint32_t> cursor;    // ordered groups: the next position
  std::vector<std::uint32_t> pair;      // where the next unexpected event of this group finds its neighbour
  std::array<std::uint32_t, 24> active; // the group that matched last on a PCR, or kNone
};

// Nearest finds the reference value to show beside an event that matched none. The table of names is made at the
// first question, so an appraisal without disagreement does not pay for it.
class Nearest {
 public:
  explicit Nearest(const ReferenceIndex& index) : index_(index) {}
  // find: a place on this PCR with that name which nothing has matched yet, else the mandatory one that is due; it is
  // marked as paired. kNone if there is none.
  std::uint32_t find(std::uint8_t pcr, std::string_view name, MatchState& state);
  // by_name is the first half of find, and marks nothing.
  std::uint32_t by_name(std::uint8_t pcr, std::string_view name, const MatchState& state);

 private:
  std::uint32_t due(std::uint8_t pcr, MatchState& state);
  std::uint32_t due_in(std::uint32_t group, MatchState& state);
  void build_names();

  struct Named {
    std::uint32_t place;
    std::uint32_t next;  // in named_
  };
  const ReferenceIndex& index_;
  bool built_ = false;
  std::array<std::unordered_map<std::string_view, std::uint32_t>, 24> names_;  // first of a chain in named_
  std::vector<Named> named_;
};

// measured_text is a hint what an event is: the path of an IMA entry, the file, variable or text of a firmware event; ""
// where nothing readable stands there. Printable ASCII, at most 200 characters.
std::string measured_text(const EventSegment& event, LogKind kind);
// measured_type names a TCG event type, "EV_EFI_BOOT_SERVICES_APPLICATION"; "IMA" for a file.
std::string measured_type(const EventSegment& event, LogKind kind);
// pcr_words: what a PCR holds on a PC, for people: "EFI boot loader"; "" where no convention exists.
std::string_view pcr_words(std::uint32_t pcr);

}  // namespace attest
