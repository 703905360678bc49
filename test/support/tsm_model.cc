#include "test/support/tsm_model.h"

#include <algorithm>
#include <cerrno>

namespace attest::test {
namespace {

constexpr const char* kAttributes[] = {"provider", "generation", "privlevel", "inblob", "outblob", "auxblob"};

TsmFiles::Content text(const std::string& value) { return {0, to_bytes(as_view(value + "\n"))}; }

}  // namespace

bool TsmModel::is_attribute(const std::string& name) {
  return std::ranges::find(kAttributes, name) != std::end(kAttributes);
}

int TsmModel::trouble() {
  if (failures_ == 0) return 0;
  failures_--;
  return error_;
}

void TsmModel::fail_next(int times, int error) {
  std::lock_guard lock(mutex_);
  failures_ = times, error_ = error;
}

void TsmModel::intruder(int times) {
  std::lock_guard lock(mutex_);
  intrusions_ = times;
}

TsmModel::Folder* TsmModel::find(const std::filesystem::path& path) {
  auto found = folders_.find(path.parent_path().filename().string());
  return found == folders_.end() ? nullptr : &found->second;
}

int TsmModel::make_dir(const std::filesystem::path& path) {
  std::lock_guard lock(mutex_);
  if (mkdir_error_ != 0) return mkdir_error_;
  if (int error = trouble()) return error;
  made_++;
  return folders_.try_emplace(path.filename().string()).second ? 0 : EEXIST;
}

int TsmModel::remove_dir(const std::filesystem::path& path) {
  std::lock_guard lock(mutex_);
  return folders_.erase(path.filename().string()) == 1 ? 0 : ENOENT;
}

int TsmModel::write(const std::filesystem::path& path, View bytes) {
  std::lock_guard lock(mutex_);
  Folder* folder = find(path);
  std::string name = path.filename().string();
  if (folder == nullptr || !is_attribute(name)) return ENOENT;
  if (int error = trouble()) return error;
  if (name == "privlevel")
    folder->privlevel = static_cast<unsigned>(std::stoul(std::string(as_text(bytes))));
  else if (name == "inblob" && bytes.size() <= 64)
    folder->inblob = to_bytes(bytes);
  else
    return name == "inblob" ? EINVAL : EACCES;
  folder->generation++;
  return 0;
}

TsmFiles::Content TsmModel::read(const std::filesystem::path& path) {
  std::lock_guard lock(mutex_);
  Folder* folder = find(path);
  if (folder == nullptr) return {ENOENT, {}};
  if (int error = trouble()) return {error, {}};
  return attribute(*folder, path.filename().string());
}

TsmFiles::Content TsmModel::attribute(Folder& folder, const std::string& name) {
  if (name == "provider") return text(provider_);
  if (name == "generation") return text(std::to_string(folder.generation));
  if (name == "privlevel" || name == "inblob") return {EACCES, {}};
  if (name == "auxblob") return has_auxblob_ ? Content{0, auxblob_} : Content{ENOENT, {}};
  if (name != "outblob") return {ENOENT, {}};
  if (folder.inblob.empty()) return {EINVAL, {}};
  if (intrusions_ > 0) intrusions_--, folder.inblob.assign(64, 0xee), folder.generation++;
  if (folder.read_generation != folder.generation) folder.outblob = hardware_(folder.inblob, folder.privlevel);
  folder.read_generation = folder.generation;
  return {0, folder.outblob};
}

}  // namespace attest::test
