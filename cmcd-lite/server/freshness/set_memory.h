// set_memory.h: the set list this machine followed last, so that an older one cannot take its place.
#pragma once
#include <filesystem>
#include <optional>

#include "evidence/metadata/set_list.h"

namespace attest {

// FollowedList is the highest sequence of one list that was ever in force. digest is empty where a person said from which
// sequence on lists are to be believed.
struct FollowedList {
  std::string name;
  std::uint64_t sequence = 0;
  Digest digest;
};

// read_followed: nullopt if nothing was ever followed under this name, or the memory is gone; malformed if it is there
// and cannot be read.
Result<std::optional<FollowedList>> read_followed(const std::filesystem::path& memory, std::string_view name);
// write_followed replaces what is remembered of this name and keeps the rest. io if it cannot be written.
Status write_followed(const std::filesystem::path& memory, const FollowedList& followed);

// FoundList is the newest sound list of a name in a folder.
struct FoundList {
  std::shared_ptr<const SetList> list;  // null: none, see why
  std::string why;                      // with the name of a refusal
};

// choose_list picks, of the *.list files in a folder, the one of this name with the highest sequence that is signed, not of a
// future version, and not behind what was followed. Nothing is chosen where the memory is gone (set-list.memory): a
// person has to say from which sequence on.
FoundList choose_list(const std::filesystem::path& folder, const std::string& name, const TrustStore& signers,
                      const Result<std::optional<FollowedList>>& followed, UnixTime now);

}  // namespace attest
