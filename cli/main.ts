/** `causeway`: what an operator asks a Causeway, and tells it, over its API. */
import { Command, CommanderError } from 'commander';
import { version } from '../activities/version.ts';
import { Api } from './api.ts';
import { auditCommand } from './commands/audit.ts';
import { completionCommand } from './commands/completion.ts';
import { deadLetterCommands } from './commands/deadLetters.ts';
import { destinationCommands } from './commands/destinations.ts';
import { doctorCommand } from './commands/doctor.ts';
import { keyCommands } from './commands/keys.ts';
import { laneCommands } from './commands/lanes.ts';
import { logCommand } from './commands/log.ts';
import { pauseCommands } from './commands/pause.ts';
import { portalLinkCommands } from './commands/portalLinks.ts';
import { replayCommands } from './commands/replays.ts';
import { secretCommands } from './commands/secrets.ts';
import type { Context } from './context.ts';
import { CliFailure, exitCodes } from './failure.ts';
import type { Io } from './io.ts';
import { jsonOf } from './output.ts';
import { readSettings } from './settings.ts';

const help = `
Where the Causeway is: CAUSEWAY_API (its address) and CAUSEWAY_API_KEY; without them the API's own
CAUSEWAY_API_HOST and CAUSEWAY_API_PORT, or .causeway/stack.json of this folder.

Exit codes: 0 ok, 1 failure, 2 usage, 3 not found, 4 unauthorised, 5 unreachable.`;

/** All commands, which do their work in this context. */
export function programOf(context: Context): Command {
  const program = new Command('causeway')
    .description("Reads the delivery log of a Causeway, and sends again what customers' brokers did not take.")
    .version(version)
    .addHelpText('after', help)
    .configureHelp({ showGlobalOptions: false })
    .helpCommand(false)
    .showHelpAfterError('(causeway --help, or --help after a command, shows what there is.)')
    .exitOverride()
    .configureOutput({ writeOut: context.io.out, writeErr: context.io.err });
  destinationCommands(program, context);
  laneCommands(program, context);
  deadLetterCommands(program, context);
  replayCommands(program, context);
  pauseCommands(program, context);
  logCommand(program, context);
  doctorCommand(program, context);
  completionCommand(program, context);
  keyCommands(program, context);
  portalLinkCommands(program, context);
  auditCommand(program, context);
  secretCommands(program, context);
  return program;
}

/** Runs one command and tells how the process should end. Never rejects. */
export async function main(argv: readonly string[], io: Io): Promise<number> {
  const program = programOf({ io, api: async () => new Api(await readSettings(io), io.stop) });
  try {
    const [first, ...rest] = argv;
    await program.parseAsync(first === 'help' ? [...rest, '--help'] : [...argv], { from: 'user' });
    return exitCodes.ok;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage; // It has said why.
    const { exit, code, message } = error instanceof CliFailure ? error : unforeseen(error);
    io.err(argv.includes('--json') ? jsonOf({ error: { code, message } }) : `causeway: ${message}\n`);
    return exitCodes[exit];
  }
}

const unforeseen = (error: unknown): CliFailure =>
  new CliFailure('failure', 'unforeseen', error instanceof Error ? error.message : String(error));
