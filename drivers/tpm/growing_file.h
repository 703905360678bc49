// growing_file.h: a list that only grows, read piece by piece.
#pragma once
#include <string>

#include "evidence/core/bytes.h"
#include "evidence/core/fd.h"

namespace attest {

// GrowingFile reads what was appended since the last read, from regular files and from securityfs files,
// which claim size 0 and must be read to the end. The file stays open in between: the kernel then goes on
// where it stopped.
class GrowingFile {
 public:
  explicit GrowingFile(std::string path, std::size_t max_bytes)
      : path_(std::move(path)), max_bytes_(max_bytes) {}
  struct Piece {
    bool restarted = false;  // another file, or a shorter or different one: `bytes` begins at its start
    Bytes bytes;
  };
  // read fails with io, or with malformed once the file holds more than max_bytes.
  Result<Piece> read();
  // forget makes the next read begin at the start.
  void forget() { file_ = OwnedFd(); }
  const std::string& path() const { return path_; }

 private:
  Result<bool> continues() const;
  Result<Bytes> read_on();
  Error failed(const char* step) const;

  std::string path_;
  std::size_t max_bytes_;
  OwnedFd file_;
  std::size_t offset_ = 0;
  Bytes tail_;           // the last bytes before offset_
  bool pseudo_ = false;  // securityfs: its size says nothing, and it cannot shrink while the machine runs
};

}  // namespace attest
