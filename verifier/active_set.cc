#include "verifier/active_set.h"

#include <filesystem>

#include "evidence/core/file.h"
#include "evidence/core/printable.h"
#include "evidence/metadata/jws.h"
#include "evidence/native/message.h"

namespace attest {
namespace {

// list_items names the item files of a folder, sorted.
Result<std::vector<std::string>> list_items(const std::string& folder) {
  std::error_code error;
  std::vector<std::string> paths;
  std::filesystem::directory_iterator entries(folder, error);
  for (; !error && entries != std::filesystem::directory_iterator(); entries.increment(error)) {
    auto extension = entries->path().extension();
    if (extension != ".json" && extension != ".jws" && extension != ".cbor") continue;
    if (paths.size() == ActiveSet::kMaxFiles)
      return Error{Errc::malformed,
                   folder + ": more than " + std::to_string(ActiveSet::kMaxFiles) + " metadata items"};
    paths.push_back(entries->path().string());
  }
  if (error) return Error{Errc::io, folder + ": cannot read the metadata folder: " + error.message()};
  std::ranges::sort(paths);
  return paths;
}

// read_item: a pipe among the items must not hold up the daemon.
Result<Bytes> read_item(const std::string& path) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) return Error{Errc::io, path + ": not a regular file"};
  return read_file(path, kMaxMetadataBytes);
}

Status check_moment(const Metadata& metadata, UnixTime now) {
  if (metadata.version_time > now + ActiveSet::kClockSkew)
    return Error{Errc::stale,
                 describe(metadata) + ": its version lies in the future, now is " + format_rfc3339(now)};
  return ok();
}

// held_item lets go of bytes that could never travel: an item of ten thousand references has megabytes of them.
std::shared_ptr<const MetadataItem> held_item(MetadataItem&& item) {
  if (item.bytes.size() > kMaxEvidence) item.bytes = Bytes();
  return std::make_shared<const MetadataItem>(std::move(item));
}

}  // namespace

Result<ActiveSet> ActiveSet::load(const std::string& folder, const std::vector<Bytes>& signer_roots,
                                  UnixTime now, const std::vector<Bytes>& signer_crls,
                                  std::shared_ptr<const SetList> list) {
  ActiveSet set;
  set.list_ = std::move(list);
  TRY(TrustStore signers, TrustStore::make(signer_roots, signer_crls));
  set.signers_ = std::make_shared<const TrustStore>(std::move(signers));
  TRY(auto paths, list_items(folder));
  std::size_t total = 0;
  for (const std::string& path : paths) {
    auto bytes = read_item(path);
    if (!bytes) {
      set.problems_.push_back(bytes.error().what);
      continue;
    }
    total += bytes->size();
    if (total > kMaxFolderBytes) return Error{Errc::malformed, folder + ": more than 256 MiB of metadata"};
    set.load_file(path, *bytes, now);
  }
  return set;
}

void ActiveSet::load_file(const std::string& path, View bytes, UnixTime now) {
  auto problem = [&](const std::string& what) { problems_.push_back(path + ": " + what); };
  if (list_ && list_->find(sha256(bytes)) == nullptr) return;  // superseded, or never current: not worth a verification
  auto item = verify_metadata(bytes, *signers_, now);
  if (!item) return problem(item.error().what);
  const Metadata& metadata = *item->metadata;
  if (auto status = check_moment(metadata, now); !status) return problem(status.error().what);
  if (auto status = check_validity(metadata, now); !status) {
    problem(status.error().what);
    if (now < metadata.not_before) return;
  }
  if (list_ && !keep_listed(*item)) return problem(describe(metadata) + ": the set list lists it under another name or type");
  if (!list_) keep_newest(path, *std::move(item));
}

// keep_listed: the list's word decides which item of a name is current; the others are found by their digests alone.
bool ActiveSet::keep_listed(MetadataItem& item) {
  const SetEntry* entry = list_->find(item.digest);
  if (entry == nullptr || entry->type != item.metadata->type || entry->name != item.metadata->name) return false;
  auto held = held_item(std::move(item));
  if (entry->until)
    by_digest_[held->digest] = std::move(held);
  else
    put(std::move(held));
  return true;
}

void ActiveSet::keep_newest(const std::string& path, MetadataItem item) {
  auto held = find_name(item.metadata->type, item.metadata->name);
  if (held && held->digest == item.digest) return;
  bool newer = !held || item.metadata->version_time > held->metadata->version_time;
  if (held && held->metadata->version_time == item.metadata->version_time) {
    problems_.push_back(path + ": " + describe(*item.metadata) +
                        ": another item claims the same version; the one with the smaller digest counts");
    newer = as_text(item.digest.view()) < as_text(held->digest.view());  // the same choice on every machine
  }
  if (newer) put(held_item(std::move(item)));
}

void ActiveSet::put(std::shared_ptr<const MetadataItem> item) {
  auto& slot = items_[{item->metadata->type, item->metadata->name}];
  if (slot) by_digest_.erase(slot->digest);
  by_digest_[item->digest] = item;
  slot = std::move(item);
}

Status ActiveSet::add(View bytes, UnixTime now) {
  if (!signers_) return Error{Errc::denied, "metadata: no signer roots are configured"};
  TRY(MetadataItem item, verify_metadata(bytes, *signers_, now));
  const Metadata& metadata = *item.metadata;
  CHECK_OK(check_moment(metadata, now));
  CHECK_OK(check_validity(metadata, now));
  if (list_) {
    if (keep_listed(item)) return ok();
    return Error{Errc::denied, describe(metadata) + ": not in " + describe(*list_)};
  }
  auto held = find_name(metadata.type, metadata.name);
  if (held && held->digest == item.digest) return ok();
  if (held && held->metadata->version_time >= metadata.version_time)
    return Error{Errc::stale, describe(metadata) + ": version " + printable(held->metadata->version, 40) +
                                  " is in force here"};
  put(held_item(std::move(item)));
  return ok();
}

std::shared_ptr<const MetadataItem> ActiveSet::find(const Digest& digest) const {
  auto it = by_digest_.find(digest);
  return it == by_digest_.end() ? nullptr : it->second;
}

std::shared_ptr<const MetadataItem> ActiveSet::find_name(MetadataType type, std::string_view name) const {
  auto it = items_.find({type, std::string(name)});
  return it == items_.end() ? nullptr : it->second;
}

}  // namespace attest
