#include "drivers/tsm/report.h"

#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <thread>

#include "evidence/core/printable.h"

namespace attest {
namespace {

constexpr int kMaxRaces = 5;  // reports thrown away because somebody else wrote

bool transient(int error) { return error == EBUSY || error == EAGAIN || error == EINTR; }

Error failed(const std::filesystem::path& path, int error) {
  std::string what = path.string() + ": " + std::strerror(error);
  if (error == ENXIO) what += " (no hardware behind this interface, or its driver went away)";
  if (error == ENOENT) what += " (is configfs mounted, and has this kernel configfs-tsm?)";
  return {error == EACCES || error == EPERM ? Errc::denied : Errc::io, "tsm: " + what};
}

std::string trimmed(View bytes) {
  std::string text = printable(as_text(bytes), 64);
  while (text.ends_with('?') || text.ends_with(' ')) text.pop_back();  // the newline
  return text;
}

std::optional<std::uint64_t> number(View bytes) {
  std::string text = trimmed(bytes);
  std::uint64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

// Folder is a report's folder for as long as it is needed.
class TsmReporter::Folder {
 public:
  Folder(TsmFiles& files, std::filesystem::path path) : files_(files), path_(std::move(path)) {}
  ~Folder() {
    for (int tries = 0; tries < 10 && transient(files_.remove_dir(path_)); tries++) {
    }
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  std::filesystem::path operator/(const char* name) const { return path_ / name; }
  const std::filesystem::path& path() const { return path_; }

 private:
  TsmFiles& files_;
  std::filesystem::path path_;
};

// patiently repeats a call for as long as it says "later".
template <class Call>
int TsmReporter::patiently(Deadline deadline, Call call) {
  auto pause = options_.pause;
  for (;;) {
    int error = call();
    if (!transient(error) || std::chrono::steady_clock::now() + pause >= deadline) return error;
    std::this_thread::sleep_for(pause);
    pause = std::min(pause * 2, options_.pause * 100);
  }
}

Status TsmReporter::put(const std::filesystem::path& path, View bytes, Deadline deadline) {
  int error = patiently(deadline, [&] { return options_.files->write(path, bytes); });
  if (error != 0) return failed(path, error);
  return ok();
}

Result<Bytes> TsmReporter::get(const std::filesystem::path& path, Deadline deadline) {
  TsmFiles::Content content;
  int error = patiently(deadline, [&] {
    content = options_.files->read(path);
    return content.error;
  });
  if (error != 0) return failed(path, error);
  return std::move(content.bytes);
}

// get_if_there: attributes that older kernels lack, or that have no value for this provider.
Result<Bytes> TsmReporter::get_if_there(const std::filesystem::path& path, Deadline deadline) {
  TsmFiles::Content content;
  int error = patiently(deadline, [&] {
    content = options_.files->read(path);
    return content.error;
  });
  if (error == ENOENT || error == EINVAL || error == EOPNOTSUPP) return Bytes{};
  if (error != 0) return failed(path, error);
  return std::move(content.bytes);
}

Result<std::uint64_t> TsmReporter::generation(const std::filesystem::path& folder, Deadline deadline) {
  TRY(Bytes text, get(folder / "generation", deadline));
  auto value = number(text);
  if (!value) return Error{Errc::io, "tsm: " + (folder / "generation").string() + ": is no number"};
  return *value;
}

// counted: the folder has taken our writes and nobody else's.
Status TsmReporter::counted(const std::filesystem::path& folder, std::uint64_t due, Deadline deadline) {
  TRY(std::uint64_t now, generation(folder, deadline));
  if (now == due) return ok();
  return Error{Errc::mismatch, "tsm: " + folder.string() + " counts " + std::to_string(now) + " writes, " + std::to_string(due) + " are due"};
}

Result<TsmReport> TsmReporter::once(View report_data, std::string_view provider, Deadline deadline) {
  std::filesystem::path path = options_.root / ("attest-" + std::to_string(getpid()) + "-" + std::to_string(count_++));
  int made = patiently(deadline, [&] { return options_.files->make_dir(path); });
  if (made != 0) return failed(path, made);
  Folder folder(*options_.files, path);
  TsmReport out;
  TRY(Bytes name, get(folder / "provider", deadline));
  out.provider = trimmed(name);
  if (out.provider != provider)
    return Error{Errc::unsupported, "tsm: this machine's reports come from \"" + out.provider + "\", not from \"" + std::string(provider) + "\""};
  TRY(std::uint64_t before, generation(folder.path(), deadline));
  std::uint64_t writes = 1;
  if (options_.privlevel) {
    CHECK_OK(put(folder / "privlevel", as_view(std::to_string(*options_.privlevel)), deadline));
    writes++;
  }
  CHECK_OK(put(folder / "inblob", report_data, deadline));
  // The kernel takes a binary attribute when it is closed, and cannot say then that it did not.
  CHECK_OK(counted(folder.path(), before + writes, deadline));
  TRY(out.outblob, get(folder / "outblob", deadline));
  TRY(out.auxblob, get_if_there(folder / "auxblob", deadline));
  TRY(out.manifestblob, get_if_there(folder / "manifestblob", deadline));
  CHECK_OK(counted(folder.path(), before + writes, deadline));
  if (out.outblob.empty()) return Error{Errc::io, "tsm: " + (folder / "outblob").string() + ": is empty"};
  return out;
}

Result<TsmReport> TsmReporter::report(View report_data, std::string_view provider) {
  if (report_data.size() != kReportData)
    return Error{Errc::malformed, "tsm: report data of " + std::to_string(report_data.size()) + " bytes, 64 are due"};
  Deadline deadline = std::chrono::steady_clock::now() + options_.patience;
  for (int race = 0;; race++) {
    auto report = once(report_data, provider, deadline);
    bool raced = !report && report.error().code == Errc::mismatch;
    if (!raced || race == kMaxRaces) return report;
  }
}

}  // namespace attest
