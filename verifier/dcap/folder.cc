#include "verifier/dcap/folder.h"

#include "evidence/core/file.h"

namespace attest {
namespace {

namespace fs = std::filesystem;
constexpr std::size_t kMaxFiles = 1024;

Status add_file(const fs::path& path, DcapCollateral& out, std::vector<std::string>& problems) {
  TRY(Bytes bytes, read_file(path.string(), kMaxCollateralBytes));
  Status added = add_collateral(bytes, out);
  if (!added && added.error().code != Errc::unsupported)
    problems.push_back(path.filename().string() + ": " + added.error().what);
  return ok();
}

}  // namespace

Result<DcapCollateral> read_collateral_folder(const fs::path& folder, std::vector<std::string>& problems) {
  DcapCollateral out;
  std::error_code failed;
  if (!fs::is_directory(folder, failed)) {
    CHECK_OK(add_file(folder, out, problems));
    return out;
  }
  std::vector<fs::path> paths;
  for (const auto& entry : fs::directory_iterator(folder, failed)) {
    if (entry.is_regular_file(failed) && entry.file_size(failed) <= kMaxCollateralBytes)
      paths.push_back(entry.path());
    if (paths.size() > kMaxFiles) return Error{Errc::malformed, folder.string() + ": more than 1024 files"};
  }
  if (failed) return Error{Errc::io, folder.string() + ": " + failed.message()};
  std::ranges::sort(paths);
  for (const fs::path& path : paths) CHECK_OK(add_file(path, out, problems));
  return out;
}

}  // namespace attest
