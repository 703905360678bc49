#include "apps/attest-epochd/commands.h"

#include <mutex>

#include "evidence/core/file.h"
#include "evidence/core/hex.h"

namespace attest::epochd {
namespace {

constexpr std::size_t kMaxPem = 1 << 16;

Result<Verified<EpochId>> read_epoch(View bytes, const std::string& key_path) {
  TRY(Bytes pem, read_file(key_path, kMaxPem));
  TRY(Bytes spki, read_distributor_key(pem));
  TRY(OwnedPkey key, read_p256(spki));
  TRY(SignedEpochId epoch, decode_signed_epoch(bytes));
  return verify_epoch(epoch, key.get());
}

Result<Bytes> get(const FetchOptions& options) {
  if (options.url.starts_with("https://")) return https_get(options.url, options.ca, kMaxEpochBytes);
  if (options.url.find("://") != std::string::npos) return Error{Errc::unsupported, options.url + ": HTTPS or a path"};
  return read_file(options.url, kMaxEpochBytes);
}

// Newest is what the threads of the server hand out.
class Newest {
 public:
  void set(Bytes bytes) {
    std::lock_guard lock(mutex_);
    bytes_ = std::move(bytes);
  }
  Bytes get() const {
    std::lock_guard lock(mutex_);
    return bytes_;
  }

 private:
  mutable std::mutex mutex_;
  Bytes bytes_;
};

}  // namespace

Status serve(const ServeOptions& options, const Log& log, const Stopped& stopped) {
  TRY(Distributor distributor, Distributor::open(options.state));
  Newest newest;
  std::unique_ptr<Server> server;
  if (!options.https.cert.empty()) {
    TRY(server, Server::start(options.https, [&newest] { return newest.get(); }));
    log("serving https on port " + std::to_string(server->port()) + kPath);
  }
  std::string problem;
  do {
    auto epoch = distributor.next(wall_clock_now());
    Status done = epoch ? ok() : Status(epoch.error());
    if (epoch && !options.file.empty()) done = write_file_atomic(options.file, *epoch, 0644);
    newest.set(epoch ? *std::move(epoch) : Bytes());
    std::string now = done ? "" : done.error().what;
    if (now != problem) log(now.empty() ? "signing again" : now);
    problem = now;
  } while (!stopped(options.interval));
  return ok();
}

Status fetch_once(const FetchOptions& options) {
  TRY(Bytes bytes, get(options));
  TRY(auto epoch, read_epoch(bytes, options.key));
  auto held = read_file(options.out, kMaxEpochBytes);
  auto old = held ? read_epoch(*held, options.key) : Result<Verified<EpochId>>(held.error());
  if (old && (*old)->sequence == epoch->sequence && *held == bytes) return ok();
  if (old && (epoch->sequence <= (*old)->sequence || epoch->time < (*old)->time))
    return Error{Errc::stale, options.url + ": Epoch ID " + std::to_string(epoch->sequence) + " is not newer than number " +
                                  std::to_string((*old)->sequence) + ", which is here"};
  return write_file_atomic(options.out, bytes, 0644);
}

Status fetch(const FetchOptions& options, const Log& log, const Stopped& stopped) {
  if (options.interval.count() == 0) return fetch_once(options);
  std::string problem;
  do {
    Status done = fetch_once(options);
    std::string now = done ? "" : done.error().what;
    if (now != problem) log(now.empty() ? "Epoch IDs come again" : now);
    problem = now;
  } while (!stopped(options.interval));
  return ok();
}

Result<std::string> describe_file(const std::string& path, const std::string& key) {
  TRY(Bytes bytes, read_file(path, kMaxEpochBytes));
  TRY(auto epoch, read_epoch(bytes, key));
  return "number " + std::to_string(epoch->sequence) + " of " + format_rfc3339(epoch->time) + ", random " +
         to_hex(View(epoch->random)).substr(0, 12);
}

}  // namespace attest::epochd
