// attestctl metrics: the daemon's counters for Prometheus, printed once or served. A process of its own, so
// that the daemon itself needs no network.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <cstdio>
#include <cstring>

#include "apps/attestctl/commands.h"
#include "apps/attestctl/metrics_text.h"

namespace attest::ctl {
namespace {

constexpr timeval kPatience{5, 0};  // for one scrape to send its request and take its answer

struct Socket {
  explicit Socket(int f) : fd(f) {}
  ~Socket() {
    if (fd >= 0) close(fd);
  }
  Socket(const Socket&) = delete;
  Socket(Socket&& other) noexcept : fd(other.fd) { other.fd = -1; }
  int fd;
};

std::string current(const Session& session) {
  Result<Json> status = ask(session, {{"op", "status"}}, "waiting for the daemon");
  return status ? metrics_text(*status, wall_clock_now()) : metrics_down();
}

Error cannot_listen(const std::string& where) {
  return {Errc::io, "metrics: cannot listen at " + where + ": " + std::strerror(errno)};
}

Result<Socket> listen_unix(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path)
    return Error{Errc::denied, "metrics: " + path + " is too long for a socket"};
  std::memcpy(address.sun_path, path.data(), path.size());
  struct stat old {};
  if (lstat(path.c_str(), &old) == 0 && S_ISSOCK(old.st_mode)) unlink(path.c_str());
  Socket socket_(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (socket_.fd < 0 || bind(socket_.fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
      listen(socket_.fd, 16) != 0)
    return cannot_listen(path);
  return socket_;
}

Result<Socket> listen_tcp(const std::string& where) {
  std::size_t colon = where.rfind(':');
  sockaddr_in address{};
  address.sin_family = AF_INET;
  std::uint16_t port = 0;
  const char* end = where.data() + where.size();
  auto parsed = std::from_chars(colon == std::string::npos ? end : where.data() + colon + 1, end, port);
  if (colon == std::string::npos ||
      inet_pton(AF_INET, where.substr(0, colon).c_str(), &address.sin_addr) != 1 ||
      parsed.ptr != end || parsed.ec != std::errc{})
    return Error{Errc::denied,
                 "metrics: --listen " + where + ": write a path or ADDRESS:PORT, for example 127.0.0.1:9464"};
  address.sin_port = htons(port);
  Socket socket_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  int on = 1;
  setsockopt(socket_.fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (socket_.fd < 0 || bind(socket_.fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
      listen(socket_.fd, 16) != 0)
    return cannot_listen(where);
  return socket_;
}

// request_line reads the head of a request; empty if it is none or does not come.
std::string request_line(int fd) {
  std::string text;
  std::array<char, 1024> part{};
  auto until = std::chrono::steady_clock::now() + std::chrono::seconds(kPatience.tv_sec);
  while (text.size() < 8192 && text.find("\r\n\r\n") == std::string::npos) {
    if (std::chrono::steady_clock::now() >= until) return {};  // others wait
    ssize_t n = recv(fd, part.data(), part.size(), 0);
    if (n <= 0) return {};
    text.append(part.data(), static_cast<std::size_t>(n));
  }
  return text.substr(0, text.find("\r\n"));
}

void answer(const Session& session, int fd) {
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &kPatience, sizeof kPatience);
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &kPatience, sizeof kPatience);
  std::string line = request_line(fd);
  if (line.empty()) return;
  bool found = line.starts_with("GET /metrics ");
  std::string body = found ? current(session) : "GET /metrics\n";
  std::string head =
      std::string("HTTP/1.1 ") + (found ? "200 OK" : "404 Not Found") +
      "\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\nConnection: close\r\nContent-Length: " +
      std::to_string(body.size()) + "\r\n\r\n" + body;
  std::string_view rest = head;
  while (!rest.empty()) {
    ssize_t n = send(fd, rest.data(), rest.size(), MSG_NOSIGNAL);
    if (n <= 0) return;
    rest.remove_prefix(static_cast<std::size_t>(n));
  }
}

Result<Exit> run(const Session& session, const std::string& where) {
  if (where.empty()) {
    TRY(Json status, ask(session, {{"op", "status"}}, "waiting for the daemon"));
    std::printf("%s", metrics_text(status, wall_clock_now()).c_str());
    return Exit::accepted;
  }
  TRY(Socket listener, where.starts_with('/') ? listen_unix(where) : listen_tcp(where));
  while (true) {
    Socket connection(accept4(listener.fd, nullptr, nullptr, SOCK_CLOEXEC));
    if (connection.fd >= 0)
      answer(session, connection.fd);
    else if (errno != EINTR && errno != ECONNABORTED)
      return Error{Errc::io, std::string("metrics: accept: ") + std::strerror(errno)};
  }
}

}  // namespace

void add_metrics(CLI::App& app_, Session& session) {
  auto where = std::make_shared<std::string>();
  CLI::App* app =
      command(app_, session, "metrics", "print the daemon's counters for Prometheus, or serve them",
              [where](Session& s) { return run(s, *where); });
  app->add_option("--listen", *where,
                  "serve GET /metrics at a socket's path or ADDRESS:PORT instead of printing once");
}

}  // namespace attest::ctl
