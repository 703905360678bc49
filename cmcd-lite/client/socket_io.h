// socket_io.h: whole messages over a non-blocking socket, until a deadline.
#pragma once
#include <chrono>

#include "evidence/core/bytes.h"

namespace attest {

using Deadline = std::chrono::steady_clock::time_point;

// Each returns 0, or an errno value: ETIMEDOUT when the deadline passes, ECONNRESET when the other end closed early.
int wait_for(int fd, short events, Deadline deadline);
int send_all(int fd, View bytes, Deadline deadline);
int receive_all(int fd, std::span<std::uint8_t> out, Deadline deadline);

}  // namespace attest
