// attestctl publish: send what the daemon queued: results, OCSF findings, network events. A process of its own, so that the
// daemon needs no network.
#include <fcntl.h>
#include <sys/file.h>

#include <cstdio>
#include <filesystem>
#include <thread>

#include "apps/attestctl/commands.h"
#include "apps/attestctl/publish/lane.h"
#include "apps/attestctl/style.h"
#include "evidence/core/fd.h"

namespace attest::ctl {
namespace {

constexpr std::size_t kTurn = 256;  // texts of one target before the next has its turn
constexpr std::chrono::milliseconds kLook{1000};

Result<publish::Config> read_publishing(const std::string& path) {
  TRY(ConfigFile file, read_config(path));
  Object root = file.root();
  publish::Config config = publish::read_publish(root, root.string("state_dir", "/var/lib/attest"));
  if (config.targets.empty()) return Error{Errc::denied, path + ": \"publish\" names no target, or none that is allowed"};
  return config;
}

std::vector<std::string> texts(const std::vector<std::filesystem::path>& paths) {
  std::vector<std::string> out;
  for (const auto& path : paths) out.push_back(path.string());
  return out;
}

// only_one: two senders would deliver everything twice.
Result<OwnedFd> only_one(const publish::Config& config) {
  std::error_code ignored;
  std::filesystem::create_directories(config.queue, ignored);
  std::string path = (config.queue / "sender.lock").string();
  OwnedFd fd(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd) return Error{Errc::io, path + ": cannot be opened"};
  if (flock(fd.get(), LOCK_EX | LOCK_NB) != 0) return Error{Errc::denied, "publish: another sender is at work"};
  return fd;
}

// tell says what changed with a target, not every second the same.
void tell(const Lane& lane, std::string& told) {
  std::string now = lane.problem().empty() ? "" : lane.name() + ": " + lane.problem();
  if (now != told)
    std::fprintf(stderr, "attestctl publish: %s\n", now.empty() ? (lane.name() + ": delivers again").c_str() : now.c_str());
  told = now;
}

Exit summary(const Session& session, const std::vector<Lane>& lanes) {
  bool all = true;
  Json document = Json::array();
  for (const Lane& lane : lanes) {
    all = all && lane.empty();
    document.push_back({{"target", lane.name()}, {"delivered", lane.delivered()}, {"refused", lane.refused()},
                        {"empty", lane.empty()}, {"problem", lane.problem()}});
    if (!session.json)
      row(lane.name(), std::to_string(lane.delivered()) + " delivered" +
                           (lane.refused() > 0 ? ", " + std::to_string(lane.refused()) + " refused" : "") +
                           (lane.empty() ? "" : ", more wait: " + lane.problem()));
  }
  if (session.json) print_json({{"targets", document}});
  return all ? Exit::accepted : Exit::cannot_tell;
}

Result<Exit> run(const Session& session, bool once) {
  TRY(publish::Config config, read_publishing(session.config));
  TRY(OwnedFd lock, only_one(config));
  HttpOptions options{texts(config.roots), config.cert.string(), config.key.string(), std::chrono::seconds(config.seconds), 1 << 20};
  TRY(HttpClient client, HttpClient::make(std::move(options)));
  std::vector<Lane> lanes;
  for (const publish::Target& target : config.targets) {
    TRY(Lane lane, Lane::make(config, target, client));
    lanes.push_back(std::move(lane));
  }
  std::vector<std::string> told(lanes.size());
  if (once) {
    for (Lane& lane : lanes) lane.drain(SIZE_MAX, std::chrono::steady_clock::now());
    return summary(session, lanes);
  }
  for (;;) {
    for (std::size_t i = 0; i < lanes.size(); i++) {
      auto now = std::chrono::steady_clock::now();
      if (lanes[i].due(now)) lanes[i].drain(kTurn, now);
      tell(lanes[i], told[i]);
    }
    std::this_thread::sleep_for(kLook);
  }
}

}  // namespace

void add_publish(CLI::App& app, Session& session) {
  auto once = std::make_shared<bool>(false);
  CLI::App* publish = command(app, session, "publish", "send queued verdicts to the targets that cmcd.json names",
                              [once](Session& s) { return run(s, *once); });
  publish->add_flag("--once", *once, "send what waits now and end: exit code 3 if something is left");
}

}  // namespace attest::ctl
