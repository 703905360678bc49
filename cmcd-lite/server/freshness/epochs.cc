#include "cmcd-lite/server/freshness/epochs.h"

#include <sys/stat.h>

#include "evidence/cbor/cbor.h"
#include "evidence/core/file.h"

namespace attest {
namespace {

constexpr std::size_t kMaxSeen = 16;  // distributors
constexpr UnixTime kSaveEvery = 60;   // seconds: what is lost in between is as little
constexpr std::size_t kMaxMemory = 4096;

std::string key_of(const Digest& name) { return std::string(as_text(name.view())); }

Result<std::vector<EpochSeen>> decode_memory(View bytes) {
  cbor::Reader in(bytes);
  std::vector<EpochSeen> out;
  for (std::size_t n = in.array(kMaxSeen); n > 0 && in.good(); n--) {
    EpochSeen seen;
    if (in.array(4) != 4) in.fail("not four parts");
    seen.distributor = Digest::of(in.bytes(32, 32));
    seen.time = static_cast<UnixTime>(in.uint(INT64_MAX));
    seen.sequence = in.uint();
    seen.id = Digest::of(in.bytes(32, 32));
    out.push_back(seen);
  }
  CHECK_OK(in.done("memory of Epoch IDs"));
  return out;
}

}  // namespace

void Epochs::open(const std::filesystem::path& memory, const std::function<void(const std::string&)>& log) {
  std::lock_guard lock(mutex_);
  memory_ = memory;
  std::error_code ignored;
  if (!std::filesystem::exists(memory, ignored)) return;
  auto bytes = read_file(memory, kMaxMemory);
  auto seen = bytes ? decode_memory(*bytes) : Result<std::vector<EpochSeen>>(bytes.error());
  if (!seen) return log("epoch.order: the newest Epoch IDs are forgotten: " + seen.error().what);
  for (const EpochSeen& epoch : *seen) seen_[key_of(epoch.distributor)] = epoch;
}

bool Epochs::remember(const EpochSeen& epoch, UnixTime now) {
  if (epoch.time > now + kMaxAhead) return false;
  auto at = seen_.find(key_of(epoch.distributor));
  if (at == seen_.end() && seen_.size() >= kMaxSeen) return false;
  if (at != seen_.end() && (epoch.sequence <= at->second.sequence || epoch.time < at->second.time))
    return false;
  seen_[key_of(epoch.distributor)] = epoch;
  save(now);
  return true;
}

void Epochs::save(UnixTime now) {
  if (memory_.empty() || (now >= saved_ && now - saved_ < kSaveEvery)) return;
  cbor::Writer out;
  out.array(seen_.size());
  for (const auto& [name, seen] : seen_) {
    out.array(4);
    out.bytes(seen.distributor.view());
    out.uint(static_cast<std::uint64_t>(seen.time));
    out.uint(seen.sequence);
    out.bytes(seen.id.view());
  }
  if (write_file_atomic(memory_, std::move(out).finish(), 0600)) saved_ = now;
}

Status Epochs::read_source(const EpochSource& source, UnixTime now, bool& fresh) {
  struct stat info {};
  if (::stat(source.file.c_str(), &info) != 0)
    return Error{Errc::io, source.file.string() + ": no Epoch ID is there"};
  File& file = files_[source.file];
  bool same = file.device == info.st_dev && file.inode == info.st_ino &&
              file.changed.tv_sec == info.st_mtim.tv_sec && file.changed.tv_nsec == info.st_mtim.tv_nsec;
  if (same) return file.problem.empty() ? ok() : Status(Error{Errc::malformed, file.problem});
  TRY(Bytes bytes, read_file(source.file, kMaxEpochBytes));
  file.device = info.st_dev, file.inode = info.st_ino, file.changed = info.st_mtim;
  TRY(SignedEpochId id, decode_signed_epoch(bytes));
  TRY(OwnedPkey key, read_p256(source.distributor.spki_der));
  TRY(auto epoch, verify_epoch(id, key.get()));
  EpochSeen seen{source.distributor.name, epoch->time, epoch->sequence, epoch_digest(id)};
  auto known = seen_.find(key_of(seen.distributor));
  bool newest = remember(seen, now) || (known != seen_.end() && known->second.id == seen.id);
  if (!newest)
    return Error{Errc::stale, source.file.string() + ": Epoch ID " + std::to_string(seen.sequence) + " of " +
                                  format_rfc3339(seen.time) +
                                  " is not newer than what was seen, or lies ahead of our clock"};
  current_[key_of(seen.distributor)] = {std::move(id), seen};
  fresh = true;
  return ok();
}

bool Epochs::poll(const std::vector<EpochSource>& sources, UnixTime now) {
  std::lock_guard lock(mutex_);
  bool fresh = false;
  for (const EpochSource& source : sources) {
    Status read = read_source(source, now, fresh);
    files_[source.file].problem = read ? "" : read.error().what;
  }
  return fresh;
}

std::optional<CurrentEpoch> Epochs::current(const Digest& distributor) const {
  std::lock_guard lock(mutex_);
  auto it = current_.find(key_of(distributor));
  return it == current_.end() ? std::nullopt : std::optional(it->second);
}

void Epochs::note(const EpochSeen& epoch, UnixTime now) {
  std::lock_guard lock(mutex_);
  remember(epoch, now);
}

std::vector<EpochSeen> Epochs::seen() const {
  std::lock_guard lock(mutex_);
  std::vector<EpochSeen> out;
  for (const auto& [name, seen] : seen_) out.push_back(seen);
  return out;
}

std::vector<std::string> Epochs::problems() const {
  std::lock_guard lock(mutex_);
  std::vector<std::string> out;
  for (const auto& [path, file] : files_)
    if (!file.problem.empty()) out.push_back(file.problem);
  return out;
}

}  // namespace attest
