#include "cmcd-lite/server/config/state.h"

#include <unistd.h>

#include "evidence/core/file.h"
#include "evidence/core/printable.h"
#include "evidence/x509/certificate.h"

namespace attest {
namespace {

namespace fs = std::filesystem;

// read_key_rules replaces certificate paths by the keys in them. A file that cannot be read allows nothing.
void read_key_rules(std::vector<CallerRule>& rules, std::vector<std::string>& warnings) {
  for (CallerRule& rule : rules) {
    for (KeyRule& key : rule.keys) {
      if (key.kind != KeyRule::Kind::certificate) continue;
      auto certs = read_certificates(key.text);
      auto spki = certs && !certs->empty()
                      ? spki_sha256(certs->front())
                      : Result<Digest>(Error{Errc::io, certs ? "no certificate" : certs.error().what});
      if (spki)
        key.spki = *spki;
      else
        warnings.push_back("config.certificate: " + key.where + ": caller \"" + rule.name +
                           "\": " + spki.error().what);
    }
  }
}

Status load_policies(const fs::path& folder, State& state) {
  std::error_code error;
  fs::directory_iterator entries(folder, error);
  if (error) {
    state.warnings.push_back("policy.none: no policies, every peer is refused: " + folder.string() + ": " +
                             error.message());
    return ok();
  }
  for (const fs::directory_entry& entry : entries) {
    if (entry.path().extension() != ".json") continue;
    if (!entry.is_regular_file(error)) return Error{Errc::io, entry.path().string() + ": not a regular file"};  // a pipe would hold us up
    TRY(Policy policy, load_policy(entry.path()));
    policy.name = entry.path().stem().string();
    if (policy.observe)
      state.warnings.push_back("policy.observe: policy \"" + policy.name + "\" refuses nobody");
    std::string name = policy.name;
    state.policies.emplace(std::move(name), std::make_shared<const Policy>(std::move(policy)));
  }
  if (!state.policies.contains("default"))
    state.warnings.push_back("policy.none: there is no default.json in " + folder.string());
  return ok();
}

// ListChoice is what the set list says, where one is to be followed.
struct ListChoice {
  bool stop = false;  // nothing may count
  std::shared_ptr<const SetList> list;
};

ListChoice follow_list(const MetadataConfig& config, const std::vector<Bytes>& roots, const std::vector<Bytes>& crls, UnixTime now,
                       State& state) {
  if (config.set_list.empty()) return {};
  auto signers = TrustStore::make(roots, crls);
  auto followed = read_followed(state.config.set_memory(), config.set_list);
  FoundList found = signers ? choose_list(config.folder, config.set_list, *signers, followed, now)
                            : FoundList{nullptr, "set-list.missing: " + signers.error().what};
  if (!found.list) {
    state.warnings.push_back(found.why);
    return {true, nullptr};
  }
  state.follow = FollowedList{found.list->name, found.list->sequence, found.list->digest};
  return {false, std::move(found.list)};
}

template <class Read>
Result<std::vector<Bytes>> read_all(const std::vector<fs::path>& paths, Read read) {
  std::vector<Bytes> out;
  for (const fs::path& path : paths) {
    TRY(auto items, read(path));
    out.insert(out.end(), items.begin(), items.end());
  }
  return out;
}

Status load_metadata(const MetadataConfig& config, UnixTime now, State& state) {
  state.active = std::make_shared<const ActiveSet>();
  if (config.folder.empty()) return ok();
  TRY(std::vector<Bytes> roots, read_all(config.signers, read_certificates));
  TRY(std::vector<Bytes> crls, read_all(config.crls, read_crls));
  std::error_code ignored;
  fs::create_directory(config.folder, ignored);  // before the first import there is nothing to hold
  ListChoice choice = follow_list(config, roots, crls, now, state);
  if (choice.stop) return ok();
  TRY(ActiveSet active, ActiveSet::load(config.folder, roots, now, crls, std::move(choice.list)));
  for (const std::string& problem : active.problems())
    state.warnings.push_back("metadata.problem: " + problem);
  state.active = std::make_shared<const ActiveSet>(std::move(active));
  return ok();
}

// own_image: the image description named in the configuration, or the only one there is.
std::shared_ptr<const MetadataItem> own_image(const MetadataConfig& config, const ActiveSet& active) {
  if (!config.image.empty()) return active.find_name(MetadataType::image_description, config.image);
  std::shared_ptr<const MetadataItem> only;
  for (const auto& [key, item] : active.items()) {
    if (key.first != MetadataType::image_description) continue;
    if (only) return nullptr;
    only = item;
  }
  return only;
}

void find_own(State& state) {
  const MetadataConfig& config = state.config.metadata;
  auto image = own_image(config, *state.active);
  if (!image) {
    state.warnings.push_back(
        config.image.empty()
            ? "metadata.image: this machine has no image description to claim (metadata.image names it)"
            : "metadata.image: no image description \"" + config.image + "\" in force");
    return;
  }
  const Metadata& description = *image->metadata;
  state.own.image = description.name;
  state.own.items.push_back(image);
  for (const std::string& name : description.image.manifests) {
    auto manifest = state.active->find_name(MetadataType::manifest, name);
    if (manifest && state.own.items.size() < ReportContext::kMaxMetadata)
      state.own.items.push_back(std::move(manifest));
    else
      state.warnings.push_back("metadata.manifest: image description \"" + description.name +
                               "\" names manifest \"" + name + "\", which is not in force");
  }
}

Status load_machine_cert(State& state) {
  if (state.config.machine_cert.chain.empty()) return ok();
  auto chain = read_certificates(state.config.machine_cert.chain);
  if (!chain) {
    state.warnings.push_back("config.certificate: machine_cert: " + chain.error().what);
    return ok();
  }
  TRY(state.machine_spki, spki_sha256(chain->front()));
  state.machine_chain = std::move(*chain);
  return ok();
}

Status load_epochs(State& state) {
  for (const EpochConfig& epoch : state.config.epochs) {
    TRY(Bytes pem, read_file(epoch.key, 1 << 16));
    TRY(Bytes spki, read_distributor_key(pem));
    state.epochs.push_back({epoch.file, {sha256(View(spki)), spki}});
  }
  return ok();
}

}  // namespace

Result<std::shared_ptr<const Policy>> State::policy(std::string_view name) const {
  auto it = policies.find(name.empty() ? std::string_view("default") : name);
  if (it != policies.end()) return it->second;
  return Error{Errc::denied, "daemon.policy: no policy \"" + printable(name.empty() ? "default" : name) +
                                 "\" in " + config.policies.string()};
}

const std::vector<std::string>& State::socket_callers(std::string_view path) const {
  static const std::vector<std::string> everybody;
  auto it = std::ranges::find(config.sockets, path, &SocketConfig::path);
  return it == config.sockets.end() ? everybody : it->callers;
}

Status remember_list(const State& state) {
  if (!state.follow) return ok();
  auto known = read_followed(state.config.set_memory(), state.follow->name);
  if (known && *known && (*known)->sequence == state.follow->sequence && (*known)->digest == state.follow->digest) return ok();
  if (auto written = write_followed(state.config.set_memory(), *state.follow); !written)
    return Error{Errc::io, "set-list.memory: " + written.error().what};
  return ok();
}

Result<std::shared_ptr<const State>> load_state(const std::string& config_path, UnixTime now) {
  auto state = std::make_shared<State>();
  state->loaded = now;
  TRY(state->config, load_config(config_path));
  std::vector<CallerRule> rules = state->config.callers;
  read_key_rules(rules, state->warnings);
  state->access = Access(std::move(rules), geteuid());
  if (state->config.observe)
    state->warnings.push_back("policy.observe: \"observe\" is on: nobody is refused");
  CHECK_OK(load_policies(state->config.policies, *state));
  CHECK_OK(load_metadata(state->config.metadata, now, *state));
  if (!state->config.metadata.folder.empty()) find_own(*state);
  CHECK_OK(load_machine_cert(*state));
  CHECK_OK(load_epochs(*state));
  TRY(state->fleet, load_fleet(state->config.cmc, state->warnings));
  return std::shared_ptr<const State>(std::move(state));
}

bool listed(const Policy& policy, std::string_view peer, Role prover) {
  const PeerRule* rule = find_rule(policy, peer, prover);
  return rule != nullptr && rule->name != "*";
}

bool listed_by_any(const State& state, std::string_view peer, Role prover) {
  return !peer.empty() &&
         std::ranges::any_of(state.policies, [&](const auto& entry) { return listed(*entry.second, peer, prover); });
}

std::vector<Bytes> known_digests(const Policy& policy, const ActiveSet& active, std::string_view peer,
                                 Role prover) {
  if (!listed(policy, peer, prover)) return {};
  const PeerRule* rule = find_rule(policy, peer, prover);
  std::vector<Bytes> known;
  auto add = [&](const std::shared_ptr<const MetadataItem>& item) {
    if (item && known.size() < kMaxKnownDigests)
      known.push_back(to_bytes(item->digest.view().first(kMinKnownDigest)));
  };
  for (const std::string& name : rule->image_descriptions) {
    auto image = active.find_name(MetadataType::image_description, name);
    add(image);
    if (!image) continue;
    for (const std::string& manifest : (*image->metadata).image.manifests)
      add(active.find_name(MetadataType::manifest, manifest));
  }
  std::ranges::sort(known);
  known.erase(std::unique(known.begin(), known.end()), known.end());
  return known;
}

}  // namespace attest
