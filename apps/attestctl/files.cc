#include "apps/attestctl/files.h"

#include <sys/stat.h>

#include <cstdio>
#include <filesystem>

#include "evidence/core/file.h"

namespace attest::ctl {
namespace fs = std::filesystem;

Result<Bytes> read_input(const std::string& path, std::size_t max) {
  return read_file(path == "-" ? "/dev/stdin" : path, max);
}

Result<Json> read_json(const std::string& path) {
  TRY(Bytes bytes, read_input(path));
  Json json = Json::parse(bytes.begin(), bytes.end(), nullptr, false);
  if (!json.is_object()) return Error{Errc::malformed, path + ": not a JSON object"};
  return json;
}

namespace {

// write_through writes into what is there and no file: a device, a pipe. It stays what it is.
Status write_through(const std::string& path, View bytes) {
  std::FILE* out = std::fopen(path.c_str(), "we");
  bool written = out != nullptr && std::fwrite(bytes.data(), 1, bytes.size(), out) == bytes.size();
  if (out != nullptr && std::fclose(out) != 0) written = false;
  return written ? ok() : Status(Error{Errc::io, path + ": cannot be written"});
}

}  // namespace

Status write_output(const std::string& path, View bytes, unsigned mode) {
  struct stat there {};
  // What those links lead to may be a file, and they have to stay links.
  bool named = !path.empty() && path != "-" && path != "/dev/stdout" && path != "/dev/fd/1" && path != "/proc/self/fd/1";
  if (named && stat(path.c_str(), &there) == 0 && !S_ISREG(there.st_mode)) return write_through(path, bytes);
  if (named) return write_file_atomic(path, bytes, mode);
  if (std::fwrite(bytes.data(), 1, bytes.size(), stdout) != bytes.size() || std::fflush(stdout) != 0)
    return Error{Errc::io, "stdout: cannot be written"};
  return ok();
}

Status create_new(const std::string& path, View bytes, unsigned mode) {
  std::error_code failed;
  if (fs::exists(fs::symlink_status(path, failed)))
    return Error{Errc::denied, path + ": exists already and is left as it is"};
  return write_file_atomic(path, bytes, mode);
}

Status make_folder(const std::string& path, unsigned mode) {
  std::error_code failed;
  if (fs::is_directory(path, failed)) return ok();
  fs::create_directories(path, failed);
  if (failed || chmod(path.c_str(), mode) != 0)
    return Error{Errc::io, path + ": cannot be made: " + (failed ? failed.message() : "no permission")};
  return ok();
}

}  // namespace attest::ctl
