// session.h: what every command of attestctl shares: the common options, the daemon, the exit code, the two
// ways of output.
#pragma once
#include <CLI/CLI.hpp>
#include <chrono>
#include <memory>
#include <nlohmann/json.hpp>

#include "evidence/core/bytes.h"

namespace attest::ctl {

using Json = nlohmann::json;

// Exit codes, as scripts know them.
enum class Exit : int { accepted = 0, refused = 1, usage = 2, cannot_tell = 3 };

// Session holds the options that stand before or after any command.
struct Session {
  std::string socket;  // --socket; empty: ATTEST_SOCKET, then the installed default
  std::string config = "/etc/attest/cmcd.json";
  bool json = false;     // --json: one JSON document on stdout and nothing else
  bool strict = false;   // --strict: a warning is a refusal
  bool verbose = false;  // -v: whole hashes
  Exit exit = Exit::accepted;
};

// Run is a command's work. An error becomes a message on stderr (or {"error":…} with --json) and exit code 3.
using Run = std::function<Result<Exit>(Session&)>;

// command adds a subcommand that runs `run` when it is chosen.
CLI::App* command(CLI::App& parent, Session& session, const std::string& name, const std::string& help,
                  Run run);

// group adds a subcommand that only has subcommands.
CLI::App* group(CLI::App& parent, const std::string& name, const std::string& help);

// usage reports a mistake in the arguments that CLI11 could not see.
Exit usage(const Session& session, const std::string& text);

// ask sends one control call to the daemon and returns its answer. While a person waits longer than two
// seconds, a line on the terminal says for what. io where the daemon does not answer; the daemon's own
// refusals come as they are.
Result<Json> ask(const Session& session, const Json& call, std::string_view what);

// print_json writes the document of --json; Exit::accepted, so that a command can end with it.
Exit print_json(const Json& document);

// settle turns the warnings of a command into its exit code: accepted, or refused under --strict.
inline Exit settle(const Session& session, bool warnings) {
  return warnings && session.strict ? Exit::refused : Exit::accepted;
}

}  // namespace attest::ctl
