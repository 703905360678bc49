#include "apps/attestctl/metadata/sources.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "evidence/cmc/blob.h"
#include "evidence/core/fd.h"
#include "evidence/core/file.h"
#include "evidence/http/listing.h"
#include "evidence/metadata/jws.h"

namespace attest::ctl {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

class Fetch {
 public:
  Fetch(const HttpClient& client, const FetchLimits& limits) : client_(client), limits_(limits), until_(Clock::now() + limits.deadline) {}
  Status source(const std::string& where);
  Fetched out;

 private:
  Status add(View item);
  Status file(const std::string& path);
  Status folder(const std::string& path);
  Status blob(const std::string& path);
  Status listing(const http::Url& url, const std::string& html, std::size_t depth);
  Result<HttpAnswer> get(const http::Url& url);
  const HttpClient& client_;
  const FetchLimits& limits_;
  Clock::time_point until_;
  std::size_t bytes_ = 0;
};

Status Fetch::add(View item) {
  bytes_ += item.size();
  if (out.items.size() == limits_.items || bytes_ > limits_.bytes)
    return Error{Errc::malformed, "more than " + std::to_string(limits_.items) + " items or " + std::to_string(limits_.bytes >> 20) + " MiB"};
  out.items.push_back(to_bytes(item));
  return ok();
}

Status Fetch::file(const std::string& path) {
  TRY(Bytes bytes, read_file(path, kMaxMetadataBytes));
  return add(bytes);
}

Status Fetch::folder(const std::string& path) {
  std::error_code error;
  std::vector<std::string> files;
  for (fs::directory_iterator entry(path, error), end; !error && entry != end; entry.increment(error))
    if (entry->is_regular_file(error) && files.size() < limits_.items) files.push_back(entry->path().string());
  if (error) return Error{Errc::io, path + ": " + error.message()};
  std::ranges::sort(files);
  for (const std::string& one : files) CHECK_OK(file(one));
  return ok();
}

// read_blob reads the beginning of a file or block device: items stand there.
Result<Bytes> read_blob(const std::string& path) {
  OwnedFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat info {};
  if (!fd || fstat(fd.get(), &info) != 0) return Error{Errc::io, path + ": " + std::strerror(errno)};
  if (!S_ISREG(info.st_mode) && !S_ISBLK(info.st_mode)) return Error{Errc::io, path + ": neither a file nor a block device"};
  constexpr std::size_t kPiece = 1 << 20;
  Bytes out;
  while (out.size() < cmc::kMaxBlobBytes) {
    std::size_t held = out.size();
    out.resize(std::min(held + kPiece, cmc::kMaxBlobBytes));
    ssize_t n = read(fd.get(), out.data() + held, out.size() - held);
    if (n < 0 && errno != EINTR) return Error{Errc::io, path + ": " + std::strerror(errno)};
    out.resize(held + static_cast<std::size_t>(std::max<ssize_t>(n, 0)));
    if (n == 0) break;
  }
  return out;
}

Status Fetch::blob(const std::string& path) {
  TRY(Bytes bytes, read_blob(path));
  TRY(std::vector<View> items, cmc::split_blob(bytes));
  if (items.empty()) return Error{Errc::malformed, path + ": no items"};
  for (View item : items) CHECK_OK(add(item));
  return ok();
}

Result<HttpAnswer> Fetch::get(const http::Url& url) {
  if (Clock::now() >= until_) return Error{Errc::io, url.authority() + ": took too long"};
  TRY(HttpAnswer answer, client_.call(url, {}));
  if (answer.status != 200) return Error{Errc::io, url.authority() + url.path + ": answers " + std::to_string(answer.status)};
  return answer;
}

Status Fetch::listing(const http::Url& url, const std::string& html, std::size_t depth) {
  if (depth > limits_.depth) return Error{Errc::malformed, url.authority() + ": folders more than " + std::to_string(limits_.depth) + " deep"};
  TRY(std::vector<std::string> names, http::listed_names(html));
  for (const std::string& name : names) {
    TRY(http::Url below, http::join(url, name));
    TRY(HttpAnswer answer, get(below));
    if (answer.content_type.starts_with("text/html")) {
      if (!below.path.ends_with('/')) below.path += '/';
      CHECK_OK(listing(below, answer.body, depth + 1));
    } else {
      CHECK_OK(add(as_view(answer.body)));
    }
  }
  return ok();
}

Status Fetch::source(const std::string& where) {
  if (where.starts_with("file://")) {
    std::string path = where.substr(7);
    std::error_code failed;
    return fs::is_directory(path, failed) ? folder(path) : file(path);
  }
  if (where.starts_with("blob://")) return blob(where.substr(7));
  TRY(http::Url url, http::read_url(where));
  if (url.path.find('?') != std::string::npos) return Error{Errc::denied, where + ": a folder has no query"};
  if (!url.path.ends_with('/')) url.path += '/';
  TRY(HttpAnswer answer, get(url));
  return listing(url, answer.body, 1);
}

}  // namespace

Fetched fetch(const std::vector<std::string>& sources, const HttpClient& client, const FetchLimits& limits) {
  Fetch all(client, limits);
  for (const std::string& source : sources) {
    Status done = all.source(source);
    if (done)
      all.out.good_sources++;
    else
      all.out.problems.push_back(source + ": " + done.error().what);
  }
  return std::move(all.out);
}

}  // namespace attest::ctl
