#include "evidence/publish/spool.h"

#include <sys/stat.h>

#include <algorithm>
#include <charconv>
#include <filesystem>

#include "evidence/core/file.h"
#include "evidence/json/reader.h"
#include "evidence/json/writer.h"

namespace attest::publish {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kEnd = ".batch";
constexpr std::size_t kDigits = 20;

bool read_number(std::string_view text, std::uint64_t& out) {
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc() && end == text.data() + text.size();
}

}  // namespace

std::string encode_batch(const std::vector<std::string>& texts) {
  JsonWriter out;
  out.array();
  for (const std::string& text : texts) out.text(text);
  out.end_array();
  return std::move(out).finish();
}

Result<std::vector<std::string>> parse_batch(View file) {
  JsonReader in(as_text(file));
  std::vector<std::string> out;
  in.array([&] {
    if (out.size() == kMaxBatchTexts) return in.fail("more than 4096 texts");
    out.emplace_back(in.text());
  });
  CHECK_OK(in.done("batch"));
  if (out.empty()) return Error{Errc::malformed, "batch: no texts"};
  return out;
}

// A file is called NUMBER-TEXTS.batch: counting needs no reading.
std::string Spool::path(std::uint64_t number, std::size_t texts) const {
  std::string digits = std::to_string(number);
  return folder_ + "/" + std::string(kDigits - std::min(kDigits, digits.size()), '0') + digits + "-" + std::to_string(texts) + std::string(kEnd);
}

std::vector<Spool::File> Spool::files() const {
  std::vector<File> out;
  std::error_code error;
  for (fs::directory_iterator entry(folder_, error), end; !error && entry != end; entry.increment(error)) {
    std::string name = entry->path().filename();
    std::size_t dash = name.find('-');
    if (!name.ends_with(kEnd) || dash == std::string::npos) continue;
    File file{};
    std::uint64_t texts = 0;
    std::string_view view(name);
    if (!read_number(view.substr(0, dash), file.number) || !read_number(view.substr(dash + 1, view.size() - kEnd.size() - dash - 1), texts))
      continue;
    std::error_code gone;
    file.texts = static_cast<std::size_t>(texts);
    file.bytes = static_cast<std::size_t>(entry->file_size(gone));
    if (!gone && path(file.number, file.texts).ends_with("/" + name)) out.push_back(file);
  }
  std::ranges::sort(out, {}, &File::number);
  return out;
}

Result<Spool> Spool::open(const std::string& folder, Limits limits) {
  std::error_code error;
  bool fresh = fs::create_directories(folder, error);
  if (error || (fresh && chmod(folder.c_str(), 0700) != 0)) return Error{Errc::io, folder + ": cannot be made: " + error.message()};
  Spool spool(folder, limits);
  auto files = spool.files();
  if (!files.empty()) spool.next_ = files.back().number + 1;
  return spool;
}

void Spool::make_room(std::size_t texts, std::size_t bytes) {
  std::vector<File> all = files();
  for (const File& file : all) {
    texts += file.texts;
    bytes += file.bytes;
  }
  for (const File& file : all) {
    if (texts <= limits_.texts && bytes <= limits_.bytes) return;
    std::error_code gone;
    if (fs::remove(path(file.number, file.texts), gone)) lost_ += file.texts;
    texts -= file.texts;
    bytes -= file.bytes;
  }
}

Status Spool::put(const std::vector<std::string>& texts) {
  std::string encoded = encode_batch(texts);
  if (texts.empty() || texts.size() > std::min(limits_.texts, kMaxBatchTexts) || encoded.size() > std::min(limits_.bytes, kMaxBatchBytes)) {
    lost_ += texts.size();
    return Error{Errc::denied, folder_ + ": a batch of " + std::to_string(texts.size()) + " texts is more than the queue may hold"};
  }
  make_room(texts.size(), encoded.size());
  Status written = write_file_atomic(path(next_, texts.size()), as_view(encoded), 0600);
  if (!written) {
    lost_ += texts.size();
    return written;
  }
  next_++;
  return ok();
}

Result<Batch> Spool::oldest() const {
  for (const File& file : files()) {
    std::string name = path(file.number, file.texts);
    auto bytes = read_file(name, kMaxBatchBytes);
    if (!bytes) continue;  // the writer made room meanwhile
    auto texts = parse_batch(*bytes);
    if (texts && texts->size() == file.texts) return Batch{file.number, *std::move(texts)};
    std::error_code failed;
    fs::rename(name, name + ".bad", failed);
    if (failed) return Error{Errc::io, name + ": is no batch and cannot be set aside: " + failed.message()};
  }
  return Batch{};
}

Status Spool::take(std::uint64_t number) {
  for (const File& file : files()) {
    if (file.number != number) continue;
    std::error_code error;
    fs::remove(path(file.number, file.texts), error);
    if (error) return Error{Errc::io, folder_ + ": cannot be emptied: " + error.message()};
  }
  return ok();
}

std::size_t Spool::waiting() const { return files().size(); }

}  // namespace attest::publish
