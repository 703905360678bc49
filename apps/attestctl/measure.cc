// attestctl measure: a container as one component: its configuration, normalised, and its root file system. As a reference
// value for a manifest, or told to the agent of this machine.
#include <filesystem>

#include "apps/attestctl/commands.h"
#include "apps/attestctl/field.h"
#include "apps/attestctl/files.h"
#include "apps/attestctl/metadata/output.h"
#include "apps/attestctl/style.h"
#include "cmcd-lite/client/cmc_connection.h"
#include "evidence/container/event.h"
#include "evidence/container/rootfs.h"
#include "evidence/core/hex.h"
#include "evidence/json/canonical.h"

namespace attest::ctl {
namespace {

namespace fs = std::filesystem;

struct Options {
  std::string config, rootfs, name, id, anchor = "SW", agent;
  std::int64_t index = 0;
  bool env_digests = false, with_config = false, env_clear = false, optional = false;
  OutputOptions output;
};

// rootfs_of: as given, or where the configuration says, beside it.
std::string rootfs_of(const Options& options, const Json& config) {
  if (!options.rootfs.empty()) return options.rootfs;
  std::string path = text_of(field(config, "root"), "path");
  return path.empty() ? "" : (fs::path(options.config).parent_path() / path).string();
}

// resolve follows the links a hook's program is named by (docker's leads into /proc, while its process lives).
std::string resolve(const std::string& path) {
  std::error_code failed;
  fs::path target = fs::canonical(path, failed);
  return failed ? path : target.string();
}

// Measured is a container, and its configuration in clear.
struct Measured {
  container::Measurement measurement;
  Json config;
};

Result<Measured> measure(const Options& options) {
  TRY(Bytes bytes, read_input(options.config));
  TRY(Json config, read_strict_json(bytes));
  std::string rootfs = rootfs_of(options, config);
  if (rootfs.empty()) return Error{Errc::denied, options.config + ": names no root file system; give --rootfs DIR"};
  container::Naming naming{options.id, resolve, options.env_digests ? container::Environment::digests : container::Environment::clear};
  TRY(Json normal, container::normalise_config(config, naming));
  container::Measurement measured{options.name, options.index, options.anchor, {}, {}};
  TRY(measured.config, container::config_digest(normal));
  TRY(measured.rootfs, container::rootfs_digest(rootfs));
  return Measured{std::move(measured), std::move(normal)};
}

// tell_agent has the container recorded. The agent needs the configuration as it was hashed; it keeps it without the values
// of variables, which leave this process over a Unix socket alone.
Result<Exit> tell_agent(const Session& session, const Options& options, Measured measured) {
  if (options.agent.starts_with("tcp://")) return Error{Errc::denied, "--agent: environment values do not go over a network; use unix://PATH"};
  cmc::ApiRequest request;
  request.call = cmc::Call::measure;
  request.event = container::make_event(measured.measurement, measured.config);
  CmcClientOptions agent;
  agent.address = options.agent;
  agent.encoding = options.output.encoding();
  TRY(cmc::ApiResponse answer, cmc_call(agent, request));
  if (!answer.success) return Error{Errc::denied, "the agent did not record the container; its log says why"};
  std::string digest = to_hex(request.event.hashes[0].content);
  if (session.json) return print_json({{"recorded", true}, {"sha256", digest}});
  row("recorded", options.name + "   " + short_or_whole(digest, session.verbose));
  return Exit::accepted;
}

Result<Exit> run(const Session& session, const Options& options) {
  TRY(Measured measured, measure(options));
  if (!options.agent.empty()) return tell_agent(session, options, std::move(measured));
  if (!options.env_clear) container::redact_environment(measured.config);
  bool with_config = options.with_config || options.env_clear;
  cmc::Component component = container::make_reference(measured.measurement, with_config ? measured.config : Json());
  component.optional = options.optional;
  cmc::Encoding encoding = options.output.encoding();
  auto sink = cmc::make_sink(encoding);
  cmc::write_component(*sink, component);
  CHECK_OK(write_output(options.output.out, shown_bytes(sink->finish(), encoding)));
  if (options.output.out.empty() || options.output.out == "-") return Exit::accepted;
  std::string config = to_hex(component.ctr->config_sha256), rootfs = to_hex(component.ctr->rootfs_sha256);
  std::string whole = to_hex(container::template_digest(component.ctr->config_sha256, component.ctr->rootfs_sha256).view());
  if (session.json) return print_json({{"file", options.output.out}, {"sha256", whole}, {"config", config}, {"rootfs", rootfs}});
  row("container", component.name + "   " + short_or_whole(whole, session.verbose));
  row("config", short_or_whole(config, session.verbose));
  row("rootfs", short_or_whole(rootfs, session.verbose));
  row("next", "attestctl metadata create manifest --components " + options.output.out);
  return Exit::accepted;
}

}  // namespace

void add_measure(CLI::App& app, Session& session) {
  auto options = std::make_shared<Options>();
  CLI::App* measure = command(app, session, "measure", "measure a container: configuration and root file system",
                              [options](Session& s) { return run(s, *options); });
  measure->add_option("CONFIG", options->config, "its config.json (OCI runtime specification)")->required();
  measure->add_option("--rootfs", options->rootfs, "its root file system (default: root.path of the configuration)");
  measure->add_option("--name", options->name, "its name")->required();
  measure->add_option("--id", options->id, "its id, which differs from start to start");
  measure->add_option("--index", options->index, "register of the machine's container log")->check(CLI::Range(0, 65535));
  measure->add_option("--anchor", options->anchor, "cmc.ta: what proves it")->check(CLI::IsMember({"SW", "TPM"}));
  measure->add_flag("--env-digests", options->env_digests,
                    "measure digests of environment values, so that rules about them can be judged (not CMC's form)");
  measure->add_flag("--with-config", options->with_config, "add the normalised configuration, values of variables redacted");
  measure->add_flag("--env-clear", options->env_clear,
                    "add it with the values of variables in clear: CMC's own verifiers need them (never with secrets in them)");
  measure->add_flag("--optional", options->optional, "as a reference: the container need not run");
  measure->add_option("--agent", options->agent, "have this machine's agent record it (Measure): unix://PATH");
  add_output(*measure, options->output);
}

}  // namespace attest::ctl
