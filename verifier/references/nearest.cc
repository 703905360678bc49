#include "verifier/references/nearest.h"

namespace attest {

MatchState::MatchState(const ReferenceIndex& index)
    : places(index.places().size()), cursor(index.groups().size()), pair(index.groups().size()) {
  active.fill(kNone);
}

std::uint32_t Nearest::find(std::uint8_t pcr, std::string_view name, MatchState& state) {
  if (pcr >= names_.size()) return kNone;
  std::uint32_t place = by_name(pcr, name, state);
  if (place == kNone) place = due(pcr, state);
  if (place != kNone) state.places[place] |= MatchState::kPaired;
  return place;
}

void Nearest::build_names() {
  built_ = true;
  named_.reserve(2 * index_.places().size());
  // from the end, so that each chain begins with the first place of that name
  for (auto at = static_cast<std::uint32_t>(index_.places().size()); at-- > 0;) {
    const Place& place = index_.places()[at];
    auto& names = names_[index_.groups()[place.group].pcr];
    for (const std::string* name : {&place.value->name, &place.value->description}) {
      if (name->empty()) continue;
      auto [it, fresh] = names.try_emplace(*name, kNone);
      named_.push_back({at, it->second});
      it->second = static_cast<std::uint32_t>(named_.size() - 1);
    }
  }
}

// by_name consumes its chain as it goes: a place that is taken or paired is not looked at again.
std::uint32_t Nearest::by_name(std::uint8_t pcr, std::string_view name, const MatchState& state) {
  if (name.empty() || pcr >= names_.size()) return kNone;
  if (!built_) build_names();
  auto it = names_[pcr].find(name);
  if (it == names_[pcr].end()) return kNone;
  std::uint32_t& at = it->second;
  while (at != kNone && state.places[named_[at].place] != 0) at = named_[at].next;
  return at == kNone ? kNone : named_[at].place;
}

std::uint32_t Nearest::due(std::uint8_t pcr, MatchState& state) {
  if (state.active[pcr] != kNone) {
    std::uint32_t place = due_in(state.active[pcr], state);
    if (place != kNone) return place;
  }
  for (std::uint32_t group : index_.groups_of(pcr)) {  // at most one a manifest
    std::uint32_t place = due_in(group, state);
    if (place != kNone) return place;
  }
  return kNone;
}

// due_in: the next mandatory place of a group that nothing stands for yet. `pair` only moves forward between two matches, and
// in unordered groups for ever.
std::uint32_t Nearest::due_in(std::uint32_t at, MatchState& state) {
  const Group& group = index_.groups()[at];
  std::uint32_t& position = state.pair[at];
  while (position < group.places.size() && group.next_mandatory[position] != kNone) {
    position = group.next_mandatory[position] + 1;
    std::uint32_t place = group.places[position - 1];
    if (state.places[place] == 0) return place;
  }
  position = static_cast<std::uint32_t>(group.places.size());
  return kNone;
}

}  // namespace attest
