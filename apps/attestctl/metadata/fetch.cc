// attestctl metadata fetch: get signed items from their sources, verify them and put the newest in force here. The daemon's
// folder is the cache: what a source does not yield today is still there.
#include <map>

#include "apps/attestctl/commands.h"
#include "apps/attestctl/files.h"
#include "apps/attestctl/metadata/sources.h"
#include "apps/attestctl/metadata_store.h"
#include "apps/attestctl/style.h"
#include "evidence/x509/chain.h"

namespace attest::ctl {
namespace {

struct Options {
  std::vector<std::string> sources, server_roots;
  std::int64_t seconds = 60;
  bool no_reload = false;
};

// newest keeps of each type and name the newest item that verifies; the others are told in problems.
std::vector<MetadataItem> newest(Fetched& fetched, const std::vector<Bytes>& roots) {
  std::map<std::pair<MetadataType, std::string>, MetadataItem> held;
  auto store = TrustStore::make(roots);
  if (!store) fetched.problems.push_back(store.error().what);
  for (std::size_t i = 0; store && i < fetched.items.size(); i++) {
    Result<MetadataItem> item = verify_metadata(fetched.items[i], *store, wall_clock_now());
    if (!item) {
      fetched.problems.push_back("item " + std::to_string(i + 1) + ": " + item.error().what);
      continue;
    }
    auto key = std::pair(item->metadata->type, item->metadata->name);
    auto at = held.find(key);
    if (at == held.end())
      held.emplace(key, *std::move(item));
    else if (at->second.metadata->version_time < item->metadata->version_time)
      at->second = *std::move(item);
  }
  std::vector<MetadataItem> out;
  for (auto& [key, item] : held) out.push_back(std::move(item));
  return out;
}

Result<Json> store_all(const Session& session, const MetadataStore& store, const std::vector<MetadataItem>& items) {
  Json stored = Json::array();
  for (const MetadataItem& item : items) {
    TRY(StoredItem done, store.import(item.bytes));
    if (!session.json)
      row(done.fresh ? "fetched" : "held", done.name + " " + done.version + "   " + short_or_whole(done.digest, session.verbose));
    stored.push_back({{"name", done.name}, {"version", done.version}, {"digest", done.digest}, {"new", done.fresh}});
  }
  return stored;
}

bool any_new(const Json& stored) {
  return std::ranges::any_of(stored, [](const Json& item) { return item["new"].get<bool>(); });
}

Result<Exit> run(const Session& session, const Options& options) {
  TRY(MetadataStore store, MetadataStore::open(session.config));
  std::vector<std::string> sources = options.sources.empty() ? store.config().sources : options.sources;
  if (sources.empty()) return usage(session, "metadata fetch: name a SOURCE, or \"sources\" of \"metadata\" in cmcd.json");
  HttpOptions http;
  http.roots = options.server_roots.empty() ? store.config().source_roots : options.server_roots;
  http.max_body = kMaxInput;
  TRY(HttpClient client, HttpClient::make(std::move(http)));
  FetchLimits limits;
  limits.deadline = std::chrono::seconds(options.seconds);
  Fetched fetched = fetch(sources, client, limits);
  std::vector<MetadataItem> items = newest(fetched, store.roots());
  TRY(Json stored, store_all(session, store, items));
  bool reload = !options.no_reload && any_new(stored);
  if (reload) {
    TRY(Json answer, ask(session, {{"op", "reload"}}, "waiting for the daemon"));
  }
  if (session.json) print_json({{"fetched", stored}, {"problems", fetched.problems}, {"reloaded", reload}});
  for (const std::string& problem : fetched.problems)
    if (!session.json) row("warning", problem, Tone::warn);
  if (fetched.good_sources == 0) return Exit::cannot_tell;
  return settle(session, !fetched.problems.empty());
}

}  // namespace

void add_metadata_fetch(CLI::App& metadata, Session& session) {
  auto options = std::make_shared<Options>();
  CLI::App* app = command(metadata, session, "fetch", "get signed items from their sources and put them in force here",
                          [options](Session& s) { return run(s, *options); });
  app->add_option("SOURCE", options->sources, "file://, https:// or blob:// (default: those of cmcd.json)");
  app->add_option("--server-root", options->server_roots, "root certificate of web servers (default: cmcd.json, then the system's)");
  app->add_option("--seconds", options->seconds, "for all that comes over a network")->capture_default_str()->check(CLI::Range(1, 3600));
  app->add_flag("--no-reload", options->no_reload, "only store them");
}

}  // namespace attest::ctl
