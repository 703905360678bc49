// file_tree.h: the files of a root file system that lies in a folder.
#pragma once
#include "evidence/core/hash.h"

namespace attest::ctl {

struct TreeFile {
  std::string path;  // on this machine
  std::string name;  // below the folder, from "/"
};

// files_of lists the regular files below a folder, sorted by name. Symbolic links are not followed, other file systems mounted
// below are. io if a folder cannot be read.
Result<std::vector<TreeFile>> files_of(const std::string& folder);

// hash_file reads a file piece by piece. io if it cannot be read.
Result<Digest> hash_file(const std::string& path, HashAlg alg);

// ima_signature_of is the attribute security.ima where it holds a signature; empty where it holds a hash or is absent.
Bytes ima_signature_of(const std::string& path);

}  // namespace attest::ctl
