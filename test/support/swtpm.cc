#include "test/support/swtpm.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <thread>

#include "test/support/testdata.h"

namespace attest::test {
namespace {

constexpr std::uint16_t kNoSessions = 0x8001, kSessions = 0x8002;
constexpr std::uint32_t kShutdown = 0x145, kExtend = 0x182, kGetRandom = 0x17b;

// connect_to returns a connected socket that gives up after 20 s, or -1.
int connect_to(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return -1;
  path.copy(address.sun_path, path.size());
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  timeval limit{20, 0};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  if (fd >= 0 && connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    close(fd);
    return -1;
  }
  return fd;
}

Result<Bytes> receive(int fd, std::size_t n) {
  Bytes out(n);
  for (std::size_t at = 0; at < n;) {
    ssize_t got = recv(fd, out.data() + at, n - at, 0);
    if (got <= 0) return Error{Errc::io, "swtpm closed the connection"};
    at += static_cast<std::size_t>(got);
  }
  return out;
}

bool send_all(int fd, View bytes) {
  return send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size());
}

void write_text(const std::string& path, const std::string& text) { std::ofstream(path) << text; }

std::string shown(const std::string& path) {
  auto bytes = read_file(path);
  return bytes ? std::string(as_text(*bytes)) : "no output";
}

}  // namespace

TpmCommands::TpmCommands(const std::string& socket) : fd_(connect_to(socket)) {}
TpmCommands::~TpmCommands() {
  if (fd_ >= 0) close(fd_);
}

Result<Bytes> TpmCommands::command(std::uint16_t tag, std::uint32_t code, View body) {
  Writer out;
  out.u16be(tag);
  out.u32be(static_cast<std::uint32_t>(10 + body.size()));
  out.u32be(code);
  out.put(body);
  TRY(Bytes frame, std::move(out).finish("TPM command"));
  if (fd_ < 0 || !send_all(fd_, frame)) return Error{Errc::io, "swtpm is not connected"};
  TRY(Bytes head, receive(fd_, 10));
  Reader in(head);
  in.u16be();
  std::uint32_t size = in.u32be(), rc = in.u32be();
  if (size < 10 || size > 4096) return Error{Errc::malformed, "swtpm answered nonsense"};
  TRY(Bytes rest, receive(fd_, size - 10));
  if (rc != 0) return Error{Errc::io, "TPM response code " + std::to_string(rc)};
  return rest;
}

Status TpmCommands::extend(std::uint32_t pcr, const std::vector<std::pair<HashAlg, Digest>>& digests) {
  Writer body;
  body.u32be(pcr);
  body.u32be(9);           // authorisation: an empty password
  body.u32be(0x40000009);  // TPM_RS_PW
  body.u16be(0);
  body.u8(0);
  body.u16be(0);
  body.u32be(static_cast<std::uint32_t>(digests.size()));
  for (const auto& [alg, digest] : digests) {
    body.u16be(static_cast<std::uint16_t>(alg));
    body.put(digest.view());
  }
  TRY(Bytes bytes, std::move(body).finish("PCR_Extend"));
  CHECK_OK(command(kSessions, kExtend, bytes));
  return ok();
}

std::unique_ptr<Swtpm> Swtpm::start(Options options) {
  auto tpm = std::make_unique<Swtpm>();
  const std::filesystem::path state = tpm->dir_.path() / "state";
  std::filesystem::create_directory(state);
  std::error_code error;
  for (const auto& file : options.state.empty() ? std::filesystem::directory_iterator() : std::filesystem::directory_iterator(options.state, error)) {
    std::filesystem::copy_file(file.path(), state / file.path().filename(), error);
    std::filesystem::permissions(state / file.path().filename(), std::filesystem::perms::owner_read | std::filesystem::perms::owner_write, error);
  }
  if ((options.ek_certs && !tpm->manufacture()) || !tpm->run()) {
    ADD_FAILURE() << "swtpm does not start: " << shown(tpm->dir_.file("log"));
    return nullptr;
  }
  return tpm;
}

Swtpm::~Swtpm() { stop(); }

bool Swtpm::manufacture() {
  std::string dir = dir_.path();
  write_text(dir + "/localca.conf", "statedir = " + dir + "\nsigningkey = " + dir +
                                        "/signkey.pem\nissuercert = " + dir +
                                        "/issuercert.pem\ncertserial = " + dir + "/certserial\n");
  write_text(dir + "/localca.options",
             "--platform-manufacturer Example\n--platform-version 1.0\n--platform-model Test\n");
  write_text(dir + "/setup.conf",
             "create_certs_tool = /usr/bin/swtpm_localca\ncreate_certs_tool_config = " + dir +
                 "/localca.conf\ncreate_certs_tool_options = " + dir + "/localca.options\n");
  std::vector<std::string> argv = {"swtpm_setup",       "--tpm2",
                                   "--tpmstate",        dir + "/state",
                                   "--config",          dir + "/setup.conf",
                                   "--create-ek-cert",  "--create-platform-cert",
                                   "--lock-nvram",      "--pcr-banks",
                                   "sha1,sha256,sha384"};
  if (geteuid() == 0) argv.insert(argv.end(), {"--runas", "root"});
  return test::run(argv, dir_.file("log")) == 0;
}

bool Swtpm::ready() const {
  return TpmCommands(socket()).command(kNoSessions, kGetRandom, Bytes{0, 8}).operator bool();
}

bool Swtpm::run() {
  unlink(socket().c_str());
  unlink((socket() + ".ctrl").c_str());
  child_ = Child::start({"swtpm", "socket", "--tpm2", "--tpmstate", "dir=" + dir_.file("state"), "--server",
                         "type=unixio,path=" + socket(), "--ctrl", "type=unixio,path=" + socket() + ".ctrl",
                         "--flags", "not-need-init,startup-clear"},
                        dir_.file("log"));
  for (int i = 0; i < 500; i++) {
    if (ready()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return false;
}

void Swtpm::stop() {
  // An orderly shutdown spares the dictionary-attack counter; a TPM that is gone already needs none.
  if (child_.running()) static_cast<void>(TpmCommands(socket()).command(kNoSessions, kShutdown, Bytes{0, 0}));
  child_.stop();
}

bool Swtpm::reset() {
  const Bytes init = {0, 0, 0, 2, 0, 0, 0, 0};  // CMD_INIT, no flags
  int fd = connect_to(socket() + ".ctrl");
  bool done = fd >= 0 && send_all(fd, init);
  if (done) {
    auto answer = receive(fd, 4);
    done = answer && *answer == Bytes(4);
  }
  if (fd >= 0) close(fd);
  return done;
}

bool Swtpm::extend(std::uint32_t pcr, const std::vector<std::pair<HashAlg, Digest>>& digests) {
  return TpmCommands(socket()).extend(pcr, digests).operator bool();
}

}  // namespace attest::test
