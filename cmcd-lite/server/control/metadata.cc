// metadata.follow.
#include "cmcd-lite/server/control/ops.h"

namespace attest {
namespace {

constexpr std::size_t kMaxName = 256;

// follow remembers from which set list on this machine believes. It never goes back behind what was followed: that would
// be the rollback the memory is there for.
Result<FollowedList> follow(const ControlCall& call) {
  FollowedList wanted{call.root().string("name"), static_cast<std::uint64_t>(call.root().integer("sequence", 1, INT64_MAX)), {}};
  CHECK_OK(call.checked());
  const Config& config = call.state->config;
  if (wanted.name.empty() || wanted.name.size() > kMaxName || wanted.name != config.metadata.set_list)
    return Error{Errc::denied, "set-list.memory: cmcd.json follows " +
                                   (config.metadata.set_list.empty() ? std::string("no set list") : "\"" + config.metadata.set_list + "\"") +
                                   " (metadata.set_list)"};
  auto known = read_followed(config.set_memory(), wanted.name);
  if (known && *known && (*known)->sequence > wanted.sequence)
    return Error{Errc::denied, "set-list.rollback: number " + std::to_string((*known)->sequence) + " was followed before"};
  if (known && *known && (*known)->sequence == wanted.sequence) return **known;
  CHECK_OK(write_followed(config.set_memory(), wanted));
  return wanted;
}

}  // namespace

void op_metadata_follow(Engine& engine, const ControlPtr& call, const Reply& reply) {
  auto followed = follow(*call);
  if (!followed) return reply.send(followed.error());
  engine.reload([reply, followed = *followed](Result<std::string> note) {
    if (!note) return reply.send(note.error());
    JsonWriter out = accepted();
    out.field("name", followed.name).field("sequence", followed.sequence);
    reply.send(finish_json(std::move(out)));
  });
}

}  // namespace attest
