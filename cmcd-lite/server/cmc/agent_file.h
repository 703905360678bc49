// agent_file.h: the configuration file of CMC's own agent, taken as it is.
#pragma once
#include <string>
#include <vector>

#include "evidence/core/result.h"

namespace attest {

// AgentSwitches are decisions that CMC's file has no words for; they come from the command line.
struct AgentSwitches {
  bool one_root = false;                  // its rootCas certify signers and attestation keys alike
  std::vector<std::string> remote_calls;  // as "remote_calls" of "cmc" in cmcd.json
};

// Converted is the same configuration as cmcd.json has it.
struct Converted {
  std::string json;                // text of a cmcd.json
  std::string state_dir;           // CMC's "storage"
  std::vector<std::string> notes;  // what has no meaning here, and what else has to be started
};

// convert_agent_file reads CMC's file, or several with commas between their names as CMC's --config takes them: members
// of later files overrule those of earlier ones, and errors name lines of all of them put together. Every key of CMC's
// agent is known; a key that nobody knows, and one that asks for what is not done here, is malformed with "file:line: …". Root and the daemon's own user get every right: CMC gives them
// to everybody. Relative paths are below the working directory, as in CMC.
Result<Converted> convert_agent_file(const std::string& path, const AgentSwitches& switches);

}  // namespace attest
