// attestctl setup: the files a machine needs, written once, with what it found out by itself.
#include <pwd.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>

#include "apps/attestctl/authority.h"
#include "apps/attestctl/commands.h"
#include "apps/attestctl/files.h"
#include "apps/attestctl/setup_files.h"
#include "apps/attestctl/style.h"
#include "evidence/x509/certificate.h"

namespace attest::ctl {
namespace {

namespace fs = std::filesystem;

struct Options {
  SetupPlan plan;
  std::string ca, metadata_root, ak_root;
  std::string daemon_user = "attest";
  std::vector<std::string> services;  // LABEL=USER
  bool dry_run = false;
  bool force = false;
};

enum class State { fresh, same, different };

std::optional<uid_t> uid_of(const std::string& user) {
  passwd entry{};
  passwd* found = nullptr;
  std::array<char, 16384> buffer{};
  if (getpwnam_r(user.c_str(), &entry, buffer.data(), buffer.size(), &found) != 0 || !found)
    return std::nullopt;
  return entry.pw_uid;
}

bool exists(const std::string& path) {
  std::error_code failed;
  return fs::exists(path, failed);
}

// known_services: the service users of this machine whose program is installed.
std::vector<Service> known_services() {
  constexpr struct {
    const char *program, *label, *user;
  } known[] = {
      {"/usr/sbin/nginx", "nginx", "www-data"},
      {"/usr/sbin/apache2", "apache", "www-data"},
      {"/usr/bin/pg_ctlcluster", "postgresql", "postgres"},
      {"/usr/sbin/haproxy", "haproxy", "haproxy"},
      {"/usr/bin/stunnel4", "stunnel", "stunnel4"},
      {"/usr/bin/redis-server", "redis", "redis"},
  };
  std::vector<Service> found;
  for (const auto& one : known) {
    bool taken = std::ranges::find(found, one.user, &Service::user) != found.end();
    if (!taken && exists(one.program) && uid_of(one.user)) found.push_back({one.label, one.user});
  }
  return found;
}

Status read_services(Options& options) {
  if (options.services.empty()) options.plan.services = known_services();
  for (const std::string& text : options.services) {
    std::size_t at = text.find('=');
    if (at == std::string::npos)
      return Error{Errc::denied, "--service " + text + ": write LABEL=USER, for example nginx=www-data"};
    std::string user = text.substr(at + 1);
    if (!uid_of(user)) return Error{Errc::denied, "--service " + text + ": this machine has no user " + user};
    options.plan.services.push_back({text.substr(0, at), user});
  }
  return ok();
}

// find_out completes the plan; the texts returned are warnings.
Result<std::vector<std::string>> find_out(Options& options) {
  std::vector<std::string> warnings;
  SetupPlan& plan = options.plan;
  for (std::string* path : {&plan.etc, &plan.state, &plan.socket})
    *path = fs::absolute(*path).lexically_normal().string();
  CHECK_OK(read_services(options));
  if (plan.tcti == SetupPlan{}.tcti && !exists("/dev/tpmrm0"))
    warnings.push_back(
        "this machine shows no TPM (/dev/tpmrm0): the daemon will start without one and say so");
  if (!exists(plan.event_log))
    warnings.push_back("no boot log at " + plan.event_log + " (is securityfs mounted?)");
  if (!plan.ima_list.empty() && !exists(plan.ima_list)) {
    warnings.push_back("no IMA list at " + plan.ima_list +
                       ": files are not measured (kernel argument ima_policy=tcb)");
    plan.ima_list.clear();
  }
  auto uid = uid_of(options.daemon_user);
  if (uid)
    plan.daemon_uid = *uid;
  else
    warnings.push_back("no user \"" + options.daemon_user +
                       "\" (systemd-sysusers makes it): programs will not check who runs the daemon");
  return warnings;
}

Result<std::string> read_root(const Options& options, const std::string& given, const char* name) {
  if (given.empty() && options.ca.empty())
    return Error{
        Errc::denied,
        "setup needs the two root certificates: --ca DIR, or --metadata-root FILE and --ak-root FILE"};
  std::string path = given.empty() ? options.ca + "/" + name : given;
  TRY(std::vector<Bytes> certificates, read_certificates(path));
  return certificates_to_pem(certificates);
}

State state_of(const PlannedFile& file) {
  if (!exists(file.path)) return State::fresh;
  Result<Bytes> bytes = read_input(file.path);
  return bytes && as_text(*bytes) == file.text ? State::same : State::different;
}

const char* state_text(State state, bool force) {
  if (state == State::fresh) return "new";
  if (state == State::same) return "unchanged";
  return force ? "replaced, the old one is kept as .old" : "kept: it differs (--force replaces it)";
}

Status write_one(const PlannedFile& file, State state, bool force) {
  if (state == State::same || (state == State::different && !force)) return ok();
  std::error_code failed;
  if (state == State::different) fs::rename(file.path, file.path + ".old", failed);
  if (failed) return Error{Errc::io, file.path + ": cannot be kept as .old: " + failed.message()};
  CHECK_OK(make_folder(fs::path(file.path).parent_path()));
  return create_new(file.path, as_view(file.text), file.mode);
}

Status make_state(const Options& options) {
  const SetupPlan& plan = options.plan;
  CHECK_OK(make_folder(plan.state, 0700));
  CHECK_OK(make_folder(plan.state + "/metadata", 0700));
  CHECK_OK(make_folder(fs::path(plan.socket).parent_path()));
  if (!plan.daemon_uid || geteuid() != 0) return ok();
  for (const std::string& folder : {plan.state, plan.state + "/metadata"})
    if (chown(folder.c_str(), *plan.daemon_uid, static_cast<gid_t>(-1)) != 0)
      return Error{Errc::io, folder + ": cannot be given to " + options.daemon_user};
  return ok();
}

void show(const Options& options, const std::vector<PlannedFile>& files, const std::vector<State>& states,
          const std::vector<std::string>& warnings) {
  const SetupPlan& plan = options.plan;
  row("machine", "TPM " + plan.tcti + " · boot log " + (exists(plan.event_log) ? "found" : "missing") +
                     " · IMA " + (plan.ima_list.empty() ? "off" : "on") + " · image \"" + plan.image + "\"");
  std::string label = options.dry_run ? "plan" : "write";
  for (std::size_t i = 0; i < files.size(); i++)
    row(i == 0 ? label : "", files[i].path + "  (" + state_text(states[i], options.force) + ")");
  row("", plan.state + "/  (the daemon's own)");
  for (const std::string& warning : warnings) row("warning", warning, Tone::warn);
}

// show_undo names what was not there before, and nothing else.
void show_undo(const std::vector<PlannedFile>& files, const std::vector<State>& states,
               const std::string& new_state) {
  std::string undo = new_state.empty() ? "" : " " + new_state;
  for (std::size_t i = 0; i < files.size(); i++)
    if (states[i] == State::fresh) undo += " " + files[i].path;
  if (!undo.empty()) row("undo", "rm -r" + undo);
}

void print_document(const Options& options, const std::vector<PlannedFile>& files,
                    const std::vector<State>& states, const std::vector<std::string>& warnings) {
  Json list = Json::array();
  for (std::size_t i = 0; i < files.size(); i++)
    list.push_back({{"path", files[i].path}, {"state", state_text(states[i], options.force)}});
  print_json({{"files", list},
              {"state_dir", options.plan.state},
              {"socket", options.plan.socket},
              {"warnings", warnings},
              {"written", !options.dry_run}});
}

Result<Exit> run(const Session& session, Options options) {
  if (!session.socket.empty()) options.plan.socket = session.socket;
  TRY(std::vector<std::string> warnings, find_out(options));
  TRY(std::string metadata_root, read_root(options, options.metadata_root, kMetadataRoot));
  TRY(std::string ak_root, read_root(options, options.ak_root, kAkRoot));
  TRY(std::vector<PlannedFile> files, plan_files(options.plan, metadata_root, ak_root));
  std::vector<State> states;
  for (const PlannedFile& file : files) states.push_back(state_of(file));
  std::string new_state = exists(options.plan.state) ? "" : options.plan.state;
  if (!session.json) show(options, files, states, warnings);
  if (!options.dry_run) {
    CHECK_OK(make_state(options));
    for (std::size_t i = 0; i < files.size(); i++) CHECK_OK(write_one(files[i], states[i], options.force));
  }
  if (session.json) print_document(options, files, states, warnings);
  if (!session.json && !options.dry_run) {
    show_undo(files, states, new_state);
    row("next", "systemctl start cmcd-lite, then attestctl enroll request > req.json");
  }
  return settle(session, !warnings.empty());
}

void add_found_options(CLI::App* app, SetupPlan& plan) {
  app->add_option("--tcti", plan.tcti, "how to reach the TPM")->capture_default_str();
  app->add_option("--ak-handle", plan.ak_handle, "persistent handle of the attestation key")
      ->capture_default_str();
  app->add_option("--ak-algorithm", plan.ak_algorithm, "ec-p256, ec-p384, rsa-2048 or rsa-3072")
      ->capture_default_str();
  app->add_option("--event-log", plan.event_log, "the firmware's event log")->capture_default_str();
  app->add_option("--ima-list", plan.ima_list, "IMA's list; \"\" for none")->capture_default_str();
  app->add_option("--ima-entries", plan.ima_entries, "who is told names of files that no reference lists: accepted peers, anyone")
      ->check(CLI::IsMember({"accepted", "anyone"}))
      ->capture_default_str();
  app->add_option("--module", plan.module, "path of attest.so where OpenSSL does not find it by itself");
}

}  // namespace

void add_setup(CLI::App& app_, Session& session) {
  auto options = std::make_shared<Options>();
  CLI::App* app = command(app_, session, "setup", "write this machine's configuration and say how to undo it",
                          [options](Session& s) { return run(s, *options); });
  SetupPlan& plan = options->plan;
  const CLI::Validator modes = CLI::IsMember({"require", "prefer", "off"});
  app->add_option("--ca", options->ca, "folder with the authority's root certificates");
  app->add_option("--metadata-root", options->metadata_root,
                  "root of the metadata signers (instead of --ca)");
  app->add_option("--ak-root", options->ak_root, "root of the attestation keys (instead of --ca)");
  app->add_option("--image", plan.image, "image description this machine claims to be")
      ->capture_default_str();
  app->add_option("--peer-image", plan.peer_images,
                  "image description a peer may claim (may be repeated; default: --image)");
  app->add_option("--etc", plan.etc, "where configuration goes")->capture_default_str();
  app->add_option("--state", plan.state, "where the daemon keeps its own")->capture_default_str();
  app->add_option("--service", options->services,
                  "LABEL=USER: a service that attests (default: what is installed)");
  app->add_option("--daemon-user", options->daemon_user, "the user the daemon runs as")
      ->capture_default_str();
  app->add_option("--server-demands", plan.server_demands, "what servers here demand of clients")
      ->capture_default_str()
      ->check(modes);
  app->add_option("--client-demands", plan.client_demands, "what clients here demand of servers")
      ->capture_default_str()
      ->check(modes);
  add_found_options(app, plan);
  app->add_flag("--allow-raw", plan.allow_raw,
                "let root have any nonce attested (attestctl generate); it can speak for any channel");
  app->add_flag("--dry-run", options->dry_run, "only show what would be done");
  app->add_flag("--force", options->force, "replace files that differ (the old ones are kept as .old)");
}

}  // namespace attest::ctl
