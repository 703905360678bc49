// attestctl metadata import: verify signed items and put them in force on this machine.
#include "apps/attestctl/commands.h"
#include "apps/attestctl/field.h"
#include "apps/attestctl/files.h"
#include "apps/attestctl/metadata_store.h"
#include "apps/attestctl/style.h"
#include "evidence/metadata/jws.h"
#include "evidence/metadata/set_list.h"

namespace attest::ctl {
namespace {

Json document(const StoredItem& item) {
  return {{"name", item.name},
          {"version", item.version},
          {"digest", item.digest},
          {"path", item.path},
          {"new", item.fresh}};
}

Result<Exit> run(const Session& session, const std::vector<std::string>& files, bool no_reload) {
  TRY(MetadataStore store, MetadataStore::open(session.config));
  Json imported = Json::array();
  for (const std::string& file : files) {
    TRY(Bytes bytes, read_input(file, kMaxMetadataBytes));
    auto payload = unverified_payload(bytes);
    bool list = payload && parse_set_list(*payload);
    TRY(StoredItem item, list ? store.import_list(bytes) : store.import(bytes));
    if (!session.json)
      row(item.fresh ? "imported" : "held",
          item.name + " " + item.version + "   " + short_or_whole(item.digest, session.verbose));
    imported.push_back(document(item));
  }
  if (!no_reload) {
    TRY(Json answer, ask(session, {{"op", "reload"}}, "waiting for the daemon"));
    if (!session.json) row("reloaded", "in force from the next handshake on");
  }
  return session.json ? print_json({{"imported", imported}, {"reloaded", !no_reload}}) : Exit::accepted;
}

}  // namespace

void add_metadata_import(CLI::App& metadata, Session& session) {
  auto files = std::make_shared<std::vector<std::string>>();
  auto no_reload = std::make_shared<bool>(false);
  CLI::App* app = command(metadata, session, "import", "verify signed items and put them in force here",
                          [files, no_reload](Session& s) { return run(s, *files, *no_reload); });
  app->add_option("FILE", *files, "signed items")->required();
  app->add_flag("--no-reload", *no_reload,
                "only store them; the daemon reads them when it starts or reloads");
}

}  // namespace attest::ctl
