#include "test/support/forked.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>

#include "evidence/core/bytes.h"

namespace attest::test {
namespace {

Bytes encode(const Report& report) {
  Writer out;
  for (const auto& [name, value] : report) {
    out.lv32(as_view(name));
    out.lv32(as_view(value));
  }
  auto bytes = std::move(out).finish("report");
  return bytes ? *std::move(bytes) : Bytes();
}

Report decode(View bytes) {
  Report report;
  Reader in(bytes);
  while (in.more()) {
    std::string name(as_text(in.take32be(1 << 20)));
    report[name] = as_text(in.take32be(16 << 20));
  }
  return report;
}

[[noreturn]] void run(const std::string& conf, const std::function<void(Report&)>& body, int out) {
  ::setenv("OPENSSL_CONF", conf.c_str(), 1);
  ::signal(SIGPIPE, SIG_IGN);
  Report report;
  try {
    body(report);
  } catch (const std::exception& e) {
    report["threw"] = e.what();
  }
  Bytes bytes = encode(report);
  for (View left = bytes; !left.empty();) {
    ssize_t n = ::write(out, left.data(), left.size());
    if (n <= 0) break;
    left = left.subspan(static_cast<std::size_t>(n));
  }
  ::close(out);
  std::exit(0);  // exit handlers run: OpenSSL's clean-up is part of what is tested
}

}  // namespace

Forked::Forked(const std::string& conf, const std::function<void(Report&)>& body) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return;
  std::fflush(nullptr);
  pid_ = ::fork();
  if (pid_ == 0) {
    ::close(ends[0]);
    run(conf, body, ends[1]);
  }
  ::close(ends[1]);
  pipe_ = ends[0];
}

Forked::~Forked() {
  if (pid_ > 0) {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  if (pipe_ >= 0) ::close(pipe_);
}

Report Forked::wait() {
  if (pid_ <= 0) return {{"died", "no process"}};
  Bytes bytes;
  std::uint8_t buffer[65536];
  auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  for (;;) {
    auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    pollfd p{pipe_, POLLIN, 0};
    if (left.count() <= 0 || ::poll(&p, 1, static_cast<int>(left.count())) <= 0) {
      ::kill(pid_, SIGKILL);
      break;
    }
    ssize_t n = ::read(pipe_, buffer, sizeof buffer);
    if (n <= 0) break;
    bytes.insert(bytes.end(), buffer, buffer + n);
  }
  int status = 0;
  ::waitpid(pid_, &status, 0);
  pid_ = -1;
  Report report = decode(bytes);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
    report["died"] = WIFSIGNALED(status) ? "signal " + std::to_string(WTERMSIG(status)) : "exit code";
  return report;
}

}  // namespace attest::test
