// cmc-coap: CMC's agent API over CoAP, in front of cmcd-lite's socket: a process of its own, without rights of its own.
#include <arpa/inet.h>
#include <coap3/coap.h>
#include <poll.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <map>

#include "apps/cmc-coap/jobs.h"
#include "apps/cmc-coap/uploads.h"
#include "cmcd-lite/client/cmc_connection.h"
#include "cmcd-lite/protocol/loopback.h"
#include "evidence/core/owned.h"

namespace attest {
namespace {

volatile std::sig_atomic_t ended = 0;

using OwnedContext = Owned<coap_context_t, coap_free_context>;

// Waiting is a request whose answer is on its way.
struct Waiting {
  coap_mid_t mid = 0;  // libcoap brings the request back under another one
  std::optional<Result<CmcAnswer>> got;
};

// Front is lent to the resources of the context, and to the context itself.
struct Front {
  CmcClientOptions options;
  Jobs jobs;
  Uploads uploads;
  std::map<const void*, Waiting> waiting;  // by libcoap's name for them
};

// Request is what libcoap hands to a handler, lent.
struct Request {
  coap_resource_t* resource;
  coap_session_t* session;
  const coap_pdu_t* pdu;
  const coap_string_t* query;
  coap_pdu_t* response;
  Front& front() const { return *static_cast<Front*>(coap_resource_get_userdata(resource)); }
};

void answer(const Request& to, coap_pdu_code_t code, std::uint16_t format, Bytes body) {
  coap_pdu_set_code(to.response, code);
  auto* kept = new Bytes(std::move(body));  // libcoap sends it block by block and frees it then
  coap_add_data_large_response(to.resource, to.session, to.pdu, to.response, to.query, format, -1, 0, kept->size(), kept->data(),
                               [](coap_session_t*, void* data) { delete static_cast<Bytes*>(data); }, kept);
}

// format_of is the content format of a request; nullopt for any but JSON and CBOR.
std::optional<std::uint16_t> format_of(const coap_pdu_t* request) {
  coap_opt_iterator_t at;
  const coap_opt_t* option = coap_check_option(request, COAP_OPTION_CONTENT_FORMAT, &at);
  if (option == nullptr) return std::nullopt;
  unsigned format = coap_decode_var_bytes(coap_opt_value(option), coap_opt_length(option));
  if (format == COAP_MEDIATYPE_APPLICATION_JSON || format == COAP_MEDIATYPE_APPLICATION_CBOR)
    return static_cast<std::uint16_t>(format);
  return std::nullopt;
}

std::optional<cmc::Call> call_at(coap_resource_t* resource) {
  const coap_str_const_t* path = coap_resource_get_uri_path(resource);
  std::string_view name(reinterpret_cast<const char*>(path->s), path->length);
  for (std::uint32_t type = 1; auto call = cmc::call_of(type); type++)
    if (name == cmc::call_name(*call)) return call;
  return std::nullopt;
}

// refusal_of is the text of an answer that is none to this call.
std::optional<std::string> refusal_of(cmc::Call call, const Result<CmcAnswer>& got) {
  if (!got) return got.error().what;
  if (got->type == static_cast<std::uint32_t>(call)) return std::nullopt;
  auto refusal = cmc::decode_response(cmc::Call::error, got->payload);
  return refusal ? refusal->msg : refusal.error().what;
}

void refuse(const Request& to, coap_pdu_code_t code, std::string_view text) {
  answer(to, code, COAP_MEDIATYPE_TEXT_PLAIN, to_bytes(as_view(text)));
}

// begin_call has a whole payload answered by the daemon; libcoap brings the request back for its answer once that is
// there. A request that comes again meanwhile is acknowledged by libcoap and goes no further.
void begin_call(const Request& to, std::uint16_t format, Bytes payload) {
  auto encoding = cmc::encoding_of(payload);
  bool json = format == COAP_MEDIATYPE_APPLICATION_JSON;
  if (!encoding || (*encoding == cmc::Encoding::json) != json)
    return refuse(to, COAP_RESPONSE_CODE_UNSUPPORTED_CONTENT_FORMAT, "the payload is not of the content format it names");
  auto call = call_at(to.resource);
  if (!call) return refuse(to, COAP_RESPONSE_CODE_NOT_FOUND, "no such call");
  coap_async_t* later = coap_register_async(to.session, to.pdu, 0);
  if (later == nullptr) return refuse(to, COAP_RESPONSE_CODE_SERVICE_UNAVAILABLE, "no room for this call");
  Status started = to.front().jobs.start(later, [options = to.front().options, call = *call, payload = std::move(payload)] {
    return cmc_exchange(options, call, payload);
  });
  if (started) {
    to.front().waiting[later].mid = coap_pdu_get_mid(to.pdu);
    return coap_pdu_set_type(to.response, COAP_MESSAGE_NON);  // which libcoap does not send while it is empty
  }
  coap_free_async(to.session, later);
  refuse(to, COAP_RESPONSE_CODE_SERVICE_UNAVAILABLE, started.error().what);
}

// end_call answers a request that libcoap brought back, in its acknowledgement: CMC's clients cannot ask for the further
// blocks of an answer that comes in a message of its own.
void end_call(const Request& to, std::uint16_t format, const coap_async_t* later) {
  auto waited = to.front().waiting.extract(later);
  auto call = call_at(to.resource);
  if (waited.empty() || !waited.mapped().got || !call) return refuse(to, COAP_RESPONSE_CODE_INTERNAL_ERROR, "no answer");
  if (coap_pdu_get_type(to.pdu) == COAP_MESSAGE_CON) {
    coap_pdu_set_type(to.response, COAP_MESSAGE_ACK);
    coap_pdu_set_mid(to.response, waited.mapped().mid);
  }
  Result<CmcAnswer>& got = *waited.mapped().got;
  if (auto text = refusal_of(*call, got)) return refuse(to, COAP_RESPONSE_CODE_INTERNAL_ERROR, *text);
  answer(to, COAP_RESPONSE_CODE_CONTENT, format, std::move(got->payload));
}

std::size_t announced_size(const coap_pdu_t* request) {
  coap_opt_iterator_t at;
  const coap_opt_t* option = coap_check_option(request, COAP_OPTION_SIZE1, &at);
  return option == nullptr ? 0 : coap_decode_var_bytes(coap_opt_value(option), coap_opt_length(option));
}

// name_block says in the answer which block the request was.
void name_block(const Request& to, const coap_block_b_t& block) {
  std::uint8_t value[4];
  std::size_t size = coap_encode_var_safe(value, sizeof value, block.num << 4 | block.aszx);
  coap_add_option(to.response, COAP_OPTION_BLOCK1, size, value);
}

// serve_block takes one block of an upload. libcoap names the block in the answer to all but the last.
void serve_block(const Request& to, std::uint16_t format, const coap_block_b_t& block, View data) {
  Uploads::Block one{std::size_t{block.num} << (block.szx + 4), announced_size(to.pdu), block.m != 0, data};
  auto taken = to.front().uploads.take({to.session, to.resource, format}, one, Uploads::Clock::now());
  if (!one.more) name_block(to, block);
  if (Bytes* whole = std::get_if<Bytes>(&taken)) return begin_call(to, format, std::move(*whole));
  if (std::holds_alternative<Uploads::Goes>(taken)) return coap_pdu_set_code(to.response, COAP_RESPONSE_CODE_CONTINUE);
  if (std::get<Uploads::Trouble>(taken) == Uploads::Trouble::missing)
    return refuse(to, COAP_RESPONSE_CODE_INCOMPLETE, "a block is missing: blocks come in order, of one content format");
  refuse(to, COAP_RESPONSE_CODE_REQUEST_TOO_LARGE, "no room for so large a request");
}

void serve_post(coap_resource_t* resource, coap_session_t* session, const coap_pdu_t* request, const coap_string_t* query,
                coap_pdu_t* response) {
  Request to{resource, session, request, query, response};
  auto format = format_of(request);
  if (!format)
    return refuse(to, COAP_RESPONSE_CODE_UNSUPPORTED_CONTENT_FORMAT, "content format must be application/json or application/cbor");
  std::size_t size = 0;
  const std::uint8_t* data = nullptr;
  if (coap_get_data(request, &size, &data) == 0) return refuse(to, COAP_RESPONSE_CODE_BAD_REQUEST, "no payload");
  coap_block_b_t block{};
  bool in_blocks = coap_get_block_b(session, request, COAP_OPTION_BLOCK1, &block) != 0;
  if (const coap_async_t* later = coap_find_async(session, coap_pdu_get_token(request))) {
    if (in_blocks) name_block(to, block);
    return end_call(to, *format, later);
  }
  if (in_blocks) return serve_block(to, *format, block, {data, size});
  begin_call(to, *format, to_bytes(View(data, size)));
}

int note_event(coap_session_t* session, coap_event_t event) {
  auto* front = static_cast<Front*>(coap_get_app_data(coap_session_get_context(session)));
  if (event == COAP_EVENT_SERVER_SESSION_DEL && front != nullptr) front->uploads.forget(session);
  return 0;
}

bool add_resources(coap_context_t* context, Front& front) {
  for (std::uint32_t type = 1; auto call = cmc::call_of(type); type++) {
    coap_resource_t* resource = coap_resource_init(coap_make_str_const(cmc::call_name(*call)), 0);
    if (resource == nullptr) return false;
    coap_resource_set_userdata(resource, &front);
    coap_register_handler(resource, COAP_REQUEST_POST, serve_post);
    coap_add_resource(context, resource);
  }
  return true;
}

// udp_address is the numeric address as libcoap has it.
bool udp_address(const LoopbackAddress& loopback, coap_address_t& out) {
  coap_address_init(&out);
  if (loopback.host == "::1") {
    out.size = sizeof out.addr.sin6;
    out.addr.sin6.sin6_family = AF_INET6;
    out.addr.sin6.sin6_port = htons(loopback.port);
    return ::inet_pton(AF_INET6, "::1", &out.addr.sin6.sin6_addr) == 1;
  }
  out.size = sizeof out.addr.sin;
  out.addr.sin.sin_family = AF_INET;
  out.addr.sin.sin_port = htons(loopback.port);
  return ::inet_pton(AF_INET, loopback.host.c_str(), &out.addr.sin.sin_addr) == 1;
}

// deliver has libcoap bring back the requests whose answers have come.
void deliver(Front& front) {
  for (Jobs::Done& done : front.jobs.take()) {
    front.waiting[done.tag].got = std::move(done.got);
    coap_async_trigger(static_cast<coap_async_t*>(const_cast<void*>(done.tag)));
  }
}

// work goes on until a signal or an error ends it.
void work(coap_context_t* context, Front& front) {
  int coap = coap_context_get_coap_fd(context);
  while (ended == 0) {
    pollfd all[] = {{coap, POLLIN, 0}, {front.jobs.fd(), POLLIN, 0}};
    ::poll(all, 2, coap >= 0 ? 1000 : 10);  // without a descriptor of libcoap's its sockets are looked at again and again
    deliver(front);
    if (coap_io_process(context, COAP_IO_NO_WAIT) < 0) return;
  }
}

int serve(const std::string& listen, const CmcClientOptions& options) {
  auto jobs = Jobs::make();
  if (!jobs) {
    std::fprintf(stderr, "cmc-coap: %s\n", jobs.error().what.c_str());
    return 1;
  }
  Front front{options, *std::move(jobs), {}, {}};
  auto loopback = parse_loopback(listen);
  if (!loopback) {
    std::fprintf(stderr, "--listen %s\n", loopback.error().what.c_str());
    return 2;
  }
  OwnedContext context(coap_new_context(nullptr));
  coap_address_t address;
  coap_endpoint_t* endpoint = nullptr;
  if (context && udp_address(*loopback, address) && add_resources(context.get(), front))
    endpoint = coap_new_endpoint(context.get(), &address, COAP_PROTO_UDP);
  if (endpoint == nullptr) {
    std::fprintf(stderr, "cannot listen on %s\n", listen.c_str());
    return 1;
  }
  // libcoap cuts answers into blocks. What comes in blocks is put together here: it would take any size for true.
  coap_context_set_block_mode(context.get(), COAP_BLOCK_USE_LIBCOAP);
  coap_set_app_data(context.get(), &front);
  coap_register_event_handler(context.get(), note_event);
  coap_context_set_max_idle_sessions(context.get(), 256);
  std::printf("serving CMC's API over CoAP on %s, agent %s\n", listen.c_str(), front.options.address.c_str());
  std::fflush(stdout);
  work(context.get(), front);
  return 0;
}

}  // namespace
}  // namespace attest

int main(int argc, char** argv) {
  CLI::App app("cmc-coap carries calls of CMC's agent API from CoAP to cmcd-lite. It adds no rights: give it a socket of "
               "\"cmc\" in cmcd.json with \"remote\": true");
  std::string listen = "127.0.0.1:9955";
  attest::CmcClientOptions options;
  options.address = "unix:///run/attest/cmc-front.sock";
  options.timeout = std::chrono::seconds(60);
  app.add_option("--listen", listen, "loopback address and UDP port")->capture_default_str();
  app.add_option("--agent", options.address, "the daemon's socket")->capture_default_str();
  app.set_version_flag("--version", std::string("cmc-coap ") + ATTEST_VERSION);
  CLI11_PARSE(app, argc, argv);
  for (int signal : {SIGTERM, SIGINT}) std::signal(signal, [](int) { attest::ended = 1; });
  coap_startup();
  coap_set_log_level(LOG_ERR);
  int status = attest::serve(listen, options);
  coap_cleanup();
  return status;
}
