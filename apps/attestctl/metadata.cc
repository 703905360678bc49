// attestctl metadata: what machines should look like, as signed statements. The commands, and the list.
#include <cstdio>

#include "apps/attestctl/commands.h"
#include "apps/attestctl/field.h"
#include "apps/attestctl/metadata_publish.h"
#include "apps/attestctl/style.h"

namespace attest::ctl {
namespace {

Result<Exit> list(const Session& session) {
  TRY(Json answer, ask(session, {{"op", "metadata.list"}}, "waiting for the daemon"));
  if (session.json) return print_json(answer);
  for (const Json& item : list_of(answer, "metadata"))
    row(text_of(item, "type"), text_of(item, "name") + "  " + text_of(item, "version") + "  signed by \"" +
                                   text_of(item, "signer") + "\"  valid until " +
                                   text_of(item, "not_after").substr(0, 10) + "  " +
                                   short_or_whole(text_of(item, "digest"), session.verbose));
  const Json& set = field(answer, "set_list");
  if (set.is_object() && flag_of(set, "in_force"))
    row("set list", text_of(set, "name") + " number " + std::to_string(number_of(set, "sequence")) + "  valid until " +
                        text_of(set, "not_after").substr(0, 10));
  else
    row("set list", set.is_object() ? text_of(set, "name") + ": none is in force, nothing counts (attestctl status says why)"
                                    : "none: the newest versions count, and a rollback of everything at once would go unnoticed",
        set.is_object() ? Tone::bad : Tone::plain);
  for (const Json& problem : list_of(answer, "problems"))
    if (problem.is_string()) row("warning", problem.get<std::string>(), Tone::warn);
  if (list_of(answer, "metadata").empty()) row("none", "attestctl metadata import FILE");
  return settle(session, !list_of(answer, "problems").empty());
}

}  // namespace

void add_metadata_list(CLI::App& metadata, Session& session) {
  command(metadata, session, "list", "what the daemon holds in force", [](Session& s) { return list(s); });
}

void add_metadata(CLI::App& app, Session& session) {
  CLI::App* metadata = group(app, "metadata", "signed descriptions of what machines should run");
  add_metadata_create(*metadata, session);
  add_metadata_sign(*metadata, session);
  add_metadata_publish(*metadata, session);
  add_metadata_follow(*metadata, session);
  add_metadata_convert(*metadata, session);
  add_metadata_verify(*metadata, session);
  add_metadata_show(*metadata, session);
  add_metadata_import(*metadata, session);
  add_metadata_fetch(*metadata, session);
  add_metadata_list(*metadata, session);
  add_metadata_allow(*metadata, session);
}

}  // namespace attest::ctl
