// secret_file.h: private keys and authorisation values in files that only the daemon's user may read.
#pragma once
#include <filesystem>

#include "evidence/core/secret.h"

namespace attest {

// read_secret_file reads at most max_bytes. denied unless the path names a regular file (no symbolic link)
// that belongs to our user and that nobody else may read or write; the text names the remedy. mismatch when
// there is no such file.
Result<Secret> read_secret_file(const std::filesystem::path& path, std::size_t max_bytes);
// write_secret_file writes it atomically with mode 0600; its folder is made with mode 0700 where absent.
Status write_secret_file(const std::filesystem::path& path, View bytes);
// random_secret is n bytes of the private random generator.
Result<Secret> random_secret(std::size_t n);

}  // namespace attest
