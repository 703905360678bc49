#include "apps/attestctl/doctor/examine.h"

#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "apps/attestctl/doctor/linkage.h"
#include "apps/attestctl/doctor/openssl_conf.h"
#include "apps/attestctl/files.h"
#include "evidence/core/printable.h"

namespace attest::ctl::doctor {
namespace {

namespace fs = std::filesystem;

constexpr auto kPatience = std::chrono::seconds(15);  // for one copy to meet us

// Trial is one run of a private copy against a plain peer.
struct Trial {
  Outcome outcome = Outcome::nothing;
  bool armed = false;  // the module was loaded and armed itself
};

// Examination is what the trials of one target share.
struct Examination {
  const Target& target;
  const Identity& identity;
  std::string folder;
  std::optional<User> user;

  Status write_files(const Plan& plan, const std::string& where) const {
    for (const auto& [name, text] : plan.files) CHECK_OK(write_output(where + "/" + name, as_view(text)));
    return ok();
  }

  Environment environment(const std::string& where, const std::string& conf) const {
    Environment env = target.env;
    env["PATH"] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    env["HOME"] = where;
    env["LC_ALL"] = "C.UTF-8";
    env.erase("OPENSSL_CONF");
    if (!conf.empty()) {
      env["OPENSSL_CONF"] = conf;
      env["ATTEST_DEBUG"] =
          "file:" + where + "/armed,level:1";  // a file that is made when the module arms itself
    }
    return env;
  }

  // run starts a copy with a configuration ("" for none) in a folder `name` of its own.
  Result<Trial> run(const std::string& name, const std::string& conf) const;
};

Result<Trial> Examination::run(const std::string& name, const std::string& conf) const {
  std::string where = folder + "/" + name;
  CHECK_OK(make_folder(where, 0777));
  if (chmod(where.c_str(), 0777) != 0) return Error{Errc::io, where + ": cannot be opened to others"};
  TRY(Listener listener, Listener::make());
  bool server = target.program->server;
  Ground ground{target.path, where,       server ? free_port() : listener.port(),
                &identity,   target.user, target.admin};
  if (conf.empty())  // what the administrator says about us means nothing without us
    std::erase_if(ground.admin,
                  [](const std::string& line) { return line.find("attest") != std::string::npos; });
  Plan plan = target.program->plan(ground);
  CHECK_OK(write_files(plan, where));
  Clock::time_point deadline = Clock::now() + kPatience;
  for (const auto& argv : plan.before)
    CHECK_OK(run_to_end({argv, environment(where, ""), where, where + "/log", user}, deadline));
  TRY(Child child, Child::start({plan.argv, environment(where, conf), where, where + "/log", user}));
  Opening opening = target.program->opening;
  Trial trial;
  trial.outcome = server ? knock(child, identity, ground.port, opening, deadline)
                         : listener.meet(child, identity, opening, deadline);
  std::error_code failed;
  trial.armed = fs::exists(where + "/armed", failed);
  return trial;
}

bool privileged(const std::string& path) {
  struct stat info {};
  if (stat(path.c_str(), &info) != 0) return false;
  char value[64];
  return (info.st_mode & (S_ISUID | S_ISGID)) != 0 ||
         getxattr(path.c_str(), "security.capability", value, sizeof value) > 0;
}

void add(Report& report, Level level, const char* id, const std::string& text, const std::string& remedy) {
  report.findings.push_back({level, id, text, remedy});
}

std::string last_words(const std::string& log) {
  std::vector<std::string> lines = read_lines(log);
  return lines.empty() ? "" : " (\"" + printable(lines.back()) + "\")";
}

// check_control: a copy without our configuration must reach the plain peer, else the other trials would say
// nothing.
bool check_control(const Examination& exam, Report& report) {
  Result<Trial> trial = exam.run("control", "");
  if (trial && trial->outcome == Outcome::completed) return true;
  add(report, Level::warn, "examination",
      "a private copy of it speaks no TLS even without our configuration" +
          (trial ? last_words(exam.folder + "/control/log") : " (" + trial.error().what + ")") +
          ": nothing can be said",
      "start it by hand with OPENSSL_CONF=" + report.configuration);
  return false;
}

void check_armed(const Examination& exam, const OpensslConf& conf, Report& report) {
  Result<Trial> trial = exam.run("configured", conf.path);
  if (!trial) return add(report, Level::warn, "examination", trial.error().what, "");
  const std::string& demand = exam.target.program->server ? conf.server : conf.client;
  report.armed = trial->armed;
  if (!trial->armed)
    add(report, Level::fail, "module.not-armed",
        trial->outcome == Outcome::completed || trial->outcome == Outcome::plaintext
            ? "the module does not load into it: it speaks plain TLS"
            : "the module does not load into it: it has no TLS at all",
        "see that the module is where OpenSSL looks for it (openssl version -m) and that user " +
            exam.target.user + " may read it and " + conf.path +
            "; a program that skips OpenSSL's configuration cannot attest");
  if (trial->armed && demand == "require" && trial->outcome == Outcome::completed)
    add(report, Level::fail, "demand.ignored",
        "it talks to a peer without evidence although evidence is required",
        "report this with the program's version");
  if (trial->outcome == Outcome::plaintext)
    add(report, Level::warn, "plaintext", "after a refused handshake it goes on in plain text",
        "PGSSLMODE=verify-full in its environment (sslmode=prefer is libpq's default)");
  if (demand == "prefer")
    add(report, Level::warn, "demand.prefer", "\"prefer\" judges and refuses nobody: it protects nothing",
        "write require in " + conf.path);
}

void check_without_module(const Examination& exam, const OpensslConf& conf, Report& report) {
  std::string copy = exam.folder + "/no-module.cnf";
  if (!write_output(copy, as_view(without_module(conf)), 0644)) return;
  Result<Trial> trial = exam.run("missing", copy);
  if (!trial) return add(report, Level::warn, "examination", trial.error().what, "");
  bool open = trial->outcome == Outcome::completed;
  bool plain = trial->outcome == Outcome::plaintext;
  report.without_module = open                          ? "plain TLS"
                          : plain                       ? "plain text"
                          : exam.target.program->server ? "does not serve"
                                                        : "no TLS";
  if (!open) return;
  bool haproxy_provider = std::ranges::any_of(exam.target.admin, [](const std::string& line) {
    return words(line).size() == 2 && words(line)[0] == "ssl-provider" && words(line)[1] == "default";
  });
  std::string remedy =
      conf.loads_default
          ? "take \"default\" out of the providers section of " + conf.path + ": the module loads it"
      : haproxy_provider ? "write \"ssl-provider attest\" before \"ssl-provider default\" in haproxy.cfg"
                         : "write \"Ciphersuites =\" into the [tls_default] section of " + conf.path;
  add(report, Level::fail, "module.missing", "without the module it speaks plain TLS and nobody notices",
      remedy);
}

// check_socket: the daemon's socket as the program will see it.
void check_socket(const Target& target, const OpensslConf& conf, Report& report) {
  std::string seen = target.chroot + conf.socket;
  std::error_code failed;
  if (fs::is_socket(seen, failed)) return;
  if (!target.chroot.empty())
    return add(report, Level::fail, "socket.chroot",
               "chroot " + target.chroot + " hides the socket: every handshake fails closed",
               "add a listener in cmcd.json: \"sockets\": [ …, {\"path\": \"" + seen + "\"} ]");
  add(report, Level::warn, "socket.missing", "no daemon at " + conf.socket + ": every handshake fails closed",
      "systemctl start cmcd-lite, or correct attest-socket in " + conf.path);
}

void examine_configured(const Examination& exam, const OpensslConf& conf, Report& report) {
  check_socket(exam.target, conf, report);
  if (privileged(exam.target.path))
    add(report, Level::fail, "program.privileged",
        "setuid or with capabilities of its file: OpenSSL ignores OPENSSL_CONF in it",
        "give the unit AmbientCapabilities instead");
  if (!check_control(exam, report)) return;
  check_armed(exam, conf, report);
  check_without_module(exam, conf, report);
}

}  // namespace

Level Report::level() const {
  if (armed == std::nullopt && findings.empty()) return Level::off;
  Level worst = armed == std::nullopt ? Level::off : Level::ok;
  for (const Finding& finding : findings) worst = std::max(worst, finding.level);
  return worst;
}

Report examine(const Target& target, const Identity& identity, const std::string& folder) {
  Report report;
  report.program = target.program->name;
  report.path = target.path;
  report.unit = target.unit;
  report.source = target.source;
  Linkage linkage = find_linkage(target, folder);
  report.openssl = linkage.text;
  auto named = target.env.find("OPENSSL_CONF");
  if (named != target.env.end()) report.configuration = named->second;
  for (const std::string& obstacle : target.obstacles)
    if (!report.configuration.empty() || obstacle.starts_with("OPENSSL_CONF"))
      add(report, Level::fail, "obstacle", obstacle.substr(0, obstacle.find(": ")),
          obstacle.substr(std::min(obstacle.find(": ") + 2, obstacle.size())));
  if (report.configuration.empty()) return report;
  if (!linkage.usable) {
    add(report, Level::fail, "library", "it uses " + linkage.text + ": our configuration means nothing to it",
        "use a build on OpenSSL 3");
    return report;
  }
  Result<OpensslConf> conf = read_conf(report.configuration);
  if (!conf || conf->section.empty()) {
    add(report, Level::fail, "configuration",
        !conf ? report.configuration + " cannot be read" : report.configuration + " names no provider attest",
        "point OPENSSL_CONF in " + report.source + " to a file like /etc/attest/openssl.cnf");
    return report;
  }
  std::string user = target.user;
  examine_configured({target, identity, folder, user.empty() ? std::nullopt : find_user(user)}, *conf,
                     report);
  return report;
}

}  // namespace attest::ctl::doctor
