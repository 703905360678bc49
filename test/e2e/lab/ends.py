"""The ends of a pair that several pairs have in common; mixed in before Pairing."""
from . import programs


class NginxServer:
    """nginx under the server's name."""

    def start(self, env, protocols="TLSv1.2 TLSv1.3"):
        web = self.world.web
        return programs.nginx(env, self.world.folder / "nginx", web.cert("localhost"), web.key("localhost"),
                              more=f"ssl_protocols {protocols};")

    def start_tls12(self, env):
        return self.start(env, "TLSv1.2")

    def start_misnamed(self, env):
        """nginx with a certificate of another name."""
        web = self.world.web
        return programs.nginx(env, self.world.folder / "nginx", web.ca, web.folder / "web-ca.key")


class CurlClient:
    def ask(self, env, server, *more):
        return programs.curl(env, server.port, self.world.web.ca, *more)

    def ask_tls12(self, env, server):
        return self.ask(env, server, "--tls-max", "1.2")


class ToolPair:
    """openssl s_server and s_client."""

    greeting = "HTTP/1.0 200 ok"

    def start(self, env, *more):
        web = self.world.web
        return programs.s_server(env, self.world.log("s_server"), web.cert("localhost"), web.key("localhost"), *more)

    def start_tls12(self, env):
        return self.start(env, "-tls1_2")

    def ask(self, env, server, *more):
        return programs.s_client(env, server.port, self.world.web.ca, *more)

    def ask_tls12(self, env, server):
        return self.ask(env, server, "-tls1_2")
