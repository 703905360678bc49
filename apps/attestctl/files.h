// files.h: reading and writing the files that commands are given.
#pragma once
#include <nlohmann/json.hpp>

#include "evidence/core/bytes.h"
#include "evidence/core/secret.h"

namespace attest::ctl {

using Json = nlohmann::json;

inline constexpr std::size_t kMaxInput = 16 << 20;
inline constexpr std::size_t kMaxBootFile = 1 << 30;  // kernels, initrds

// read_input reads a file, or stdin for "-".
Result<Bytes> read_input(const std::string& path, std::size_t max = kMaxInput);
// read_json reads a JSON object from a file or stdin; malformed otherwise.
Result<Json> read_json(const std::string& path);
// write_output writes to a file (whole or not at all), into a device or pipe that is there, or to stdout for "" and "-".
Status write_output(const std::string& path, View bytes, unsigned mode = 0644);
// create_new writes a file that must not exist yet; denied if it does.
Status create_new(const std::string& path, View bytes, unsigned mode = 0644);
// make_folder makes a folder and its parents; mode is that of the last one if it is new.
Status make_folder(const std::string& path, unsigned mode = 0755);

}  // namespace attest::ctl
