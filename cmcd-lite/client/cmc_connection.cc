#include "cmcd-lite/client/cmc_connection.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>

#include "cmcd-lite/client/tcp.h"
#include "cmcd-lite/protocol/frames.h"
#include "evidence/core/printable.h"

namespace attest {
namespace {

constexpr std::size_t kStep = 65536;

Error failed(const CmcClientOptions& options, const char* doing, int error) {
  return {Errc::io, std::string("cmc agent: ") + doing + " " + options.address + ": " + std::strerror(error)};
}

Result<OwnedFd> connect_unix(const CmcClientOptions& options, const std::string& path, Deadline deadline) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path)
    return Error{Errc::denied, "cmc agent: socket path \"" + printable(path) + "\" is empty or longer than 107 bytes"};
  std::memcpy(address.sun_path, path.data(), path.size());
  OwnedFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return failed(options, "cannot make a socket for", errno);
  int error = EAGAIN;
  while (error == EAGAIN) {  // a Unix socket whose queue is full
    error = finish_connect(fd.get(), ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), deadline);
    if (error == EAGAIN && std::chrono::steady_clock::now() >= deadline) error = ETIMEDOUT;
    if (error == EAGAIN) ::poll(nullptr, 0, 2);
  }
  if (error != 0) return failed(options, "cannot connect to", error);
  return fd;
}

Result<OwnedFd> connect_host(const std::string& text, Deadline deadline) {
  std::size_t colon = text.rfind(':');
  std::string host = text.substr(0, colon);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  auto fd = connect_tcp(host, text.substr(colon + 1), deadline);
  if (!fd) return Error{Errc::io, "cmc agent: cannot connect to " + fd.error().what};
  return fd;
}

Result<OwnedFd> connect(const CmcClientOptions& options, Deadline deadline) {
  const std::string& text = options.address;
  if (text.starts_with("unix://")) return connect_unix(options, text.substr(7), deadline);
  if (text.starts_with("tcp://")) {
    if (text.find(':', 6) != std::string::npos) return connect_host(text.substr(6), deadline);
    return Error{Errc::denied, "cmc agent: \"" + printable(text) + "\" names no port"};
  }
  return text.find(':') == std::string::npos ? connect_unix(options, text, deadline) : connect_host(text, deadline);
}

Result<Bytes> frame_of(cmc::Call call, View payload) {
  Writer out;
  out.u32be(static_cast<std::uint32_t>(payload.size()));
  out.u32be(static_cast<std::uint32_t>(call));
  out.put(payload);
  return std::move(out).finish("cmc call");
}

Result<Bytes> receive_payload(int fd, std::size_t length, const CmcClientOptions& options, Deadline deadline) {
  Bytes answer;
  for (std::size_t left = length; left > 0;) {  // grow with what arrives, not with what is claimed
    std::size_t step = std::min(left, kStep);
    answer.resize(answer.size() + step);
    if (int error = receive_all(fd, std::span(answer).last(step), deadline))
      return failed(options, "answer cut short by", error);
    left -= step;
  }
  return answer;
}

}  // namespace

Result<CmcAnswer> cmc_exchange(const CmcClientOptions& options, cmc::Call call, View payload) {
  Deadline deadline = std::chrono::steady_clock::now() + options.timeout;
  TRY(OwnedFd fd, connect(options, deadline));
  TRY(Bytes frame, frame_of(call, payload));
  int sent = send_all(fd.get(), frame, deadline);  // who refuses early has answered all the same
  std::array<std::uint8_t, kFrameHeader> head{};
  if (int error = receive_all(fd.get(), head, deadline))
    return failed(options, sent != 0 ? "cannot send to" : "no answer from", sent != 0 ? sent : error);
  TRY(FrameHeader header, parse_frame_header(head, static_cast<std::uint32_t>(options.max_answer)));
  TRY(Bytes answer, receive_payload(fd.get(), header.length, options, deadline));
  return CmcAnswer{header.type, std::move(answer)};
}

Result<cmc::ApiResponse> cmc_call(const CmcClientOptions& options, const cmc::ApiRequest& request) {
  TRY(CmcAnswer answer, cmc_exchange(options, request.call, cmc::encode_request(request, options.encoding)));
  if (answer.type == static_cast<std::uint32_t>(cmc::Call::error)) {
    TRY(cmc::ApiResponse refusal, cmc::decode_response(cmc::Call::error, answer.payload));
    return Error{Errc::denied, "cmc agent: " + printable(refusal.msg, 1000)};
  }
  if (answer.type != static_cast<std::uint32_t>(request.call))
    return Error{Errc::malformed, "cmc agent answered with type " + std::to_string(answer.type)};
  return cmc::decode_response(request.call, answer.payload);
}

}  // namespace attest
