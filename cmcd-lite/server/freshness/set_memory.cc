#include "cmcd-lite/server/freshness/set_memory.h"

#include <algorithm>

#include "evidence/cbor/cbor.h"
#include "evidence/core/file.h"
#include "evidence/core/printable.h"
#include "verifier/active_set.h"

namespace attest {
namespace {

namespace fs = std::filesystem;
constexpr std::size_t kMaxFollowed = 16;
constexpr std::size_t kMaxMemory = 16384;
constexpr std::size_t kMaxName = 256;
constexpr std::size_t kMaxLists = 64;
constexpr std::size_t kMaxListBytes = 2 << 20;

Result<std::vector<FollowedList>> decode(View bytes) {
  cbor::Reader in(bytes);
  std::vector<FollowedList> out;
  for (std::size_t n = in.array(kMaxFollowed); n > 0 && in.good(); n--) {
    FollowedList followed;
    if (in.array(3) != 3) in.fail("not three parts");
    followed.name = in.text(kMaxName);
    followed.sequence = in.uint();
    View digest = in.bytes(32);
    if (!digest.empty() && digest.size() != 32) in.fail("a digest that is no SHA-256");
    if (!digest.empty()) followed.digest = Digest::of(digest);
    out.push_back(std::move(followed));
  }
  CHECK_OK(in.done("memory of set lists"));
  return out;
}

Result<std::vector<FollowedList>> read_all(const fs::path& memory) {
  std::error_code ignored;
  if (!fs::exists(memory, ignored)) return std::vector<FollowedList>();
  TRY(Bytes bytes, read_file(memory, kMaxMemory));
  return decode(bytes);
}

// Judge looks at one list after the other and keeps the best.
class Judge {
 public:
  Judge(const std::string& name, const TrustStore& signers, const FollowedList& followed, UnixTime now)
      : name_(name), signers_(signers), followed_(followed), now_(now) {}

  void look(const fs::path& path) {
    auto bytes = read_file(path, kMaxListBytes);
    if (!bytes) return note("set-list.missing", bytes.error().what);
    auto list = verify_set_list(*bytes, signers_, now_);
    if (!list) return note("set-list.missing", path.string() + ": " + list.error().what);
    if ((*list)->name != name_) return;
    take(**list);
  }
  FoundList found() && {
    if (best_) return {std::make_shared<const SetList>(*std::move(best_)), ""};
    if (why_.empty()) why_ = "set-list.missing: no set list \"" + printable(name_) + "\" in the metadata folder";
    return {nullptr, why_ + ": no signed metadata counts"};
  }

 private:
  void note(const char* name, const std::string& why) {
    if (why_.empty()) why_ = std::string(name) + ": " + why;
  }
  void take(const SetList& list) {
    std::string followed = "number " + std::to_string(followed_.sequence) + " was followed before";
    if (list.version_time > now_ + ActiveSet::kClockSkew)
      return note("set-list.missing", describe(list) + ": its version " + printable(list.version, 40) + " lies in the future");
    if (now_ < list.not_before)
      return note("set-list.missing", describe(list) + ": not valid before " + format_rfc3339(list.not_before));
    if (list.sequence < followed_.sequence) return note("set-list.rollback", describe(list) + ": " + followed);
    if (list.sequence == followed_.sequence && !followed_.digest.empty() && list.digest != followed_.digest)
      return note("set-list.rollback", describe(list) + ": another list of the same number was followed before");
    if (!best_ || list.sequence > best_->sequence) best_ = list;
  }
  const std::string& name_;
  const TrustStore& signers_;
  const FollowedList& followed_;
  UnixTime now_;
  std::optional<SetList> best_;
  std::string why_;
};

}  // namespace

Result<std::optional<FollowedList>> read_followed(const fs::path& memory, std::string_view name) {
  TRY(auto all, read_all(memory));
  auto it = std::ranges::find(all, name, &FollowedList::name);
  return it == all.end() ? std::nullopt : std::optional(*it);
}

Status write_followed(const fs::path& memory, const FollowedList& followed) {
  auto read = read_all(memory);
  std::vector<FollowedList> all = read ? *std::move(read) : std::vector<FollowedList>();
  std::erase_if(all, [&](const FollowedList& old) { return old.name == followed.name; });
  if (all.size() >= kMaxFollowed) all.erase(all.begin());
  all.push_back(followed);
  cbor::Writer out;
  out.array(all.size());
  for (const FollowedList& one : all) {
    out.array(3);
    out.text(one.name);
    out.uint(one.sequence);
    out.bytes(one.digest.view());
  }
  return write_file_atomic(memory, std::move(out).finish(), 0600);
}

FoundList choose_list(const fs::path& folder, const std::string& name, const TrustStore& signers,
                      const Result<std::optional<FollowedList>>& followed, UnixTime now) {
  if (!followed) return {nullptr, "set-list.memory: " + followed.error().what + ": no signed metadata counts"};
  if (!*followed)
    return {nullptr, "set-list.memory: nothing is known of set list \"" + printable(name) +
                         "\": no signed metadata counts until attestctl metadata follow says from which sequence on"};
  std::vector<fs::path> paths;
  std::error_code error;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error))
    if (at->path().extension() == ".list" && at->is_regular_file(error) && paths.size() < kMaxLists) paths.push_back(at->path());
  std::ranges::sort(paths);
  Judge judge(name, signers, **followed, now);
  for (const fs::path& path : paths) judge.look(path);
  return std::move(judge).found();
}

}  // namespace attest
