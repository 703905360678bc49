// rootfs.h: the root file system of a container as one digest.
#pragma once
#include <string>

#include "evidence/core/hash.h"

namespace attest::container {

struct RootfsLimits {
  std::size_t entries = 2'000'000;
  std::size_t depth = 256;
  std::uint64_t bytes = std::uint64_t{256} << 30;  // of all files together
};

// rootfs_digest is SHA-256 of a tar archive (PAX) of the folder: entries in the order of their names, folder by folder, paths
// without a leading "./", folders with a slash at the end and without an entry for the root itself; mode, owner and
// group as they are, no names of them, time 0; hard links of anything but folders to the first path in that order;
// security.capability as SCHILY.xattr.security.capability, and no other extended attribute; sockets left out; two empty
// blocks at the end: byte for byte what Go's archive/tar writes, which CMC's tools use. Nothing is written. No link is followed, and a file system mounted below the folder is refused, since it is not the container's.
// io if something cannot be read or changes while it is read, malformed beyond the limits.
Result<Digest> rootfs_digest(const std::string& folder, const RootfsLimits& limits = {});

// tar_header is the header of one entry as it stands in the archive, PAX record included where one is due.
struct TarEntry {
  std::string path, link;
  char type = '0';  // '0' file, '1' hard link, '2' symbolic link, '3' and '4' devices, '5' folder, '6' pipe
  unsigned mode = 0, uid = 0, gid = 0, major = 0, minor = 0;
  std::uint64_t size = 0;
  Bytes capability = {};
};
Bytes tar_header(const TarEntry& entry);

}  // namespace attest::container
