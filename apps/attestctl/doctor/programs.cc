#include "apps/attestctl/doctor/programs.h"

#include <unistd.h>

#include <filesystem>

namespace attest::ctl::doctor {
namespace {

std::string port_of(const Ground& g) { return std::to_string(g.port); }
std::string address(const Ground& g) { return "127.0.0.1:" + port_of(g); }

std::string joined(const std::vector<std::string>& lines) {
  std::string out;
  for (const std::string& line : lines) out += line + "\n";
  return out;
}

// -- servers
// ----------------------------------------------------------------------------------------------------
Plan nginx(const Ground& g) {
  std::string conf = "worker_processes 1;\ndaemon off;\npid " + g.folder + "/pid;\nerror_log stderr info;\n" +
                     "events { worker_connections 16; }\nhttp {\naccess_log off;\n";
  for (const char* kind : {"client_body", "proxy", "fastcgi", "uwsgi", "scgi"})
    conf += std::string(kind) + "_temp_path " + g.folder + "/" + kind + ";\n";
  conf += "server { listen " + address(g) + " ssl; ssl_protocols TLSv1.2 TLSv1.3; ssl_certificate " +
          g.identity->cert_file + "; ssl_certificate_key " + g.identity->key_file + "; return 204; }\n}\n";
  return {
      {{"nginx.conf", conf}}, {}, {g.path, "-p", g.folder, "-c", g.folder + "/nginx.conf", "-e", "stderr"}};
}

Plan apache(const Ground& g) {
  std::string modules = "/usr/lib/apache2/modules/mod_";
  std::string conf = "ServerRoot " + g.folder + "\nServerName localhost\nPidFile " + g.folder +
                     "/pid\nDefaultRuntimeDir " + g.folder + "\nMutex sem\nErrorLog " + g.folder +
                     "/error.log\nLogLevel info\n";
  for (const char* name : {"mpm_event", "authz_core", "socache_shmcb", "ssl"})
    conf += std::string("LoadModule ") + name + "_module " + modules + name + ".so\n";
  conf += "StartServers 1\nServerLimit 1\nThreadsPerChild 4\nMaxRequestWorkers 4\nListen " + address(g) +
          "\nSSLEngine on\nSSLVerifyClient optional_no_ca\nSSLCertificateFile " + g.identity->cert_file +
          "\nSSLCertificateKeyFile " + g.identity->key_file + "\n";
  return {
      {{"apache.conf", conf}}, {}, {g.path, "-d", g.folder, "-f", g.folder + "/apache.conf", "-DFOREGROUND"}};
}

Plan haproxy(const Ground& g) {
  std::string conf =
      "global\n  log stdout format raw local0 info\n" + joined(g.admin) +
      "defaults\n  mode http\n  timeout connect 5s\n  timeout client 5s\n  timeout server 5s\n" +
      "frontend f\n  bind " + address(g) + " ssl crt " + g.identity->both_file +
      "\n  http-request return status 200\n";
  return {{{"haproxy.cfg", conf}}, {}, {g.path, "-f", g.folder + "/haproxy.cfg"}};
}

Plan stunnel(const Ground& g) {
  std::string conf = "foreground = yes\npid =\ndebug = info\nsyslog = no\n[doctor]\naccept = " + address(g) +
                     "\nconnect = 127.0.0.1:9\ncert = " + g.identity->cert_file +
                     "\nkey = " + g.identity->key_file + "\n";
  return {{{"stunnel.conf", conf}}, {}, {g.path, g.folder + "/stunnel.conf"}};
}

Plan redis(const Ground& g) {
  return {{},
          {},
          {g.path,
           "--port",
           "0",
           "--tls-port",
           port_of(g),
           "--bind",
           "127.0.0.1",
           "--dir",
           g.folder,
           "--save",
           "",
           "--daemonize",
           "no",
           "--tls-cert-file",
           g.identity->cert_file,
           "--tls-key-file",
           g.identity->key_file,
           "--tls-ca-cert-file",
           g.identity->cert_file,
           "--tls-auth-clients",
           "no"}};
}

Plan postgres(const Ground& g) {
  std::string data = g.folder + "/data";
  std::string bin = std::filesystem::path(g.path).parent_path().string();
  // PostgreSQL wants its key for itself alone: a copy made by a process of its own user.
  return {{},
          {{bin + "/initdb", "-D", data, "-U", "doctor", "-A", "trust", "--no-sync", "-E", "UTF8"},
           {"/usr/bin/install", "-m", "0600", g.identity->key_file, data + "/server.key"},
           {"/usr/bin/install", "-m", "0600", g.identity->cert_file, data + "/server.crt"}},
          {g.path, "-D", data, "--ssl=on", "--listen_addresses=127.0.0.1", "--port=" + port_of(g),
           "--unix_socket_directories=", "--fsync=off", "--shared_buffers=16MB", "--max_connections=10"}};
}

// -- clients
// ----------------------------------------------------------------------------------------------------
Plan curl(const Ground& g) {
  return {{},
          {},
          {g.path, "-q", "-sSk", "--max-time", "10", "-o", "/dev/null", "--resolve",
           "localhost:" + port_of(g) + ":127.0.0.1", "https://localhost:" + port_of(g) + "/"}};
}

Plan openssl(const Ground& g) {
  return {{}, {}, {g.path, "s_client", "-connect", address(g), "-servername", "localhost"}};
}

Plan psql(const Ground& g) {
  return {{},
          {},
          {g.path, "-X",
           "host=localhost hostaddr=127.0.0.1 port=" + port_of(g) +
               " user=doctor dbname=doctor connect_timeout=10 gssencmode=disable sslrootcert=" +
               g.identity->cert_file,
           "-c", "select 1"}};
}

Plan redis_cli(const Ground& g) {
  return {{},
          {},
          {g.path, "-e", "--tls", "--insecure", "--sni", "localhost", "-h", "127.0.0.1", "-p", port_of(g),
           "ping"}};
}

Plan python(const Ground& g) {
  return {{},
          {},
          {g.path, "-c",
           "import socket, ssl\nc = ssl.create_default_context()\nc.check_hostname = False\n"
           "c.verify_mode = ssl.CERT_NONE\ns = socket.create_connection(('127.0.0.1', " +
               port_of(g) +
               "), 10)\ns = c.wrap_socket(s, server_hostname='localhost')\ns.sendall(b'GET / "
               "HTTP/1.0\\r\\n\\r\\n')\n"
               "s.recv(1)\n"}};
}

Plan node(const Ground& g) {
  return {{},
          {},
          {g.path, "-e",
           "require('https').get({host: '127.0.0.1', port: " + port_of(g) +
               ", servername: 'localhost', rejectUnauthorized: false, timeout: 10000}, () => process.exit(0))"
               ".on('error', e => { console.log(e.message); process.exit(1); });"}};
}

}  // namespace

const std::vector<Program>& programs() {
  constexpr Opening kTls = Opening::tls, kPostgres = Opening::postgres;
  static const std::vector<Program> kPrograms = {
      {"nginx", true, kTls, "/usr/sbin/nginx", "", "www-data", "/usr/sbin/nginx", nginx},
      {"apache", true, kTls, "/usr/sbin/apache2", "/usr/lib/apache2/modules/mod_ssl.so", "www-data",
       "/usr/sbin/apachectl", apache},
      {"haproxy", true, kTls, "/usr/sbin/haproxy", "", "haproxy", "/usr/sbin/haproxy", haproxy},
      {"stunnel", true, kTls, "/usr/bin/stunnel4", "", "stunnel4", "/usr/bin/stunnel4", stunnel},
      {"redis", true, kTls, "/usr/bin/redis-server", "", "redis", "/usr/bin/redis-server", redis},
      {"postgresql", true, kPostgres, "/usr/lib/postgresql/*/bin/postgres", "", "postgres",
       "/usr/bin/pg_ctlcluster", postgres},
      {"curl", false, kTls, "/usr/bin/curl", "", "", "", curl},
      {"openssl", false, kTls, "/usr/bin/openssl", "", "", "", openssl},
      {"psql", false, kPostgres, "/usr/bin/psql", "/usr/lib/postgresql/*/bin/psql", "", "", psql},
      {"redis-cli", false, kTls, "/usr/bin/redis-cli", "", "", "", redis_cli},
      {"python", false, kTls, "/usr/bin/python3", "/usr/lib/python3*/lib-dynload/_ssl.*.so", "",
       "/usr/bin/python3", python},
      {"node", false, kTls, "/usr/bin/node", "", "", "/usr/bin/node", node},
  };
  return kPrograms;
}

}  // namespace attest::ctl::doctor
