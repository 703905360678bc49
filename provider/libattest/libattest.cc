// libattest.cc: the C functions over the C++ ones. Nothing is thrown past them.
#include "provider/libattest/libattest.h"

#include <openssl/err.h>

#include <algorithm>
#include <climits>
#include <exception>
#include <memory>
#include <optional>

#include "provider/libattest/links.h"
#include "provider/libattest/options.h"

struct attest_config {
  attest::atls::Options options;
  std::string error;
};

struct attest_session {
  SSL* ssl;
  attest::atls::Settings settings;
  std::shared_ptr<attest::atls::Agent> agent;
  std::string error, result, peer;
  bool judged = false;
  std::optional<attest::atls::Links> links;
};

namespace {

// at_edge runs body and turns anything thrown (memory alone can run out) into `failed`.
template <class T, class F>
T at_edge(T failed, F&& body) {
  try {
    return body();
  } catch (const std::exception&) {
    return failed;
  }
}

// keep notes how something went and gives what the program is told.
int keep(ATTEST_SESSION* session, const attest::Status& status) {
  session->error = status ? "" : status.error().what;
  return status ? 1 : 0;
}

int plain_result(ATTEST_SESSION* session, int result, std::size_t size) {
  if (result == 1) return static_cast<int>(size);
  if (SSL_get_error(session->ssl, result) == SSL_ERROR_ZERO_RETURN) return 0;
  const char* reason = ERR_reason_error_string(ERR_peek_last_error());
  session->error = reason != nullptr ? reason : "the connection ended";
  return -1;
}

}  // namespace

ATTEST_CONFIG* attest_config_new() {
  return at_edge<ATTEST_CONFIG*>(nullptr, [] { return new attest_config; });
}

int attest_config_set(ATTEST_CONFIG* config, const char* name, const char* value) {
  if (config == nullptr || name == nullptr || value == nullptr) return 0;
  return at_edge(0, [&] {
    attest::Status set = attest::atls::set_option(config->options, name, value);
    config->error = set ? "" : set.error().what;
    return set ? 1 : 0;
  });
}

const char* attest_config_error(const ATTEST_CONFIG* config) { return config != nullptr ? config->error.c_str() : ""; }

void attest_config_free(ATTEST_CONFIG* config) { delete config; }

int attest_prepare(const ATTEST_CONFIG* config, SSL_CTX* context) {
  if (config == nullptr || context == nullptr) return 0;
  return at_edge(0, [&] {
    return attest::atls::prepare(context, config->options.settings.reattest.count() > 0) ? 1 : 0;
  });
}

ATTEST_SESSION* attest_session_new(const ATTEST_CONFIG* config, SSL* ssl) {
  if (config == nullptr || ssl == nullptr) return nullptr;
  return at_edge<ATTEST_SESSION*>(nullptr, [&] {
    auto session = std::make_unique<attest_session>();
    session->ssl = ssl;
    session->settings = config->options.settings;
    session->agent = attest::atls::make_agent(config->options);
    return session.release();
  });
}

int attest_handshake(ATTEST_SESSION* session) {
  if (session == nullptr) return 0;
  return at_edge(0, [&] {
    using namespace attest;
    atls::Outcome out = atls::attest_connection(session->settings, session->ssl, *session->agent);
    session->judged = out.judged;
    session->result = as_text(out.judgement.result);
    session->peer = atls::peer_of(session->ssl).id;
    if (out.failure) return keep(session, *out.failure);
    if (session->settings.reattest.count() == 0) return keep(session, ok());
    auto links = atls::Links::make(session->settings, session->ssl, out, *session->agent);
    if (!links) return keep(session, links.error());
    session->links.emplace(*std::move(links));
    return keep(session, ok());
  });
}

int attest_read(ATTEST_SESSION* session, void* data, size_t size) {
  if (session == nullptr) return -1;
  size = std::min<size_t>(size, INT_MAX);
  return at_edge(-1, [&]() -> int {
    if (!session->links) {
      std::size_t came = 0;
      ERR_clear_error();
      int result = SSL_read_ex(session->ssl, data, size, &came);
      return plain_result(session, result, came);
    }
    auto came = session->links->read({static_cast<std::uint8_t*>(data), size});
    if (came) return static_cast<int>(*came);
    session->error = came.error().what;
    return -1;
  });
}

int attest_write(ATTEST_SESSION* session, const void* data, size_t size) {
  if (session == nullptr || size > INT_MAX) return -1;
  return at_edge(-1, [&]() -> int {
    attest::View bytes(static_cast<const std::uint8_t*>(data), size);
    if (session->links) return keep(session, session->links->write(bytes)) == 1 ? static_cast<int>(size) : -1;
    std::size_t sent = 0;
    ERR_clear_error();
    int result = size == 0 ? 1 : SSL_write_ex(session->ssl, data, size, &sent);
    return plain_result(session, result, sent);
  });
}

int attest_reattest(ATTEST_SESSION* session) {
  if (session == nullptr || !session->links) return 0;
  return at_edge(0, [&] { return keep(session, session->links->reattest()); });
}

const char* attest_error(const ATTEST_SESSION* session) { return session != nullptr ? session->error.c_str() : "no session"; }

const char* attest_result(const ATTEST_SESSION* session) {
  if (session == nullptr || !session->judged) return nullptr;
  return session->result.c_str();
}

const char* attest_peer(const ATTEST_SESSION* session) { return session != nullptr ? session->peer.c_str() : ""; }

void attest_session_free(ATTEST_SESSION* session) { delete session; }
