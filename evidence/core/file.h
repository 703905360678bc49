// file.h: whole files in and out, bounded.
#pragma once
#include "evidence/core/bytes.h"

namespace attest {

// read_file reads a file to its end, whatever size it claims (securityfs says 0). io if it cannot be opened
// or read, malformed if it holds more than max_bytes. Directories and special files other than pipes are io
// errors.
Result<Bytes> read_file(const std::string& path, std::size_t max_bytes);

// write_file_atomic writes beside the target, syncs and renames: readers see the old or the new file, never a
// part. The file gets exactly `mode` bits. io if any step fails; the target is then unchanged.
Status write_file_atomic(const std::string& path, View bytes, unsigned mode = 0644);

}  // namespace attest
