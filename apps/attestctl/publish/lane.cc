#include "apps/attestctl/publish/lane.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "evidence/core/fd.h"
#include "evidence/core/file.h"

namespace attest::ctl {

Fate fate_of(int status) {
  if (status >= 200 && status < 300) return Fate::delivered;
  for (int later : {401, 403, 404, 407, 408, 421, 425, 429})
    if (status == later) return Fate::later;
  return status >= 400 && status < 500 ? Fate::refused : Fate::later;
}

Result<std::string> read_token(const std::string& path) {
  struct stat info {};
  if (stat(path.c_str(), &info) != 0) return Error{Errc::io, path + ": " + std::strerror(errno)};
  if ((info.st_mode & 077) != 0) return Error{Errc::denied, path + ": others can read the token; chmod 600"};
  TRY(Bytes bytes, read_file(path, 8 << 10));
  std::string token(as_text(bytes));
  while (!token.empty() && (token.back() == '\n' || token.back() == '\r' || token.back() == ' ')) token.pop_back();
  bool good = !token.empty() && std::ranges::all_of(token, [](char c) { return c > 0x20 && c < 0x7f; });
  if (!good) return Error{Errc::malformed, path + ": no token of printable characters in one line"};
  return token;
}

Status append_line(const std::string& path, const std::string& text) {
  OwnedFd fd(open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600));
  if (!fd) return Error{Errc::io, path + ": " + std::strerror(errno)};
  struct stat before {};
  bool file = fstat(fd.get(), &before) == 0 && S_ISREG(before.st_mode);
  std::string line = text + "\n";
  errno = ENOSPC;  // of a short write
  bool written = ::write(fd.get(), line.data(), line.size()) == static_cast<ssize_t>(line.size()) && fsync(fd.get()) == 0;
  if (written) return ok();
  int error = errno;
  if (file && ftruncate(fd.get(), before.st_size) != 0) error = errno;  // half a line would spoil the next
  return Error{Errc::io, path + ": " + std::strerror(error)};
}

Lane::Lane(publish::Config config, publish::Target target, const HttpClient& client, publish::Spool spool)
    : config_(std::move(config)), target_(std::move(target)), client_(&client), spool_(std::move(spool)) {}

Result<Lane> Lane::make(const publish::Config& config, const publish::Target& target, const HttpClient& client) {
  TRY(publish::Spool spool, publish::Spool::open((config.queue / target.name).string(), {config.items, config.mib << 20}));
  Lane lane(config, target, client, std::move(spool));
  if (target.name != "file") {
    TRY(lane.url_, http::read_url(target.where));
  }
  return lane;
}

bool Lane::empty() const { return batch_.texts.empty() && spool_.waiting() == 0; }

Status Lane::next_batch() {
  if (!batch_.texts.empty() && at_ < batch_.texts.size()) return ok();
  if (!batch_.texts.empty()) CHECK_OK(spool_.take(batch_.number));
  batch_ = {};
  at_ = 0;
  TRY(batch_, spool_.oldest());
  return ok();
}

Result<Fate> Lane::post(const std::string& text) {
  http::Request request{"POST", "application/json", "", text};
  if (!config_.token.empty()) {
    TRY(std::string token, read_token(config_.token));  // read each time: it may be renewed
    request.authorization = "Bearer " + token;
  }
  TRY(HttpAnswer answer, client_->call(url_, request));
  Fate fate = fate_of(answer.status);
  if (fate != Fate::delivered) problem_ = url_.authority() + ": answers " + std::to_string(answer.status);
  return fate;
}

Result<Fate> Lane::send(const std::string& text) {
  if (target_.name != "file") return post(text);
  CHECK_OK(append_line(target_.where, text));
  return Fate::delivered;
}

void Lane::drain(std::size_t most, std::chrono::steady_clock::time_point now) {
  for (std::size_t i = 0; i < most; i++) {
    Status ready = next_batch();
    if (ready && batch_.texts.empty()) return;
    Result<Fate> fate = ready ? send(batch_.texts[at_]) : Result<Fate>(ready.error());
    if (!fate) problem_ = fate.error().what;
    if (!fate || *fate == Fate::later) {
      next_ = now + pause_;
      pause_ = std::min(pause_ * 2, kLongestPause);
      return;
    }
    pause_ = kFirstPause;
    (*fate == Fate::delivered ? delivered_ : refused_)++;
    if (*fate == Fate::delivered) problem_.clear();
    at_++;
  }
  if (Status done = next_batch(); !done) problem_ = done.error().what;
}

}  // namespace attest::ctl
