#include "test/support/machine_daemon.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <fstream>

#include "evidence/json/reader.h"

namespace attest::test {
namespace {

CertSpec valid_now(const std::string& common_name) {
  CertSpec spec;
  spec.common_name = common_name;
  spec.not_before = wall_clock_now() - kDay;
  spec.not_after = wall_clock_now() + 365 * kDay;
  return spec;
}

}  // namespace

Authority::Authority() {
  CertSpec root = valid_now("Metadata Root");
  root.extensions = {{"basicConstraints", "critical,CA:TRUE"},
                     {"keyUsage", "critical,keyCertSign,cRLSign"},
                     {"subjectKeyIdentifier", "hash"}};
  root_ = issue(nullptr, root);
  CertSpec signer = valid_now("Example Ops");
  signer.extensions = {{"keyUsage", "digitalSignature"},
                       {"extendedKeyUsage", "codeSigning"},
                       {"authorityKeyIdentifier", "keyid"}};
  signer_ = issue(&root_, signer);
}

std::string Authority::sign(Metadata metadata) const {
  metadata.not_before = wall_clock_now() - kDay;
  metadata.not_after = wall_clock_now() + 30 * kDay;
  return sign_item(with_version(std::move(metadata), wall_clock_now() - 3600), signer_);
}

TestCert leaf(const std::string& common_name) { return issue(nullptr, valid_now(common_name)); }

MachineDaemon::MachineDaemon(const Authority& authority) : authority_(authority) {
  ::chmod(dir_.path().c_str(), 0755);
  for (const char* folder : {"policies", "metadata"}) std::filesystem::create_directory(path(folder));
  write("signers.pem", authority.root().pem());
}

void MachineDaemon::write(const std::string& name, std::string_view text) const {
  std::ofstream(path(name)) << text;
}

std::string MachineDaemon::write_config() const {
  std::string folder = dir_.path();
  write("cmcd.json", "{\"state_dir\": \"" + folder + "\", \"sockets\": [{\"path\": \"" + socket() +
                         "\"}],\n\"callers\": [" + callers + "],\n" + members +
                         "\n\"metadata\": {" + metadata_members + "\"folder\": \"metadata\", \"signers\": [\"signers.pem\"]}, "
                         "\"policies\": \"policies\",\n" +
                         limits + "}\n");
  return path("cmcd.json");
}

bool MachineDaemon::start(OpenDrivers open) {
  ::setenv("TSS2_LOG", "all+NONE", 0);
  Daemon::Options options;
  options.config = write_config();
  options.open = std::move(open);
  options.clock = clock;
  options.log = [this](const std::string& text) {
    std::lock_guard lock(log_mutex_);
    log_ += text + "\n";
  };
  auto daemon = Daemon::make(std::move(options));
  EXPECT_TRUE(daemon) << daemon.error().what;
  if (!daemon) return false;
  daemon_ = std::move(*daemon);
  thread_ = std::thread([this] { daemon_->run(); });
  return true;
}

void MachineDaemon::stop() {
  if (!daemon_) return;
  daemon_->stop();
  thread_.join();
  daemon_.reset();
}

bool MachineDaemon::ready() {
  for (int i = 0; i < 1500; i++) {
    TpmStatus status = daemon_->tpm_status();
    if (status.state == "ready" && status.quotes + status.problem.size() > 0) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return false;
}

namespace {

ClientOptions patient(const std::string& socket) {
  ClientOptions options;
  options.socket = socket;
  options.quote_timeout = std::chrono::milliseconds(30000);
  options.judge_timeout = std::chrono::milliseconds(30000);
  return options;
}

}  // namespace

Connection MachineDaemon::connect() const {
  auto connection = Connection::open(patient(socket()));
  EXPECT_TRUE(connection) << connection.error().what;
  if (!connection) std::abort();
  return *std::move(connection);
}

// The system call changes the user of this thread alone, unlike the function of the C library.
Result<Connection> MachineDaemon::connect_as(uid_t uid) const {
  Result<Connection> made = Error{Errc::denied, "the test cannot become uid " + std::to_string(uid)};
  std::thread([&] {
    if (::syscall(SYS_setresuid, -1, uid, -1) != 0) return;
    made = Connection::open(patient(socket()));
  }).join();
  return made;
}

std::string MachineDaemon::control(const std::string& json) const {
  Connection connection = connect();
  auto answer = connection.control(json, std::chrono::seconds(30));
  return answer ? *answer : "error: " + answer.error().what;
}

std::string MachineDaemon::log() const {
  std::lock_guard lock(log_mutex_);
  return log_;
}

std::string member_text(const std::string& json, std::string_view name) {
  JsonReader reader(json);
  std::string found;
  reader.object([&](std::string_view key) {
    if (key == name && reader.kind() == JsonReader::Kind::string)
      found = reader.text();
    else
      reader.skip();
  });
  return found;
}

std::string member_raw(const std::string& json, std::string_view name) {
  std::size_t at = json.find("\"" + std::string(name) + "\":");
  if (at == std::string::npos) return "";
  std::size_t begin = at + name.size() + 3;
  int depth = 0;
  bool quoted = false;
  for (std::size_t i = begin; i < json.size(); i++) {
    char c = json[i];
    if (c == '\\' && quoted)
      i++;
    else if (c == '"')
      quoted = !quoted;
    else if (!quoted && (c == '{' || c == '['))
      depth++;
    else if (!quoted && (c == '}' || c == ']') && --depth < 0)
      return json.substr(begin, i - begin);
    else if (!quoted && c == ',' && depth == 0)
      return json.substr(begin, i - begin);
  }
  return json.substr(begin);
}

BinderInputs shake(Role prover, View request, View leaf_der) {
  BinderInputs inputs;
  inputs.prover = prover;
  inputs.client_random.fill(1);
  inputs.server_random.fill(2);
  inputs.cipher = 0x1301;
  inputs.group = 29;
  inputs.client_share = Bytes(32, 3);
  inputs.server_share = Bytes(32, 4);
  inputs.request = to_bytes(request);
  if (prover == Role::server) inputs.reply.assign(kReply.begin(), kReply.end());
  inputs.leaf_der = to_bytes(leaf_der);
  inputs.secret_tag.fill(5);
  return inputs;
}

}  // namespace attest::test
