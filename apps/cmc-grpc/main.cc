// cmc-grpc: CMC's agent API over gRPC, in front of cmcd-lite's socket: a process of its own, without rights of its own.
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <thread>

#include "cmcd-lite/client/cmc_connection.h"
#include "cmcd-lite/protocol/loopback.h"
#include "evidence/cmc/proto.h"

namespace attest {
namespace {

constexpr int kMaxMessage = 64 << 20;
constexpr int kMaxCalls = 64;  // at once; each has a thread that waits for the daemon

Bytes bytes_of(const grpc::ByteBuffer& buffer) {
  Bytes out;
  std::vector<grpc::Slice> slices;
  if (!buffer.Dump(&slices).ok()) return out;
  for (const grpc::Slice& slice : slices) out.insert(out.end(), slice.begin(), slice.end());
  return out;
}

grpc::StatusCode code_of(Errc code) {
  if (code == Errc::malformed) return grpc::StatusCode::INVALID_ARGUMENT;
  if (code == Errc::unsupported) return grpc::StatusCode::FAILED_PRECONDITION;
  return code == Errc::io ? grpc::StatusCode::UNAVAILABLE : grpc::StatusCode::PERMISSION_DENIED;
}

// ask carries one call to the daemon. Reports are CBOR and results JSON, as CMC's server has it.
Result<Bytes> ask(CmcClientOptions options, cmc::Call call, View message) {
  TRY(cmc::ApiRequest request, cmc::decode_proto_request(call, message));
  options.encoding = call == cmc::Call::verify ? cmc::Encoding::json : cmc::Encoding::cbor;
  TRY(cmc::ApiResponse response, cmc_call(options, request));
  return cmc::encode_proto_response(response);
}

// Reactor answers one unary call. It lives until gRPC is done with it.
class Reactor final : public grpc::ServerGenericBidiReactor {
 public:
  Reactor(const CmcClientOptions& options, std::atomic<int>& working, const std::string& method)
      : options_(options), working_(working), call_(cmc::proto_call(method)) {
    if (call_)
      StartRead(&in_);
    else
      Finish({grpc::StatusCode::UNIMPLEMENTED, "no such method"});
  }
  void OnReadDone(bool ok) override {
    if (!ok) return Finish({grpc::StatusCode::INVALID_ARGUMENT, "no message"});
    if (working_.fetch_add(1) >= kMaxCalls) {
      working_--;
      return Finish({grpc::StatusCode::RESOURCE_EXHAUSTED, "too many calls at once"});
    }
    std::thread([this] {
      auto answer = ask(options_, *call_, bytes_of(in_));
      working_--;
      if (!answer) return Finish({code_of(answer.error().code), answer.error().what});
      grpc::Slice slice(answer->data(), answer->size());
      out_ = grpc::ByteBuffer(&slice, 1);
      StartWriteAndFinish(&out_, {}, grpc::Status::OK);
    }).detach();
  }
  void OnDone() override { delete this; }

 private:
  CmcClientOptions options_;
  std::atomic<int>& working_;
  std::optional<cmc::Call> call_;
  grpc::ByteBuffer in_, out_;
};

class Front final : public grpc::CallbackGenericService {
 public:
  explicit Front(CmcClientOptions options) : options_(std::move(options)) {}
  grpc::ServerGenericBidiReactor* CreateReactor(grpc::GenericCallbackServerContext* context) override {
    return new Reactor(options_, working_, context->method());
  }

 private:
  CmcClientOptions options_;
  std::atomic<int> working_ = 0;  // calls that have a thread
};

int serve(const std::string& listen, const CmcClientOptions& options) {
  auto address = parse_loopback(listen);
  if (!address) {
    std::fprintf(stderr, "--listen %s\n", address.error().what.c_str());
    return 2;
  }
  Front front(options);
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  builder.AddListeningPort(listen, grpc::InsecureServerCredentials(), &port);
  builder.SetMaxReceiveMessageSize(kMaxMessage);
  builder.SetMaxSendMessageSize(kMaxMessage);
  builder.RegisterCallbackGenericService(&front);
  std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (!server || port == 0) {
    std::fprintf(stderr, "cannot listen on %s\n", listen.c_str());
    return 1;
  }
  std::printf("serving CMC's API over gRPC on port %d, agent %s\n", port, options.address.c_str());
  std::fflush(stdout);
  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGTERM);
  sigaddset(&ends, SIGINT);
  int signal = 0;
  sigwait(&ends, &signal);
  server->Shutdown(std::chrono::system_clock::now() + std::chrono::seconds(1));
  return 0;
}

}  // namespace
}  // namespace attest

int main(int argc, char** argv) {
  CLI::App app("cmc-grpc carries calls of CMC's agent API from gRPC to cmcd-lite. It adds no rights: give it a socket of "
               "\"cmc\" in cmcd.json with \"remote\": true");
  std::string listen = "127.0.0.1:9955";
  attest::CmcClientOptions options;
  options.address = "unix:///run/attest/cmc-front.sock";
  options.timeout = std::chrono::seconds(60);
  app.add_option("--listen", listen, "loopback address and port; port 0: any")->capture_default_str();
  app.add_option("--agent", options.address, "the daemon's socket")->capture_default_str();
  app.set_version_flag("--version", std::string("cmc-grpc ") + ATTEST_VERSION);
  CLI11_PARSE(app, argc, argv);
  sigset_t ends;  // before any thread is made, so that all of them leave these to sigwait
  sigemptyset(&ends);
  sigaddset(&ends, SIGTERM);
  sigaddset(&ends, SIGINT);
  pthread_sigmask(SIG_BLOCK, &ends, nullptr);
  return attest::serve(listen, options);
}
