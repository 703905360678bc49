// send_at_once.h: the first attempt to send an answer, made where the answer is.
#pragma once
#include <sys/socket.h>

#include <mutex>

#include "evidence/core/bytes.h"

namespace attest {

// send_at_once sends what the socket takes without waiting and returns how much; 0 once it is closed. From any thread:
// whoever closes the socket holds the mutex.
template <class Socket>
std::size_t send_at_once(Socket& socket, std::mutex& descriptor, View frame) {
  std::lock_guard lock(descriptor);
  if (!socket.is_open()) return 0;
  ssize_t n = ::send(socket.native_handle(), frame.data(), frame.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  return n > 0 ? static_cast<std::size_t>(n) : 0;
}

}  // namespace attest
